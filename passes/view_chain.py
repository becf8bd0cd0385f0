"""Find out where every element of a vector comes from, by pushing numbers through its view chain.

A view chain (Flatten, Reshape, Transpose, Squeeze, Gather, ...) only moves data. Element numbers
that enter at the feature map come out in the order in which the dense layer sees them, whatever
the nodes between are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnx_graphsurgeon as gs

from .evaluation import Constants, evaluate
from .operators import ELEMENTWISE, MOVES_DATA, QUANTIZATION, REDUCTIONS
from .result import RefusalCode, Refused, node_name, refuse
from .shapes import Shape, shape_value
from .use_def import is_standard, producer
from .window import Scattered, Window, numbered, one_sample


def is_view(node: gs.Node, constants: Constants) -> bool:
    """Whether a node only moves elements of its first input."""
    return is_standard(node, *MOVES_DATA) and not trains(node, constants)


def trains(node: gs.Node, constants: Constants) -> bool:
    """Whether a Dropout drops, or might: ``training_mode`` is set, or not known to be unset."""
    if not is_standard(node, "Dropout") or len(node.inputs) < 3 or not node.inputs[2].name:
        return False
    mode = node.inputs[2]
    return mode not in constants or bool(constants.values(mode))


def walk_to_source(
    data: gs.Tensor, stop: set[int], constants: Constants, *, far: bool = False
) -> tuple[gs.Tensor, list[gs.Node]]:
    """Follow a view chain back from ``data`` to the tensor that it starts from.

    Elementwise nodes with constants may stand between the views.

    Args:
        data: the vector at the chain's end.
        stop: ``id`` of the tensors that are maps already; the walk ends at the first of them.
        constants: constant tensors of the graph.
        far: whether to go on through reductions, and through layers that mix the last axis.

    Returns:
        The tensor that the chain starts from, and the chain's nodes, first to last.
    """
    chain: list[gs.Node] = []
    tensor = data
    while id(tensor) not in stop:
        node = producer(tensor)
        operand = None if node is None else _moved_operand(node, constants)
        if node is not None and operand is None and far:
            operand = _mixed_operand(node, constants)
        if node is None or operand is None:
            break
        chain.append(node)
        tensor = operand
    return tensor, chain[::-1]


def _moved_operand(node: gs.Node, constants: Constants) -> gs.Tensor | None:
    """The only operand that is no constant, of a node that keeps elements apart."""
    if is_view(node, constants):
        return node.inputs[0]
    if not is_standard(node, *ELEMENTWISE, *QUANTIZATION, "BatchNormalization"):
        return None
    operands = [tensor for tensor in node.inputs if tensor.name and tensor not in constants]
    return operands[0] if len(operands) == 1 else None


def _mixed_operand(node: gs.Node, constants: Constants) -> gs.Tensor | None:
    """What a reduction, or a product with a constant on the right, reads."""
    if is_standard(node, *REDUCTIONS):
        return node.inputs[0]
    return node.inputs[0] if is_standard(node, "MatMul") and node.inputs[1] in constants else None


def mixed(scattered: Scattered, reader: gs.Node) -> Refused:
    """Refusal of a node that reads samples which are not apart, or one that has no axis."""
    alone = scattered.window.samples == 1
    return refuse(
        RefusalCode.BATCH_MIXED,
        scattered.node,
        expected=f"one row a sample for '{node_name(reader)}' ({reader.op})",
        found=f"shape {list(scattered.numbers.shape)} "
        + ("without the axis of its only sample" if alone else "with samples mixed"),
        advice="Export the model with a flatten that keeps the batch axis",
    )


def moved(
    graph: gs.Graph, node: gs.Node, output: gs.Tensor, window: Window, shapes: Mapping[str, Shape]
) -> Window | Scattered:
    """The window as a node that only moves data hands it on.

    Args:
        graph: the graph; not changed.
        node: a node whose first input is arranged as ``window.order`` says.
        output: one of its outputs.
        window: the window at its first input.
        shapes: static shapes at the original input size.

    Raises:
        Refused: the node is steered by data, or does not take the batch.
    """
    samples = window.samples
    numbers = push(graph, node, output, numbered(window), shapes, samples)
    order = one_sample(numbers, window)
    if order is None:
        return Scattered(numbers, window, node)

    def same(values: np.ndarray | None) -> np.ndarray | None:
        if values is None:
            return None
        wide = np.broadcast_to(values, (samples, *values.shape))
        return np.asarray(push(graph, node, output, wide, shapes, samples)[0])

    return replace(window, order=order, scale=same(window.scale), shift=same(window.shift))


def push(
    graph: gs.Graph,
    node: gs.Node,
    output: gs.Tensor,
    values: np.ndarray,
    shapes: Mapping[str, Shape],
    samples: int,
) -> np.ndarray:
    """Values of an output of a node for values of its first input.

    Args:
        graph: the graph; not changed.
        node: the node.
        output: one of its outputs.
        values: an array in the place of its first input.
        shapes: static shapes at the original input size.
        samples: number of samples where the batch is symbolic.

    Raises:
        Refused: the node is steered by data, or does not take values of that shape.
    """
    data = node.inputs[0]
    known = {id(data): values} | _shape_operands(node.inputs[1:], data, shapes, samples)
    try:
        result = evaluate(graph, output, known)
    except Exception as error:
        # The evaluator raises whatever numpy does where a target does not fit: with a symbolic
        # batch, that is a batch of one baked into the chain.
        raise refuse(
            RefusalCode.BATCH_MIXED,
            node,
            expected=f"a view of {samples} samples",
            found=f"an error on '{data.name}': {error}",
        ) from error
    if result is None:
        raise refuse(
            RefusalCode.COMPUTED_WEIGHT,
            node,
            expected="constant targets and indices",
            found=f"that '{output.name}' is arranged by computed ones",
        )
    return result


def _shape_operands(
    operands: Sequence[gs.Tensor], data: gs.Tensor, shapes: Mapping[str, Shape], batch: int
) -> dict[int, np.ndarray]:
    """Values of the Shape nodes that the operands are computed from, by ``id`` of their output."""
    values: dict[int, np.ndarray] = {}
    pending, seen = list(operands), {id(data)}
    while pending:
        tensor = pending.pop()
        node = producer(tensor)
        if id(tensor) in seen or node is None:
            continue
        seen.add(id(tensor))
        if is_standard(node, "Shape"):
            dims = list(shapes.get(node.inputs[0].name, ()))
            if dims and not isinstance(dims[0], int):
                dims[0] = batch
            value = shape_value(node, dims)
            if value is not None:
                values[id(tensor)] = value
                continue
        pending.extend(node.inputs)
    return values
