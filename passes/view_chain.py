"""Find out where every element of a vector comes from, by pushing numbers through its view chain.

A view chain (Flatten, Reshape, Transpose, Squeeze, Gather, ...) only moves data. Element numbers
that enter at the feature map come out in the order in which the dense layer sees them, whatever
the nodes between are.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_graphsurgeon as gs

from .bounded import LARGEST_VALUE
from .evaluation import Constants, evaluate
from .images import Roles
from .operators import ELEMENTWISE, MOVES_DATA, QUANTIZATION
from .result import RefusalCode, Refused, node_name, refuse
from .shapes import Shape, shape_value
from .tokens import Tokens
from .use_def import is_standard, producer


@dataclass(frozen=True)
class Window:
    """One window of a map, as a view chain has arranged it so far.

    Attributes:
        feature_map: name of the feature map in the original graph.
        source: the tensor that holds it: itself, or what elementwise operators made of it.
        roles: the roles of the source's axes.
        samples: the original ``N``, two where it is symbolic.
        channels: ``C``.
        extents: the window, an axis each: all of the map at the original input size.
        order: int64, the shape of the tensor without its batch axis: for every element of one
            sample, its place in ``[C, *extents]`` flattened in row-major order.
        scale: float64 factor of every element, the shape of ``order``; ``None`` for 1.
        shift: float64 summand of every element, after the factor; ``None`` for 0.
        tokens: where the source's positions are one axis, the map that it is; the roles are of
            that. ``None`` for a source that is a map.
        origin: what the window is one cell of, where it is not cut from a feature map.
    """

    feature_map: str
    source: gs.Tensor
    roles: Roles
    samples: int
    channels: int
    extents: tuple[int, ...]
    order: np.ndarray
    scale: np.ndarray | None = None
    shift: np.ndarray | None = None
    tokens: Tokens | None = None
    origin: object = None

    @property
    def size(self) -> int:
        """Elements of one sample."""
        return self.channels * math.prod(self.extents)

    @property
    def is_affine(self) -> bool:
        """Whether elements are scaled or shifted, to be folded into the next dense layer."""
        return self.scale is not None or self.shift is not None


def whole_map(source: gs.Tensor, shape: tuple[int, ...], roles: Roles, samples: int) -> Window:
    """The window that a map is at the original size.

    Args:
        source: the map.
        shape: its shape without the batch axis, in the order of its own axes.
        roles: the roles of its axes; the batch comes first, channels may be missing.
        samples: its number of samples.

    Raises:
        Refused: it is empty, or too large to number its elements.
    """
    axes = sorted(range(len(shape)), key=lambda axis: roles[axis + 1])
    ordered = [shape[axis] for axis in axes]
    if not 0 < math.prod(shape) * samples <= LARGEST_VALUE:
        raise refuse(
            RefusalCode.MAP_SIZE,
            producer(source),
            expected=f"1 to {LARGEST_VALUE} elements",
            found=f"{samples} samples of {list(shape)} in '{source.name}'",
        )
    numbers = np.arange(math.prod(shape), dtype=np.int64).reshape(ordered)
    channels = ordered.pop(0) if 1 in roles else 1
    return Window(
        feature_map=source.name,
        source=source,
        roles=roles,
        samples=samples,
        channels=channels,
        extents=tuple(ordered),
        order=numbers.transpose(np.argsort(axes)),
    )


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

    Elementwise nodes with constants may stand between the views.

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
        operand = None if node is None else _moved_operand(node, constants)
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


@dataclass(frozen=True)
class Scattered:
    """A tensor that has no axis of samples for now: a later view may restore it.

    Attributes:
        numbers: int64, the element numbers of all samples, as the views have arranged them; those
            of sample ``n`` are the window's places plus ``n`` times its size.
        window: the window that the elements belong to.
        node: the view that took the samples together.
    """

    numbers: np.ndarray
    window: Window
    node: gs.Node


def numbered(window: Window) -> np.ndarray:
    """Numbers for the elements of all samples of a window, int64 ``[N, *order]``."""
    batch = window.samples
    offsets = np.arange(batch, dtype=np.int64) * window.size
    return window.order + offsets.reshape(-1, *[1] * window.order.ndim)


def one_sample(numbers: np.ndarray, window: Window) -> np.ndarray | None:
    """Places in the window of one sample's elements, ``None`` where samples are not apart."""
    batch = window.samples
    if numbers.ndim == 0 or numbers.shape[0] != batch:
        return None
    offsets = np.arange(batch, dtype=np.int64) * window.size
    apart = numbers - numbers[:1] == offsets.reshape(-1, *[1] * (numbers.ndim - 1))
    own = np.all((numbers[0] >= 0) & (numbers[0] < window.size))
    return np.asarray(numbers[0]) if np.all(apart) and own else None


def mixed(scattered: Scattered, reader: gs.Node) -> Refused:
    """Refusal of a node that reads samples which are not apart."""
    return refuse(
        RefusalCode.BATCH_MIXED,
        scattered.node,
        expected=f"one row a sample for '{node_name(reader)}' ({reader.op})",
        found=f"shape {list(scattered.numbers.shape)} with samples mixed",
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
