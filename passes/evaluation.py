"""Run a few nodes of a graph on given values, with onnx's reference evaluator."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from onnx.reference.ops import load_op
from onnx_graphsurgeon.ir.tensor import LazyValues, SparseValues

from .bounded import run_bounded
from .result import RefusalCode, refuse
from .skeleton import to_model
from .use_def import has_subgraph, is_standard, producer

_RANDOM = frozenset({"Bernoulli", "Multinomial", "RandomNormal", "RandomUniform"}) | frozenset(
    {"RandomNormalLike", "RandomUniformLike"}
)


class ConstantOfShape(OpRun):
    """ConstantOfShape as a broadcast view: a uniform weight of any size takes no memory.

    A view of zero strides stays one through Reshape and Transpose, which is how a caller knows
    that a weight is uniform without looking at its elements.
    """

    op_domain = ""

    def _run(self, shape: np.ndarray, value: np.ndarray | None = None) -> tuple[np.ndarray]:
        filler = np.zeros(1, np.float32) if value is None else np.asarray(value)
        return (np.broadcast_to(filler.reshape(()), [int(extent) for extent in shape]),)


class Squeeze(OpRun):
    """Squeeze whose negative axes count from the end of its input's shape, as the standard says.

    onnx's own takes one axis after the other, and counts from the end of what is left.
    """

    op_domain = ""

    def _run(self, data: np.ndarray, axes: np.ndarray | None = None) -> tuple[np.ndarray]:
        return (np.squeeze(data, None if axes is None else tuple(int(a) for a in axes)),)


class DequantizeLinear(OpRun):
    """DequantizeLinear at every opset; onnx's own lacks those before 19.

    ``y = (x - zero_point) * scale``, the scale a number, one along ``axis``, or one a block of it.
    """

    op_domain = ""

    def _run(
        self,
        quantized: np.ndarray,
        scale: np.ndarray,
        zero_point: np.ndarray | None = None,
        axis: int = 1,
        block_size: int = 0,
        output_dtype: int = 0,
    ) -> tuple[np.ndarray]:
        point = np.zeros_like(scale) if zero_point is None else np.asarray(zero_point)
        steps, points = np.asarray(scale), point.astype(np.float64)
        if block_size:
            extent = quantized.shape[axis]
            steps = np.repeat(steps, block_size, axis=axis).take(range(extent), axis=axis)
            points = np.repeat(points, block_size, axis=axis).take(range(extent), axis=axis)
        elif steps.size > 1:
            along = [1] * quantized.ndim
            along[axis] = -1
            steps, points = steps.reshape(along), points.reshape(along)
        values = (quantized.astype(np.float64) - points) * steps.astype(np.float64)
        return (values.astype(scale.dtype),)


_OWN_OPERATORS: list[Any] = [ConstantOfShape, DequantizeLinear, Squeeze]


def _can_evaluate(node: gs.Node, opset: int) -> bool:
    """Whether a node's value can be computed from its inputs' alone."""
    if not is_standard(node) or node.op in _RANDOM or has_subgraph(node):
        return False
    if any(node.op == operator.__name__ for operator in _OWN_OPERATORS):
        return True
    try:
        load_op("", node.op, opset)
    except (RuntimeError, NotImplementedError):
        return False
    return True


def load_values(constant: gs.Constant) -> np.ndarray:
    """Values of an initializer, without storing them in it: reading must not change an export."""
    values = constant._values
    loaded = values.load() if isinstance(values, LazyValues) else values
    return np.asarray(loaded)


def is_uniform(values: np.ndarray) -> bool:
    """Whether an array is one value seen through zero strides, as ConstantOfShape makes them."""
    return values.size > 1 and not any(values.strides)


def computable(graph: gs.Graph, known: Collection[int]) -> set[int]:
    """``id`` of the tensors that are known, or that ``evaluate`` can compute from those.

    Told of all tensors at once: to ask ``evaluate`` about each would search the graph each time.

    Args:
        graph: a graph in topological order; not changed.
        known: ``id`` of the tensors whose values are known, initializers included.
    """
    found = set(known)
    for node in graph.nodes:
        operands = [tensor for tensor in node.inputs if tensor.name]
        given = all(id(tensor) in found for tensor in operands)
        if given and (operands or node.op == "Constant") and _can_evaluate(node, graph.opset):
            found.update(id(output) for output in node.outputs)
    return found


def evaluate(
    graph: gs.Graph, wanted: gs.Tensor, known: Mapping[int, np.ndarray]
) -> np.ndarray | None:
    """Value of a tensor, computed from initializers and from the tensors that are known.

    Args:
        graph: the graph that ``wanted`` belongs to; not changed.
        wanted: the tensor to compute.
        known: values of tensors, by ``id`` of the tensor; the search stops there.

    Returns:
        The value, of the tensor's own dtype and shape, or ``None`` where it depends on a graph
        input, on chance, on a subgraph, or on an operator of another domain.

    Raises:
        TooLargeError: a value on the way would be very large.
        Exception: whatever onnx's evaluator raises where the values do not fit.
    """
    if id(wanted) in known:
        return known[id(wanted)]
    needed: dict[int, gs.Node] = {}
    feeds: dict[str, np.ndarray] = {}
    stored: list[gs.Constant] = []
    pending = [wanted]
    while pending:
        tensor = pending.pop()
        node = producer(tensor)
        if id(tensor) in known:
            feeds[tensor.name] = known[id(tensor)]
        elif isinstance(tensor, gs.Constant):
            stored.append(tensor)
        elif node is None or not _can_evaluate(node, graph.opset):
            return None
        elif id(node) not in needed:
            needed[id(node)] = node
            pending.extend(operand for operand in node.inputs if operand.name)
    # Only now: a search that leads to a graph input must not read weights on the way.
    feeds |= {constant.name: load_values(constant) for constant in stored}
    if not needed:
        return feeds[wanted.name]
    nodes = [node for node in graph.nodes if id(node) in needed]
    return run_bounded(graph, nodes, feeds, [wanted.name], _OWN_OPERATORS)[0]


def node_runner(
    graph: gs.Graph, node: gs.Node
) -> Callable[[Sequence[np.ndarray]], list[np.ndarray]]:
    """A function from the inputs of a single node that are there, in order, to its outputs.

    Args:
        graph: the graph that it belongs to; not changed.
        node: a node of ai.onnx without subgraphs.
    """
    given = [tensor.name for tensor in node.inputs if tensor.name]
    inputs = [onnx.helper.make_empty_tensor_value_info(name) for name in dict.fromkeys(given)]
    outputs = [onnx.helper.make_empty_tensor_value_info(tensor.name) for tensor in node.outputs]
    evaluator = ReferenceEvaluator(to_model(graph, [node], inputs, outputs), new_ops=_OWN_OPERATORS)

    def run(values: Sequence[np.ndarray]) -> list[np.ndarray]:
        results: Any = evaluator.run(None, dict(zip(given, values, strict=True)))
        return [np.asarray(result) for result in results]

    return run


def run_node(graph: gs.Graph, node: gs.Node, values: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Outputs of a single node; see ``node_runner``."""
    return node_runner(graph, node)(values)


class Constants:
    """Which tensors of a graph are constant, and their values, computed when asked for.

    Sparse initializers are left out: graphsurgeon reads them as another data type.
    """

    def __init__(self, graph: gs.Graph) -> None:
        self._graph = graph
        self._declared: dict[int, np.ndarray] = {}
        stored = [t for t in graph.tensors().values() if isinstance(t, gs.Constant)]
        dense = [t for t in stored if not isinstance(t._values, SparseValues)]
        self._constant = computable(graph, set(map(id, dense)))

    def __contains__(self, tensor: gs.Tensor) -> bool:
        return id(tensor) in self._constant

    def declare(self, tensor: gs.Tensor, values: np.ndarray) -> None:
        """Take a tensor for a constant: the same for every sample, whatever the batch is."""
        self._constant.add(id(tensor))
        self._declared[id(tensor)] = values

    def declared(self, tensor: gs.Tensor) -> np.ndarray | None:
        """What a tensor was declared to be, one sample ``[1, *]``; ``None`` for other tensors."""
        return self._declared.get(id(tensor))

    def values(self, tensor: gs.Tensor) -> np.ndarray:
        """Values of a constant tensor; a zero-stride view where a ConstantOfShape made them.

        Raises:
            KeyError: the tensor is not constant.
            Refused: it cannot be computed, or would be very large.
        """
        if id(tensor) in self._declared:
            return self._declared[id(tensor)]
        try:
            values = evaluate(self._graph, tensor, {}) if tensor in self else None
        except Exception as error:  # whatever the evaluator raises on what does not fit
            raise refuse(
                RefusalCode.CONSTANT_UNKNOWN,
                producer(tensor),
                expected=f"that the constant '{tensor.name}' can be computed",
                found=f"{str(error) or type(error).__name__}",
            ) from error
        if values is None:
            raise KeyError(tensor.name)
        return values
