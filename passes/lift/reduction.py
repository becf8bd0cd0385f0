"""Reductions: of the whole map they become a pool, over features they stay."""

import math
from dataclasses import replace

import numpy as np
import onnx_graphsurgeon as gs

from ..operators import GLOBAL_POOLS, POOLS, REDUCTIONS
from ..result import RefusalCode, refuse
from ..window import Window
from .axis import along_axes, reduced
from .head import Head
from .lifted import Edit, unchanged
from .pooling import IDLE_ON_ONE, lift_pool


def lift_reduction(node: gs.Node, head: Head) -> Edit:
    """A reduction of the window's positions, or of a vector's features.

    Raises:
        Refused: it reduces all axes or the batch, or its axes are computed.
    """
    window, given = head.lifted.get(id(node.inputs[0])), head.operand(node, "axes", 1)
    if isinstance(window, Window) and not (window.is_cell and _takes_features(window, given)):
        return lift_pool(node, head)
    cells = head.cells(node, node.inputs[0])
    if given is None or not given.size:
        raise refuse(
            RefusalCode.BATCH_MIXED, node, expected="axes of features", found="all axes reduced"
        )
    axes = [int(axis) for axis in given]
    keeps = bool(node.attrs.get("keepdims", 1))
    result = reduced(node, cells, axes, keeps)
    if node.op in IDLE_ON_ONE and all(cells.axes[axis] is None for axis in axes):
        head.lifted[id(node.outputs[0])] = replace(result, tensor=cells.tensor)
        return unchanged
    targets = [head.feature_axis(node, cells, axis) for axis in axes]
    head.lifted[id(node.outputs[0])] = result
    return along_axes(node, axes, targets, None if "axes" in node.attrs else 1)


def _takes_features(window: Window, axes: np.ndarray | None) -> bool:
    """Whether a reduction takes the features of a window of one cell together."""
    return axes is not None and window.size != math.prod(
        extent
        for axis, extent in enumerate(window.order.shape, 1)
        if axis not in axes and axis - 1 - window.order.ndim not in axes
    )


RULES = {
    **dict.fromkeys(GLOBAL_POOLS | POOLS, lift_pool),
    **dict.fromkeys(REDUCTIONS, lift_reduction),
}
