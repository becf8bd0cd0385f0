"""Operators that compute every element on its own, and how their operands meet."""

from collections.abc import Sequence

import onnx_graphsurgeon as gs

from ..operators import UNARY, VARIADIC
from ..result import RefusalCode, Refused, refuse
from .demands import ask
from .extents import Axes, Extent, grows, large, small
from .trunk import Trunk, operands, smalls


def same_axes(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Every output has the axes of the first input."""
    return [trunk.axes(node, node.inputs[0])] * len(node.outputs)


def broadcast(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """The operands are broadcast against one another."""
    members = [(tensor, range(len(trunk.axes(node, tensor)))) for tensor in operands(node)]
    return [broadcast_axes(node, trunk, members)]


def broadcast_axes(node: gs.Node, trunk: Trunk, members: Sequence[tuple[gs.Tensor, range]]) -> Axes:
    """Axes of operands that are broadcast, aligned at the last of the given axes of each.

    Raises:
        Again: an operand must take another extent.
        Refused: the operands fit together at the original size only.
    """
    rank = max(len(axes) for _, axes in members)
    return tuple(
        meet(
            node,
            trunk,
            [(tensor, axes[-place]) for tensor, axes in members if len(axes) >= place],
            broadcasts=True,
        )
        for place in range(rank, 0, -1)
    )


def meet(
    node: gs.Node, trunk: Trunk, members: Sequence[tuple[gs.Tensor, int]], *, broadcasts: bool
) -> Extent:
    """The extent of axes that must be the same.

    Args:
        node: where they meet.
        trunk: the trunk.
        members: tensors and the axis of each.
        broadcasts: whether an axis of one element fits any extent.

    Raises:
        Again: an operand must take another extent.
        Refused: they fit together at the original size only.
    """
    found = [(*member, trunk.axes(node, member[0])[member[1]]) for member in members]
    # What many positions share with one is theirs; of those, the first that grows.
    whole = max((extent for *_, extent in found), key=lambda e: (small(e) != 1, grows(e)))
    for tensor, axis, extent in found:
        if extent == whole or (broadcasts and not extent):
            continue
        if small(extent) == small(whole) and large(extent) == large(whole):
            # Equal here, but perhaps not at every size: a baked one takes the other's extent.
            ask(node, trunk, tensor, axis, whole)
            ask(node, trunk, *_owner(found, whole), extent)
            continue
        wanted: Extent = () if grows(extent) and small(extent) == 1 else whole
        if not ask(node, trunk, tensor, axis, wanted, broadcasts=broadcasts) and not (
            not extent and ask(node, trunk, *_owner(found, whole), ())
        ):
            raise _misfit(node, trunk, tensor)
    return whole


def _owner(found: Sequence[tuple[gs.Tensor, int, Extent]], whole: Extent) -> tuple[gs.Tensor, int]:
    return next((tensor, axis) for tensor, axis, extent in found if extent == whole)


def _misfit(node: gs.Node, trunk: Trunk, tensor: gs.Tensor) -> Refused:
    constant = tensor in trunk.constants
    return refuse(
        RefusalCode.MAP_SIZED_CONSTANT if constant else RefusalCode.BAKED_EXTENT,
        node,
        expected="operands that grow with the map, or have one element where it grows",
        found=f"{'the constant ' if constant else ''}'{tensor.name}'"
        f" of shape {smalls(trunk.axes(node, tensor))}",
    )


RULES = {
    **dict.fromkeys(UNARY | {"Clip", "Dropout", "MeanVarianceNormalization"}, same_axes),
    **dict.fromkeys(VARIADIC, broadcast),
}
