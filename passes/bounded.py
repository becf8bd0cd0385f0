"""Run nodes on given values, unless the results would be very large."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from onnx.reference import ReferenceEvaluator

from .inference import drop_torn
from .operators import ELEMENTWISE, REDUCTIONS
from .shapes import LARGEST_SHAPE_OPERAND
from .skeleton import to_model

LARGEST_VALUE = 2**25
"""Elements of a computed tensor; the values that it is computed from may be larger."""
_BOUNDED = (
    ELEMENTWISE
    | REDUCTIONS
    | frozenset(
        "ArgMax ArgMin Concat Constant DequantizeLinear Flatten Gather Gemm MatMul Reshape"
        " Shape Size Slice Split Squeeze Transpose Unsqueeze".split()
    )
)
"""Operators whose outputs have no more elements than the product, or the sum, of their inputs'."""


class TooLargeError(Exception):
    """A value would have more elements than a value may have."""


def run_bounded(
    graph: gs.Graph,
    nodes: Sequence[gs.Node],
    feeds: Mapping[str, np.ndarray],
    wanted: Sequence[str],
    operators: list[Any],
) -> list[np.ndarray]:
    """Run nodes, as long as no result becomes very large.

    Args:
        graph: the graph that the nodes belong to; not changed.
        nodes: the nodes, in topological order.
        feeds: values of everything that they need, by name.
        wanted: names of the tensors to compute.
        operators: implementations to use in place of onnx's own.

    Raises:
        TooLargeError: a value would be larger than ``LARGEST_VALUE`` and than twice what it is
            computed from.
        Exception: whatever onnx's evaluator raises where the values do not fit.
    """
    limit = max(LARGEST_VALUE, 2 * sum(value.size for value in feeds.values()))
    if _is_bounded(nodes, feeds, limit):
        return _run(graph, nodes, feeds, wanted, operators)
    values = dict(feeds)
    for node in nodes:
        given = {t.name: values[t.name] for t in node.inputs if t.name}
        _check_outputs(graph, node, given, limit)
        names = [tensor.name for tensor in node.outputs if tensor.name]
        values.update(zip(names, _run(graph, [node], given, names, operators), strict=True))
    return [values[name] for name in wanted]


def _is_bounded(nodes: Sequence[gs.Node], feeds: Mapping[str, np.ndarray], limit: int) -> bool:
    """Whether no output can be too large, by operators and sizes of inputs alone."""
    sizes = {name: value.size for name, value in feeds.items()}
    for node in nodes:
        if node.op not in _BOUNDED or "sparse_value" in node.attrs:
            return False
        given = [sizes[tensor.name] for tensor in node.inputs if tensor.name]
        stored = [np.size(v.values) for v in node.attrs.values() if isinstance(v, gs.Constant)]
        lengths = [len(value) for value in node.attrs.values() if isinstance(value, list)]
        bound = max(prod(filter(None, given)), sum(given), *stored, *lengths)
        if bound > limit:
            return False
        sizes.update((tensor.name, bound) for tensor in node.outputs)
    return True


def _check_outputs(
    graph: gs.Graph, node: gs.Node, given: Mapping[str, np.ndarray], limit: int
) -> None:
    """Have onnx infer how large a node's outputs become."""
    # A uniform tensor is a view of one element: of any size, it takes no memory.
    views = ("ConstantOfShape", "Reshape", "Transpose", "Identity")
    if node.op == views[0] or (node.op in views and not any(next(iter(given.values())).strides)):
        return
    inputs, initializers = [], []
    for name, value in given.items():
        if value.size <= LARGEST_SHAPE_OPERAND:
            initializers.append(onnx.numpy_helper.from_array(value, name))
        else:
            dtype = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
            inputs.append(onnx.helper.make_tensor_value_info(name, dtype, value.shape))
    outputs = [onnx.helper.make_empty_tensor_value_info(tensor.name) for tensor in node.outputs]
    model = to_model(graph, [node], inputs, outputs, initializers)
    drop_torn(model)
    inferred = onnx.shape_inference.infer_shapes(model)
    for value in inferred.graph.output:
        elements = prod(max(dim.dim_value, 0) for dim in value.type.tensor_type.shape.dim)
        if elements > limit:
            raise TooLargeError(f"{elements} elements, more than {limit}")


def _run(
    graph: gs.Graph,
    nodes: Sequence[gs.Node],
    feeds: Mapping[str, np.ndarray],
    wanted: Sequence[str],
    operators: list[Any],
) -> list[np.ndarray]:
    inputs = [onnx.helper.make_empty_tensor_value_info(name) for name in feeds]
    outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in wanted]
    model = to_model(graph, nodes, inputs, outputs)
    results: Any = ReferenceEvaluator(model, new_ops=operators).run(None, dict(feeds))
    return [np.asarray(result) for result in results]
