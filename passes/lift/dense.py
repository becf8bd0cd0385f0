"""Dense layers become convolutions whose kernel is the window that they see.

Column ``f`` of a dense layer's weight multiplies element ``f`` of the flattened window, so each of
its rows, put back into the window's shape, is one kernel ``[C, *window]``. A dense layer on a
vector sees a window of one cell.
"""

import math
from collections import OrderedDict
from functools import partial
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs

from ..result import RefusalCode, Rewrite, node_name, refuse
from ..splice import Splice
from ..view_chain import Window, probe
from .head import Cells, Edit, Head


def lift_gemm(node: gs.Node, head: Head) -> Edit:
    """``alpha * A @ B + beta * C`` becomes a Conv with kernel ``alpha * B`` and bias ``beta * C``.

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
    alpha, beta = float(node.attrs.get("alpha", 1.0)), float(node.attrs.get("beta", 1.0))
    bias = node.inputs[2] if len(node.inputs) > 2 and node.inputs[2].name else None
    return _lift(node, head, transposed=transposed, alpha=alpha, bias=bias, beta=beta)


def lift_matmul(node: gs.Node, head: Head) -> Edit:
    """``A @ B`` becomes a Conv without bias.

    Raises:
        Refused: the right operand is no constant matrix.
    """
    return _lift(node, head, transposed=False, alpha=1.0, bias=None, beta=0.0)


def _lift(
    node: gs.Node,
    head: Head,
    *,
    transposed: bool,
    alpha: float,
    bias: gs.Tensor | None,
    beta: float,
) -> Edit:
    data, weight = node.inputs[0], node.inputs[1]
    units = _check_weight(node, head, transposed)
    window = head.window(node, data)
    columns = _columns(node, head, data, window)
    if bias is not None and beta != 0:
        _check_bias(node, head, bias, units)
    source = head.lifted.get(id(window.source))
    reads_map = not isinstance(source, Cells)
    extents = window.extents if reads_map else (1,) * head.spatial_rank
    strides = head.step if reads_map else (1,) * head.spatial_rank
    head.lifted[id(node.outputs[0])] = Cells(node.outputs[0])

    def edit(splice: Splice) -> Rewrite:
        before = f"{node.op} {columns.size} -> {units}"
        shape = (units, window.channels, *extents)
        in_order = np.array_equal(columns, np.arange(window.size))
        if transposed and in_order and alpha == 1.0:
            kernel = splice.weights.reshaped(weight, shape)
        else:
            kernel = splice.weights.computed(
                weight,
                shape,
                partial(
                    _kernel, columns=columns, size=window.size, transposed=transposed, alpha=alpha
                ),
                reorders=alpha == 1.0 and len(np.unique(columns)) == window.size == columns.size,
            )
        inputs = [source.tensor if isinstance(source, Cells) else window.source, kernel]
        if bias is not None and beta != 0:
            inputs.append(_lifted_bias(splice, bias, units, beta))
        node.op = "Conv"
        attributes: OrderedDict[str, Any] = OrderedDict(kernel_shape=list(extents))
        if any(stride != 1 for stride in strides):
            attributes["strides"] = list(strides)
        node.attrs = attributes
        node.inputs = inputs
        layer = "x".join(str(extent) for extent in (*extents, window.channels))
        return Rewrite(
            node=node_name(node),
            before=before,
            after=f"Conv {layer} -> {units}",
            feature_map=window.source.name if reads_map else "",
            window=window.extents if reads_map else (),
        )

    return edit


def _check_weight(node: gs.Node, head: Head, transposed: bool) -> int:
    """Number of units of a dense layer, once its weight is known to be a constant matrix."""
    weight = node.inputs[1]
    if weight not in head.constants:
        raise refuse(
            RefusalCode.COMPUTED_WEIGHT,
            node,
            expected="a constant weight",
            found=f"'{weight.name}', which is computed at run time or fed as an input",
        )
    shape = head.static_shape(node, weight)
    if len(shape) != 2:
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="a weight [features, units]",
            found=f"'{weight.name}' of shape {list(shape)}",
        )
    units = shape[0 if transposed else 1]
    assert isinstance(units, int)
    return units


def _columns(node: gs.Node, head: Head, data: gs.Tensor, window: Window) -> np.ndarray:
    """Where in the window each column of the weight looks, int64 ``[F]``."""
    columns = probe(head.graph, node, data, window, head.shapes)
    if columns.ndim != 1:
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="vectors [N, F]",
            found=f"'{data.name}' of shape [N, {', '.join(map(str, columns.shape))}]",
        )
    return columns


def _check_bias(node: gs.Node, head: Head, bias: gs.Tensor, units: int) -> None:
    if bias not in head.constants:
        raise refuse(
            RefusalCode.COMPUTED_WEIGHT,
            node,
            expected="a constant bias",
            found=f"'{bias.name}', which is computed at run time or fed as an input",
        )
    shape = head.static_shape(node, bias)
    known = [extent for extent in shape if isinstance(extent, int)]
    if math.prod(known[:-1]) != 1 or known[-1:] not in ([], [1], [units]):
        raise refuse(
            RefusalCode.BIAS_SHAPE,
            node,
            expected=f"a bias of {units} numbers or one",
            found=f"'{bias.name}' of shape {list(shape)}",
        )


def _lifted_bias(splice: Splice, bias: gs.Tensor, units: int, beta: float) -> gs.Tensor:
    if beta == 1.0 and math.prod(bias.shape or [0]) == units:
        return splice.weights.reshaped(bias, (units,))
    return splice.weights.computed(
        bias,
        (units,),
        lambda values: np.broadcast_to(_scaled(values, beta).reshape(-1), (units,)),
        reorders=beta == 1.0,
    )


def _kernel(
    weight: np.ndarray, *, columns: np.ndarray, size: int, transposed: bool, alpha: float
) -> np.ndarray:
    """Kernel ``[units, size]`` of a weight ``[F, units]``, or ``[units, F]`` where transposed.

    Elements of the window that no column looks at get a zero; those that several look at, the
    sum of their weights.
    """
    rows = weight if transposed else weight.T
    if len(np.unique(columns)) == columns.size:
        kernel = np.zeros((rows.shape[0], size), weight.dtype)
        kernel[:, columns] = rows
    else:
        wide = np.zeros((size, rows.shape[0]), np.float64)
        np.add.at(wide, columns, rows.T.astype(np.float64))
        kernel = wide.T.astype(weight.dtype)
    return _scaled(kernel, alpha)


def _scaled(values: np.ndarray, factor: float) -> np.ndarray:
    """``values * factor``, rounded once to the dtype of ``values``."""
    if factor == 1.0:
        return values
    return (values.astype(np.float64) * factor).astype(values.dtype)


RULES = {"Gemm": lift_gemm, "MatMul": lift_matmul}
