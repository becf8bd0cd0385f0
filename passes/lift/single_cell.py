"""A window of a single cell is a vector: what reads it acts at every cell of the map."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import onnx_graphsurgeon as gs

from ..result import RefusalCode, refuse
from ..splice import Splice
from ..use_def import producer
from ..window import Window
from .lifted import Cells, Edit, Grid
from .on_map import on_map


def is_vector(window: Window, step: Sequence[int]) -> bool:
    """Whether a window is one cell of a map that has a cell for each window that is wanted.

    Args:
        window: the window.
        step: cells from one window to the next, an axis each.
    """
    in_order = window.tokens is None and window.roles == tuple(range(len(window.roles)))
    in_place = window.is_cell and in_order
    one_axis = max(window.order.shape, default=0) == window.order.size
    every = all(stride == 1 for stride in window.strides(step))
    return bool(window.feature_map) and in_place and one_axis and every


def as_vector(
    node: gs.Node,
    tensor: gs.Tensor,
    window: Window,
    grid: Grid,
    step: Sequence[int],
    types: Mapping[str, int],
) -> tuple[Cells, Edit]:
    """The map that a window of one cell is a cell of.

    Args:
        node: the node that reads the window.
        tensor: the tensor of the original that it reads it from.
        window: the window.
        grid: which windows the cells of its map stand for.
        step: cells from one window to the next, an axis each.
        types: data types by tensor name.

    Returns:
        The map, and the edit that makes it, before ``node`` is lifted.

    Raises:
        Refused: the window has several cells, its features have several axes, or factors and
            summands that cannot be had on the map.
    """
    shape, size = window.order.shape, window.order.size
    picks = not window.is_whole
    if not is_vector(window, step) or (picks and window.source is tensor):
        every = is_vector(window, [1] * len(step))
        skips = ", of which not every one is wanted" if every and not picks else ""
        raise refuse(
            RefusalCode.INTERNAL_OUTPUT,
            node,
            expected="a dense layer or a pool after the window of the feature map",
            found=f"that {node.op} reads '{tensor.name}', the window itself{skips}",
            advice="Leave the option window_step out" if skips else "",
        )
    channel = shape.index(size)
    axes = (0, *(1 if axis == channel else None for axis in range(len(shape))))
    source = on_map(node, window, types)
    result = gs.Variable("") if picks or window.is_affine else window.source

    def edit(splice: Splice) -> None:
        made = source(splice)
        if picks:
            indices = splice.constant(f"{tensor.name}_channels", window.order.ravel())
            made = splice.before(node, "Gather", [made, indices], f"{tensor.name}_picked", axis=1)
        if made is not result:
            # Who reads the map knows it by the tensor that was promised.
            made.inputs[0].outputs = [result]
            result.name, result.dtype = made.name, made.dtype

    return Cells(result, axes, (size,), grid), edit


def strided(window: Window, step: Sequence[int]) -> tuple[Window, Edit]:
    """A window of one cell of a feature map of which every so-many-th cell is taken.

    Args:
        window: the whole feature map, one cell.
        step: cells from one window to the next, an axis each.

    Returns:
        The window, in the map of those cells, and the edit that makes this map.
    """
    tensor = gs.Variable("", dtype=window.source.dtype)

    def edit(splice: Splice) -> None:
        tensor.name = splice.names(f"{window.source.name}_strided")
        cell = list(window.extents)
        maker = producer(window.source)
        if maker is not None:
            splice.after(
                maker, "MaxPool", [window.source], tensor, kernel_shape=cell, strides=list(step)
            )

    return replace(window, source=tensor, pooled=window.extents), edit
