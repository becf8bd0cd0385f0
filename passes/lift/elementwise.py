"""Elementwise operators stay as they are; constants of one number a feature get spatial axes.

On the window itself, before any dense layer, an operator on every element alone moves onto the
map, and a constant factor or summand of each element is folded into the next dense layer.
"""

from dataclasses import replace

import numpy as np
import onnx_graphsurgeon as gs

from ..operators import QUANTIZATION, UNARY, VARIADIC
from ..result import RefusalCode, Rewrite, node_name, refuse
from ..splice import Splice
from ..window import Window
from .alignment import aligned, with_ones
from .head import Head
from .lifted import Cells, Edit, unchanged
from .on_map import on_map
from .single_cell import is_vector

FOLDS = ("Add", "Div", "Mul", "Sub")
"""Operators that a dense layer behind them can take in, where their other operand is constant."""


def lift_unary(node: gs.Node, head: Head) -> Edit:
    """An operator on every element alone acts the same at every cell, and on the map.

    Raises:
        Refused: the elements wait to be scaled by the next dense layer, each by its own number.
    """
    lifted, output = head.lifted.get(id(node.inputs[0])), node.outputs[0]
    if isinstance(lifted, Window) and (lifted.is_whole or not is_vector(lifted, head.step)):
        return _lift_onto_map(node, head, lifted)
    cells = head.cells(node, node.inputs[0])
    head.lifted[id(output)] = replace(cells, tensor=output)
    return unchanged


def _lift_onto_map(node: gs.Node, head: Head, window: Window) -> Edit:
    source = on_map(node, window, head.shapes.types)
    head.lifted[id(node.outputs[0])] = replace(
        window, source=node.outputs[0], scale=None, shift=None
    )

    def edit(splice: Splice) -> None:
        node.inputs[0] = source(splice)

    return edit


def lift_clip(node: gs.Node, head: Head) -> Edit:
    """Clip whose bounds, attributes or inputs, are constant numbers.

    Raises:
        Refused: a bound is computed.
    """
    for index in (1, 2):
        head.constant(node, index, "bounds")
    return lift_unary(node, head)


def lift_quantization(node: gs.Node, head: Head) -> Edit:
    """QuantizeLinear and DequantizeLinear with one step for all, or one a feature.

    Raises:
        Refused: the steps differ between blocks of features, or along another axis.
    """
    steps = head.required(node, 1, "steps")
    head.constant(node, 2, "zero points")
    if node.attrs.get("block_size", 0):
        raise refuse(
            RefusalCode.NO_RULE, node, expected="one step for all or one a feature", found="blocks"
        )
    lifted = head.lifted.get(id(node.inputs[0]))
    if isinstance(lifted, Window) and steps.size == 1:
        return _lift_onto_map(node, head, lifted)
    cells = head.cells(node, node.inputs[0])
    axis = 0
    if steps.size > 1:
        axis = head.feature_axis(node, cells, int(node.attrs.get("axis", 1)))
    head.lifted[id(node.outputs[0])] = replace(cells, tensor=node.outputs[0])

    def edit(splice: Splice) -> None:
        if axis:
            node.attrs["axis"] = axis

    return edit


def lift_variadic(node: gs.Node, head: Head) -> Edit:
    """A broadcasting operator between vectors of one shape and constants.

    Raises:
        Refused: an operand broadcasts along the batch or along axes that the map does not have.
    """
    lifted = [head.lifted.get(id(each)) for each in node.inputs if each not in head.constants]
    alone = len(lifted) == 1
    if any(isinstance(each, Window) and (alone or not each.is_cell) for each in lifted):
        return _fold(node, head)
    vectors = {
        index: head.cells(node, operand)
        for index, operand in enumerate(node.inputs)
        if operand not in head.constants
    }
    whole, missing = aligned(node, vectors)
    shapes: list[tuple[int, ...]] = []
    reshaped: list[tuple[int, tuple[int, ...]]] = []
    for index, operand in enumerate(node.inputs):
        if index in vectors:
            shapes.append(with_ones(vectors[index].features, missing[index]))
            continue
        features = _constant_features(node, head, operand, whole)
        shapes.append(features)
        filled = head.constants.declared(operand) is not None
        if filled or any(extent != 1 for extent in features):
            reshaped.append((index, (*features, *head.one_cell)))
    features = tuple(int(extent) for extent in np.broadcast_shapes(*shapes))
    grid = head.same_grid(node, list(vectors.values()))
    head.lifted[id(node.outputs[0])] = Cells(node.outputs[0], whole.axes, features, grid)
    return _align_operands(node, head, missing, reshaped)


def _align_operands(
    node: gs.Node,
    head: Head,
    missing: dict[int, list[int]],
    reshaped: list[tuple[int, tuple[int, ...]]],
) -> Edit:
    """The edit that lets the operands of a broadcasting operator meet as maps.

    Args:
        node: the operator.
        head: the head that it belongs to.
        missing: for each operand that is a vector, by its place, the axes that it lacks.
        reshaped: places of constants, and the shape that each takes.
    """

    def edit(splice: Splice) -> Rewrite | None:
        for index, axes in missing.items():
            if axes:
                node.inputs[index] = splice.unsqueezed(node, node.inputs[index], axes)
        for index, shape in reshaped:
            node.inputs[index] = splice.weights.reshaped(node.inputs[index], shape)
        if not reshaped:
            return None
        shape = reshaped[0][1]
        return Rewrite(
            node=node_name(node),
            before=f"{node.op} {_text(shape[: -head.spatial_rank])}",
            after=f"{node.op} {_text(shape)}",
        )

    return edit


def _constant_features(
    node: gs.Node, head: Head, operand: gs.Tensor, vector: Cells
) -> tuple[int, ...]:
    """Extents of a constant along the map's feature axes."""
    shape = head.constant_shape(node, operand)
    rank = len(vector.axes)
    padded = (1,) * (rank - len(shape)) + shape
    features = [1] * len(vector.features)
    in_order = [axis for axis in vector.axes if axis is not None]
    fits = len(padded) == rank and in_order == sorted(in_order)
    for axis, extent in zip(vector.axes, padded, strict=False):
        if axis:
            features[axis - 1] = extent
        elif extent != 1:
            fits = False
    if not fits:
        raise refuse(
            RefusalCode.BIAS_SHAPE,
            node,
            expected="a constant of one number, or one a feature",
            found=f"'{operand.name}' of shape {list(shape)}",
        )
    return tuple(features)


def _fold(node: gs.Node, head: Head) -> Edit:
    """A constant factor or summand of every element of the window: kept for the dense layer.

    Raises:
        Refused: the operator is not linear, or the other operand is no constant.
    """
    window, constant, comes_first = _fold_operands(node, head)
    values = head.constants.values(constant).astype(np.float64)
    while values.ndim > window.order.ndim and values.shape[0] == 1:
        values = values[0]
    if np.broadcast_shapes(values.shape, window.order.shape) != window.order.shape:
        raise refuse(
            RefusalCode.BIAS_SHAPE,
            node,
            expected="a constant of one number, or one an element of the window",
            found=f"'{constant.name}' of shape {list(values.shape)}",
        )
    if node.op == "Div" and not values.all():
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="a divisor without zeros",
            found=f"'{constant.name}'",
        )
    every = np.broadcast_to(values, window.order.shape)
    factor, summand = _factor_and_summand(node.op, every, comes_first=comes_first)
    head.lifted[id(node.outputs[0])] = affine(window, factor, summand)
    return unchanged


def _fold_operands(node: gs.Node, head: Head) -> tuple[Window, gs.Tensor, bool]:
    """The window, the constant that meets it, and whether the constant comes first."""
    if len(node.inputs) == 2 and node.op in FOLDS:
        for place in (0, 1) if node.op != "Div" else (0,):
            window, other = head.lifted.get(id(node.inputs[place])), node.inputs[1 - place]
            if isinstance(window, Window) and other in head.constants:
                return window, other, place == 1
    raise refuse(
        RefusalCode.INTERNAL_OUTPUT,
        node,
        expected="constants and linear operators before the first dense layer",
        found=f"{node.op} on '{node.inputs[0].name}', the window itself",
    )


def _factor_and_summand(
    operator: str, values: np.ndarray, *, comes_first: bool
) -> tuple[np.ndarray, np.ndarray]:
    """What an operator with a constant multiplies every element by, and then adds to it."""
    ones = np.ones(values.shape)
    if operator in ("Mul", "Div"):
        return (values if operator == "Mul" else 1 / values) * ones, 0 * ones
    if operator == "Sub":
        return (-ones, values * ones) if comes_first else (ones, -values * ones)
    return ones, values * ones


def affine(window: Window, factor: np.ndarray, summand: np.ndarray) -> Window:
    """The window with every element multiplied and added to, after what was there before."""
    scale = factor if window.scale is None else window.scale * factor
    shift = summand if window.shift is None else window.shift * factor + summand
    return replace(
        window,
        scale=scale if (scale != 1).any() else None,
        shift=shift if shift.any() else None,
    )


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


RULES = dict.fromkeys(UNARY - {"Identity"}, lift_unary)
RULES["Clip"] = lift_clip
RULES |= dict.fromkeys(QUANTIZATION, lift_quantization)
RULES.update(dict.fromkeys(VARIADIC, lift_variadic))
