"""A view by strides: a Gather that picks every element of a flattened tensor once, in an order."""

import numpy as np
import onnx_graphsurgeon as gs

from ..result import Rewrite, node_name
from .extents import Axes, Extent, small
from .sources import Sources
from .trunk import Trunk, baked, smalls


def strided_view(node: gs.Node, trunk: Trunk, merged: Extent) -> Axes:
    """Axes behind a Gather of all elements, which becomes a Reshape and a Transpose.

    Args:
        node: a Gather with constant indices.
        trunk: the trunk.
        merged: the only axis of its data.

    Raises:
        Refused: the indices do not walk through whole axes of the data.
    """
    indices = np.asarray(trunk.constants.values(node.inputs[1]))
    outer_first = _by_stride(indices)
    stored = trunk.extents.regroup(merged, [indices.shape[axis] for axis in outer_first])
    walked = np.array_equal(
        indices.transpose(outer_first).reshape(-1), np.arange(small(merged), dtype=indices.dtype)
    )
    if stored is None or not walked:
        raise baked(node, "that it picks from an axis that grows, not in an order of whole axes")
    order = [outer_first.index(axis) for axis in range(indices.ndim)]
    axes = tuple(stored[place] for place in order)
    trunk.need(node, stored)

    def edit(sources: Sources) -> Rewrite:
        data = sources.apply("Reshape", [node.inputs[0], sources.vector(stored)])
        node.op = "Transpose"
        node.attrs.clear()
        node.attrs["perm"] = order
        node.inputs = [data]
        return Rewrite(
            node=node_name(node),
            before=f"Gather of {smalls(axes)}",
            after=f"Transpose to {trunk.text(axes)}",
        )

    trunk.edits[id(node)] = edit
    return axes


def _by_stride(indices: np.ndarray) -> list[int]:
    """Axes of the indices from the largest step between neighbours to the smallest."""
    steps = [
        int(indices.take([1], axis).flat[0] - indices.flat[0]) if indices.shape[axis] > 1 else 0
        for axis in range(indices.ndim)
    ]
    return sorted(range(indices.ndim), key=lambda axis: -steps[axis])
