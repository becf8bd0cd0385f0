"""Operators that act along some axes."""

from collections.abc import Callable

import onnx_graphsurgeon as gs

from ..operators import REDUCTIONS
from ..signatures import reduced_axes, softmax_axes
from .elementwise import meet
from .extents import Axes, Extent, fixed, grows, large, small
from .trunk import Rule, Trunk, baked, operands


def _kept(axes_of: Callable[[gs.Node, int, Trunk], list[int]]) -> Rule:
    """The axes stay; those that the operator acts along must not grow."""

    def rule(node: gs.Node, trunk: Trunk) -> list[Axes]:
        data = trunk.axes(node, node.inputs[0])
        trunk.refuse_growing(node, axes_of(node, len(data), trunk))
        return [data] * len(node.outputs)

    return rule


def _one_axis(default: int) -> Callable[[gs.Node, int, Trunk], list[int]]:
    return lambda node, rank, trunk: [int(node.attrs.get("axis", default))]


def _from_axis(default: int) -> Callable[[gs.Node, int, Trunk], list[int]]:
    """All axes from ``axis`` on are one to the operator."""
    return lambda node, rank, trunk: list(range(int(node.attrs.get("axis", default)) % rank, rank))


def _cumulated(node: gs.Node, rank: int, trunk: Trunk) -> list[int]:
    axis = trunk.constant_operand(node, "axis", 1)
    return list(range(rank)) if axis is None else [int(axis[0])]


def _step_axes(node: gs.Node, rank: int, trunk: Trunk) -> list[int]:
    """The axis along which quantization steps differ."""
    if node.attrs.get("block_size", 0):
        raise baked(node, "steps a block")
    return [int(node.attrs.get("axis", 1))] if any(trunk.axes(node, node.inputs[1])) else []


def softmax(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Softmax may sum over positions: their weights sum to one at any size."""
    data = trunk.axes(node, node.inputs[0])
    if node.op != "Softmax":
        trunk.refuse_growing(node, softmax_axes(node, len(data), trunk.opset))
    return [data]


def reduction(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Axes become one element, or go."""
    data = trunk.axes(node, node.inputs[0])
    gone = reduction_axes(node, trunk, len(data))
    keeps = bool(node.attrs.get("keepdims", 1))
    return [
        tuple(
            () if axis in gone else extent
            for axis, extent in enumerate(data)
            if keeps or axis not in gone
        )
    ]


def reduction_axes(node: gs.Node, trunk: Trunk, rank: int) -> set[int]:
    """Axes that a reduction takes together.

    Raises:
        Refused: they depend on the image.
    """
    return reduced_axes(node, trunk.constant_operand(node, "axes", 1), rank)


def index_of_extreme(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """ArgMax and ArgMin: one axis becomes one element, or goes."""
    data = trunk.axes(node, node.inputs[0])
    gone = int(node.attrs.get("axis", 0)) % len(data)
    trunk.refuse_growing(node, [gone])
    one: Axes = ((),) if node.attrs.get("keepdims", 1) else ()
    return [(*data[:gone], *one, *data[gone + 1 :])]


def largest(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """TopK: an axis keeps its ``k`` largest elements."""
    data = trunk.axes(node, node.inputs[0])
    axis = int(node.attrs.get("axis", -1)) % len(data)
    trunk.refuse_growing(node, [axis])
    count = trunk.constant_operand(node, "k", 1)
    if count is None:
        raise baked(node, "no k")
    return [(*data[:axis], fixed(int(count[0])), *data[axis + 1 :])] * 2


def concat(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Tensors one behind the other along an axis; the other axes must be the same."""
    tensors = operands(node)
    shapes = [trunk.axes(node, tensor) for tensor in tensors]
    rank = len(shapes[0])
    along = int(node.attrs["axis"]) % rank
    return [
        tuple(
            _sum(node, trunk, [shape[axis] for shape in shapes])
            if axis == along
            else meet(node, trunk, [(tensor, axis) for tensor in tensors], broadcasts=False)
            for axis in range(rank)
        )
    ]


def _sum(node: gs.Node, trunk: Trunk, extents: list[Extent]) -> Extent:
    """Elements of concatenated axes."""
    growing = [extent for extent in extents if grows(extent)]
    others = sum(small(extent) for extent in extents if not grows(extent))
    if not growing:
        return fixed(others)
    if len(growing) == 1:
        return trunk.extents.shifted(growing[0], others)
    if len({base for extent in growing for base in trunk.extents.bases(extent)}) == 1:
        raise baked(node, "parts of one axis that are put together again")
    totals = (sum(map(f, growing)) + others for f in (small, large))
    return trunk.extents.growing(*totals, "sum", tuple(extents))


RULES: dict[str, Rule] = {
    **dict.fromkeys(REDUCTIONS, reduction),
    **dict.fromkeys(("ArgMax", "ArgMin"), index_of_extreme),
    "LpNormalization": _kept(_one_axis(-1)),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), _kept(_from_axis(-1))),
    **dict.fromkeys(("Hardmax", "LogSoftmax", "Softmax"), softmax),
    **dict.fromkeys(("DequantizeLinear", "QuantizeLinear"), _kept(_step_axes)),
    "Concat": concat,
    "CumSum": _kept(_cumulated),
    "TopK": largest,
}
