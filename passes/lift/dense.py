"""Dense layers become convolutions whose kernel is the window that they see.

Column ``f`` of a dense layer's weight multiplies element ``f`` of the flattened window, so each of
its rows, put back into the window's shape, is one kernel ``[C, *window]``. A dense layer on a
vector sees a window of one cell.
"""

from collections import OrderedDict
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs

from ..images import GIVE_INPUT_SIZE
from ..result import RefusalCode, Rewrite, node_name, refuse
from ..splice import Splice
from ..window import Window, at_positions
from .dense_kernel import Dense, kernel, lifted_bias
from .head import Head
from .lifted import Cells, Edit
from .on_map import on_map


def lift_gemm(node: gs.Node, head: Head) -> Edit:
    """``alpha * A @ B + beta * C`` becomes a Conv with kernel ``alpha * B`` and bias ``beta * C``.

    A ``C`` that is itself a vector of the head is added by an Add.

    Raises:
        Refused: the data is transposed, the weight is computed, or the bias is not one number a
            feature.
    """
    if node.attrs.get("transA", 0):
        raise refuse(
            RefusalCode.TRANSPOSED_DATA,
            node,
            expected="transA=0",
            found="transA=1, which multiplies along the batch",
        )
    transposed = bool(node.attrs.get("transB", 0))
    beta = float(node.attrs.get("beta", 1.0))
    bias = node.inputs[2] if len(node.inputs) > 2 and node.inputs[2].name and beta else None
    product = Dense(
        weight=node.inputs[1],
        transposed=transposed,
        units=_units(node, head, node.inputs[1], transposed),
        alpha=float(node.attrs.get("alpha", 1.0)),
    )
    if bias is None:
        return _lift(node, head, node.inputs[0], product)
    if bias not in head.constants:
        return _lift_with_computed_bias(node, head, product, bias, beta)
    _check_bias(node, head, bias, product.units)
    return _lift(node, head, node.inputs[0], replace(product, bias=bias, beta=beta))


def lift_matmul(node: gs.Node, head: Head) -> Edit:
    """``A @ B`` becomes a Conv without bias, the constant on whichever side it is.

    A constant on the left multiplies vectors that stand as columns, ``[F, N]``. On a window that
    is not flattened, a layer that mixes the channels of every position is a 1x1 Conv of the map.

    Raises:
        Refused: neither operand is a constant matrix, or the vectors do not stand as they should.
    """
    data, weight = node.inputs
    window = head.lifted.get(id(data))
    if isinstance(window, Window) and window.order.ndim > 1 and weight in head.constants:
        return _lift_at_positions(node, head, window)
    columns = weight not in head.constants and data in head.constants
    if columns:
        data, weight = weight, data
    dense = Dense(weight, columns, _units(node, head, weight, columns))
    return _lift(node, head, data, dense, columns=columns)


def _lift_at_positions(node: gs.Node, head: Head, window: Window) -> Edit:
    """A 1x1 Conv of the map in the place of a layer that mixes the channels of every position.

    Raises:
        Refused: it mixes something else.
    """
    dense = Dense(node.inputs[1], False, _units(node, head, node.inputs[1], False))
    behind = at_positions(window, dense.units)
    if behind is None or not window.feature_map:
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="vectors [N, F], or the channels of every position on the last axis",
            found=_arranged(node.inputs[0], window),
        )
    cell = replace(
        window,
        feature_map="",
        extents=head.one_cell,
        order=np.arange(window.channels, dtype=np.int64),
        scale=None,
        shift=None,
    )
    _check_features(node, head, dense, cell)
    source = on_map(node, window, head.shapes.types)
    head.lifted[id(node.outputs[0])] = replace(behind, source=node.outputs[0])

    def edit(splice: Splice) -> Rewrite | None:
        return _to_conv(node, head, dense, replace(cell, source=source(splice)))(splice)

    return edit


def _lift_with_computed_bias(
    node: gs.Node, head: Head, product: Dense, summand: gs.Tensor, beta: float
) -> Edit:
    """Conv, and an Add of the bias, which is a vector of the head."""
    bias = head.vector(node, summand)
    if beta != 1.0 or bias.features not in ((1,), (product.units,)):
        raise refuse(
            RefusalCode.BIAS_SHAPE,
            node,
            expected=f"beta=1 and a computed bias of {product.units} features or one",
            found=f"beta={beta} and '{summand.name}' with features {bias.features}",
        )
    lift = _lift(node, head, node.inputs[0], product)
    output = node.outputs[0]
    result = head.cells(node, output)
    head.same_grid(node, [bias, result])

    def edit(splice: Splice) -> Rewrite | None:
        rewrite = lift(splice)
        splice.behind(node, "Add", [bias.tensor], f"{output.name}_product")
        return rewrite

    return edit


def _lift(
    node: gs.Node, head: Head, data: gs.Tensor, dense: Dense, *, columns: bool = False
) -> Edit:
    """Put a Conv in the place of a dense layer.

    Args:
        node: the dense layer.
        head: the head that it belongs to.
        data: its operand that is no constant.
        dense: what it computes.
        columns: whether vectors stand as columns, in the data and in the result.
    """
    window = _columns_window(node, head, data) if columns else head.window(node, data)
    cells = head.lifted.get(id(data))
    axes: tuple[int | None, ...] = (1, 0) if columns else (0, 1)
    if isinstance(cells, Cells) and cells.rank == 2 and cells.axes[-1:] == (1,):
        # Axes of extent 1 may stand before the features.
        axes, window = cells.axes, replace(window, order=window.order.ravel())
    _check_vectors(node, data, window)
    _check_features(node, head, dense, window)
    grid = cells.grid if isinstance(cells, Cells) else head.grid(window)
    head.lifted[id(node.outputs[0])] = Cells(node.outputs[0], axes, (dense.units,), grid)
    return _to_conv(node, head, dense, window)


def _to_conv(node: gs.Node, head: Head, dense: Dense, window: Window) -> Edit:
    """The edit that turns a dense layer on a window into a Conv."""

    def edit(splice: Splice) -> Rewrite:
        before = f"{node.op} {window.order.size} -> {dense.units}"
        # The bias first: it may read the weight, which the kernel's new dims may change in place.
        bias = lifted_bias(splice, dense, window, head)
        inputs = [channels_first_map(splice, node, window), kernel(splice, dense, window)]
        node.op = "Conv"
        attributes: OrderedDict[str, Any] = OrderedDict(kernel_shape=list(window.extents))
        strides = window.strides(head.step)
        if window.feature_map and any(stride != 1 for stride in strides):
            attributes["strides"] = strides
        node.attrs = attributes
        node.inputs = inputs if bias is None else [*inputs, bias]
        layer = "x".join(str(extent) for extent in (*window.extents, window.channels))
        return Rewrite(
            node=node_name(node),
            before=before,
            after=f"Conv {layer} -> {dense.units}",
            feature_map=window.feature_map,
            window=window.spans if window.feature_map else (),
        )

    return edit


def _check_vectors(node: gs.Node, data: gs.Tensor, window: Window) -> None:
    found = ""
    if window.order.ndim != 1:
        found = _arranged(data, window)
    elif isinstance(window.origin, Cells) and window.origin.rank > 2:
        found = f"'{data.name}' with features {list(window.origin.features)}"
    if found:
        raise refuse(RefusalCode.NO_RULE, node, expected="vectors [N, F]", found=found)


def _arranged(data: gs.Tensor, window: Window) -> str:
    return f"'{data.name}' of shape [N, {', '.join(map(str, window.order.shape))}]"


def _check_features(node: gs.Node, head: Head, dense: Dense, window: Window) -> None:
    features = head.constant_shape(node, dense.weight)[1 if dense.transposed else 0]
    if features != window.order.size:
        raise refuse(
            RefusalCode.INPUT_SIZE_WRONG,
            node,
            expected=f"{features} features, as many as the weight '{dense.weight.name}' has",
            found=f"{window.order.size} in a window of {'x'.join(map(str, window.extents))}",
            advice=GIVE_INPUT_SIZE,
        )


def channels_first_map(splice: Splice, node: gs.Node, window: Window) -> gs.Tensor:
    """The map that a window is cut from as ``[N, C, *s]``, for a node to read."""
    perm = sorted(range(len(window.roles)), key=window.roles.__getitem__)
    ordered = perm == list(range(len(perm)))
    source = window.source
    if window.tokens is not None:
        # At the original size, as the rest of the trunk: both are freed together.
        shape = np.array([0, *window.tokens.shape], np.int64)
        target = splice.constant(f"{source.name}_shape", shape)
        source = splice.before(node, "Reshape", [source, target], f"{source.name}_map")
    if not ordered:
        source = splice.transposed(node, source, perm)
    return source if 1 in window.roles else splice.unsqueezed(node, source, [1])


def _columns_window(node: gs.Node, head: Head, data: gs.Tensor) -> Window:
    """The window of one cell of vectors that stand as columns, ``[F, N]``."""
    cells = head.cells(node, data)
    if cells.axes != (1, 0):
        raise refuse(
            RefusalCode.TRANSPOSED_DATA,
            node,
            expected="vectors as columns [F, N] to the right of a constant",
            found=f"'{data.name}', where they stand otherwise",
        )
    size = cells.features[0]
    return Window(
        feature_map="",
        source=cells.tensor,
        roles=tuple(range(2 + head.spatial_rank)),
        samples=head.samples,
        channels=size,
        extents=head.one_cell,
        order=np.arange(size, dtype=np.int64),
    )


def _units(node: gs.Node, head: Head, weight: gs.Tensor, transposed: bool) -> int:
    """Number of units of a dense layer, once its weight is known to be a constant matrix."""
    if weight not in head.constants:
        raise refuse(
            RefusalCode.COMPUTED_WEIGHT,
            node,
            expected="a constant weight",
            found=f"'{weight.name}', which is computed at run time or fed as an input",
        )
    head.check_type(node, weight, "Conv")
    shape = head.constant_shape(node, weight)
    if len(shape) != 2:
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="a weight [features, units]",
            found=f"'{weight.name}' of shape {list(shape)}",
        )
    return shape[0 if transposed else 1]


def _check_bias(node: gs.Node, head: Head, bias: gs.Tensor, units: int) -> None:
    shape = head.constant_shape(node, bias)
    if prod(shape[:-1]) != 1 or shape[-1:] not in ((), (1,), (units,)):
        raise refuse(
            RefusalCode.BIAS_SHAPE,
            node,
            expected=f"a bias of {units} numbers or one",
            found=f"'{bias.name}' of shape {list(shape)}",
        )


RULES = {"Gemm": lift_gemm, "MatMul": lift_matmul}
