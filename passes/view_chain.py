"""Find out where every element of a vector comes from, by pushing numbers through its view chain.

A view chain (Flatten, Reshape, Transpose, Squeeze, Gather, ...) only moves data. Element numbers
that enter at the feature map come out in the order in which the dense layer sees them, whatever
the nodes between are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs

from .evaluation import Constants, evaluate
from .operators import MOVES_DATA
from .result import RefusalCode, refuse
from .static_shapes import Shape
from .use_def import is_standard, producer

_SYMBOLIC_BATCH = 2
"""Samples to push through where the batch is symbolic: with one alone, mixing would not show."""


@dataclass(frozen=True)
class Window:
    """What a dense layer sees: one window of a map, unrolled into a vector by a view chain.

    Attributes:
        source: the tensor ``[N, C, *s]`` that the view chain starts from.
        batch: the original ``N``, ``None`` where it is symbolic.
        channels: ``C``.
        extents: the window, an axis each: all of ``s`` at the original input size.
    """

    source: gs.Tensor
    batch: int | None
    channels: int
    extents: tuple[int, ...]

    @property
    def size(self) -> int:
        """Elements of one sample."""
        return self.channels * int(np.prod(self.extents, dtype=np.int64))


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
    data: gs.Tensor, stop: set[int], constants: Constants
) -> tuple[gs.Tensor, list[gs.Node]]:
    """Follow a view chain back from ``data`` to the tensor that it starts from.

    Args:
        data: the vector at the chain's end.
        stop: ``id`` of the tensors that are maps already; the walk ends at the first of them.
        constants: constant tensors of the graph.

    Returns:
        The tensor that the chain starts from, and the chain's nodes, first to last.
    """
    chain: list[gs.Node] = []
    tensor = data
    while id(tensor) not in stop:
        node = producer(tensor)
        if node is None or not is_view(node, constants):
            break
        chain.append(node)
        tensor = node.inputs[0]
    return tensor, chain[::-1]


def probe(
    graph: gs.Graph, consumer: gs.Node, data: gs.Tensor, window: Window, shapes: Mapping[str, Shape]
) -> np.ndarray:
    """Position in the window of every element of one sample of ``data``.

    Args:
        graph: the graph; not changed.
        consumer: the node that reads ``data``, for the refusal's text.
        data: a tensor ``[N, *]`` that a view chain makes of ``window.source``.
        window: the window that the chain starts from.
        shapes: static shapes at the original input size.

    Returns:
        int64, the shape of ``data`` without its batch axis: indices into ``[C, *extents]``
        flattened in row-major order.

    Raises:
        Refused: the chain mixes the samples of a batch, or depends on data.
    """
    batch = window.batch or _SYMBOLIC_BATCH
    numbers = np.arange(batch * window.size, dtype=np.int64)
    known = {id(window.source): numbers.reshape(batch, window.channels, *window.extents)}
    known.update(_shape_operands(data, window.source, shapes, batch))
    try:
        result = evaluate(graph, data, known)
    except Exception as error:
        # The evaluator raises whatever numpy does where a target does not fit: with a symbolic
        # batch, that is a batch of one baked into the chain.
        raise refuse(
            RefusalCode.BATCH_MIXED,
            consumer,
            expected=f"a view chain that takes a batch of {batch}",
            found=f"that it fails before '{data.name}': {error}",
        ) from error
    if result is None:
        raise refuse(
            RefusalCode.COMPUTED_WEIGHT,
            consumer,
            expected="a view chain with constant targets and indices",
            found=f"that '{data.name}' is arranged by computed ones",
        )
    offsets = np.arange(batch, dtype=np.int64) * window.size
    apart = result.ndim >= 1 and result.shape[0] == batch
    if not apart or np.any(result - result[:1] != offsets.reshape(-1, *[1] * (result.ndim - 1))):
        raise refuse(
            RefusalCode.BATCH_MIXED,
            consumer,
            expected=f"one row a sample in '{data.name}'",
            found=f"shape {list(result.shape)} for a batch of {batch}, with samples mixed",
            advice="Export the model with a flatten that keeps the batch axis",
        )
    return np.asarray(result[0])


def _shape_operands(
    data: gs.Tensor, source: gs.Tensor, shapes: Mapping[str, Shape], batch: int
) -> dict[int, np.ndarray]:
    """Values of the Shape nodes on the way to ``data``, by ``id`` of their output."""
    values: dict[int, np.ndarray] = {}
    pending, seen = [data], {id(source)}
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
            if dims and all(isinstance(dim, int) for dim in dims):
                start, end = node.attrs.get("start", 0), node.attrs.get("end", len(dims))
                values[id(tensor)] = np.array(dims[start:end], np.int64)
                continue
        pending.extend(node.inputs)
    return values
