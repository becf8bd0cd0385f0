"""Run a graph on what its positions see of the image, in place of values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs

from passes.result import node_name
from passes.signatures import attribute_or_input

from ..sizes import known_size
from .errors import DoesNotFitError, UnknownError
from .leaps import without_leaps
from .program import Program, Step
from .seen import Seen, Shape, image, mixed, nothing

_LARGEST_VALUE = 1 << 22
"""Elements; what is computed from shapes alone and has more is not computed."""
_PAIRS = ("Gemm", "MatMul")
"""Operators whose results may be positions of pairs, which see two places, not all between."""
_FILLS = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1}
"""Operators that make tensors of a shape which an input says."""


@dataclass(frozen=True)
class View:
    """How a graph is looked at.

    Attributes:
        axis: the axis of the images, 0 for the first spatial one.
        more: pixels along it beyond the original size, perhaps negative.
        start: pixel at which the images begin, as crops of larger ones; ``None`` for shapes only.
        marked: whether positions carry marks of how they were computed.
    """

    axis: int
    more: int = 0
    start: int | None = 0
    marked: bool = False


class Trace:
    """One run of a program; keeps what the graph's outputs have seen.

    Attributes:
        program: what is run.
        view: how the images are looked at.
        shapes: extents of the tensors that nodes make, by ``id`` of the tensor.
    """

    def __init__(self, program: Program, view: View, watch: "Watch | None" = None) -> None:
        """Run it.

        Args:
            program: what is run.
            view: how the images are looked at.
            watch: see there.

        Raises:
            DoesNotFitError: the model does not take images of this size.
        """
        self.program, self.view = program, view
        self._seen: dict[int, Seen | UnknownError] = {}
        self._values: dict[int, np.ndarray] = {}
        self._widest = 0
        self.shapes: dict[int, Shape] = {}
        self._set_inputs()
        for step in program.steps:
            node = step.node
            try:
                self._run(step)
            except UnknownError as error:
                unknown = error.at(node_text(node))
                self._seen.update((id(output), unknown) for output in node.outputs)
            except DoesNotFitError as error:
                raise error.at(node_text(node)) from error
            if watch is not None:
                watch(node, self)
            for tensor in program.done.get(id(node), ()):
                self._seen.pop(tensor, None)

    def __getitem__(self, tensor: gs.Tensor) -> Seen:
        """What a tensor has seen.

        Raises:
            UnknownError: it cannot be told, because of a node that goes into it.
        """
        if id(tensor) in self._seen:
            found = self._seen[id(tensor)]
            if isinstance(found, UnknownError):
                raise found
            return found
        value = self.value(tensor)
        if value is None:
            raise UnknownError(f"the shape of '{tensor.name}' is not known")
        return self._marked(value, {*range(-value.ndim, 0)})

    def nothing(self, shape: Shape, value: int) -> Seen:
        """A tensor that does not depend on the image, all of one mark."""
        mark = np.full((1,) * len(shape), value, np.uint64) if self.view.marked else None
        return nothing(shape, mark)

    def shape(self, tensor: gs.Tensor) -> Shape:
        """Shape of a tensor; raises as for its positions."""
        if isinstance(tensor, gs.Constant):
            return tuple(int(extent) for extent in tensor.shape)
        if self.program.is_constant(tensor):
            return self.program.constant_shape(tensor)
        value = self.value(tensor)
        return self[tensor].shape if value is None else value.shape

    def is_known(self, tensor: gs.Tensor) -> bool:
        """Whether a tensor depends on the shapes of the inputs at most."""
        return id(tensor) in self._values or self.program.is_constant(tensor)

    def value(self, tensor: gs.Tensor) -> np.ndarray | None:
        """Value of a tensor that depends on the shapes of the inputs at most."""
        if id(tensor) in self._values:
            return self._values[id(tensor)]
        return self.program.constant(tensor) if self.program.is_constant(tensor) else None

    def known(self, tensor: gs.Tensor) -> np.ndarray:
        """Value of an operand that must not depend on the image.

        Raises:
            UnknownError: it does.
        """
        value = self.value(tensor)
        if value is None:
            raise UnknownError(f"'{tensor.name}' is computed from the image")
        return value

    def operand(self, node: gs.Node, name: str, place: int) -> np.ndarray | None:
        """What older opsets have as an attribute, and newer ones as an input; one-dimensional."""
        found = attribute_or_input(node, name, place)
        return np.atleast_1d(self.known(found)) if isinstance(found, gs.Tensor) else found

    def parts(self, node: gs.Node, tensors: Sequence[gs.Tensor]) -> list[Seen]:
        """What tensors have seen that are broadcast against one another.

        Constants differ by position where the others do.
        """
        found = [None if self.is_known(tensor) else self[tensor] for tensor in tensors]
        varies = {axis - len(part.shape) for part in found if part for axis in part.varies}
        return [
            part or self._marked(self.known(tensor), varies)
            for part, tensor in zip(found, tensors, strict=True)
        ]

    def _marked(self, value: np.ndarray, varies: set[int]) -> Seen:
        if not self.view.marked:
            return nothing(value.shape)
        keeps = [axis - value.ndim in varies for axis in range(value.ndim)]
        part = value[tuple(slice(None) if kept else slice(0, 1) for kept in keeps)]
        bits = np.ascontiguousarray(part, np.float64).view(np.uint64)
        return nothing(value.shape, mixed(bits, 3))

    def _set_inputs(self) -> None:
        batches: dict[Any, int] = {}
        for img in self.program.images:
            own = known_size(img.shape)
            if own is None or len(img.spatial_axes) <= self.view.axis:
                self._seen[id(img.tensor)] = _shape_unknown(img.tensor)
                continue
            axis, shape = img.spatial_axes[self.view.axis], list(own)
            shape[axis] += self.view.more
            batches |= dict(zip(img.tensor.shape, shape, strict=True))
            self._seen[id(img.tensor)] = image(
                tuple(shape), axis, self.view.start, marked=self.view.marked
            )
        for tensor in self.program.graph.inputs:
            if id(tensor) not in self._seen and not self.program.is_constant(tensor):
                known = known_size([batches.get(e, e) for e in tensor.shape or ("unknown",)])
                self._seen[id(tensor)] = (
                    _shape_unknown(tensor)
                    if known is None
                    else self.nothing(known, len(self._seen))
                )

    def _run(self, step: Step) -> None:
        node = step.node
        if step.is_measure:
            return self._measure(node)
        known = step.is_computable and all(id(tensor) in self._values for tensor in step.inputs)
        if known and not self._fills(node):
            return self._compute(
                node, [self.known(tensor) for tensor in node.inputs if tensor.name]
            )
        for output, found in zip(node.outputs, self._made(step), strict=False):
            if min(found.shape, default=1) < 1:
                raise DoesNotFitError("it leaves no position")
            self.shapes[id(output)] = found.shape
            self._seen[id(output)] = self._slid(node, found)
        return None

    def _made(self, step: Step) -> Sequence[Seen]:
        if step.rule is None:
            raise UnknownError("what it reads is not known")
        key = self._shapes_before(step) if self.view.start is None else None
        if key is None:
            return _ruled(step.rule, step.node, self)
        counted = self.program.counted.get(id(step.node))
        if counted is None or counted[0] != key:
            counted = (key, _ruled(step.rule, step.node, self))
            self.program.counted[id(step.node)] = counted
        return counted[1]

    def _shapes_before(self, step: Step) -> tuple[object, ...] | None:
        """All that the shapes of a node's results depend on; ``None`` where it is not known."""
        found: list[object] = []
        for tensor in step.inputs:
            seen, value = self._seen.get(id(tensor)), self._values.get(id(tensor))
            if isinstance(seen, Seen):
                found.append(seen.shape)
            elif value is not None:
                found += [value.shape, value.tobytes()]
            else:
                return None
        return tuple(found)

    def _slid(self, node: gs.Node, found: Seen) -> Seen:
        """What slides along; a node that puts both ends of the image together sees all of it."""
        extent = self.program.sizes[self.view.axis] + self.view.more
        if node.op in _PAIRS or self.view.start is None:
            return found
        if any(found is self._seen.get(id(tensor)) for tensor in node.inputs):
            return found
        slid = without_leaps(found, node_name(node), extent, self._widest)
        self._widest = max(self._widest, slid.widest)
        return slid

    def _fills(self, node: gs.Node) -> bool:
        """Whether a node makes a map of numbers of a shape, which may become very large."""
        if node.op not in _FILLS:
            return False
        return len(self.known(node.inputs[_FILLS[node.op]])) > 1

    def _measure(self, node: gs.Node) -> None:
        shape = np.array(self.shape(node.inputs[0]), np.int64)
        self._values[id(node.outputs[0])] = (
            shape[node.attrs.get("start", 0) : node.attrs.get("end", len(shape))]
            if node.op == "Shape"
            else np.asarray(shape.prod())
        )

    def _compute(self, node: gs.Node, values: Sequence[np.ndarray]) -> None:
        try:
            found = self.program.run(node, values)
        except Exception as error:  # whatever numpy raises where nothing fits at this size
            raise DoesNotFitError(str(error)) from error
        if sum(value.size for value in found) > _LARGEST_VALUE:
            raise UnknownError("it makes very many numbers of a shape")
        self._values.update(
            (id(output), value) for output, value in zip(node.outputs, found, strict=False)
        )

    def salt(self, node: gs.Node) -> int:
        """A number of its own for each node."""
        return self.program.salts[id(node)]


Rule = Callable[[gs.Node, Trace], Sequence[Seen]]
"""What the positions of a node's outputs have seen; outputs that are left out are unknown."""

Watch = Callable[[gs.Node, Trace], None]
"""Called behind every node of a run, while what went into it is known."""


def _ruled(rule: Rule, node: gs.Node, trace: Trace) -> Sequence[Seen]:
    try:
        return rule(node, trace)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise UnknownError(f"its attributes contradict its inputs ({error!r})") from error


def _shape_unknown(tensor: gs.Tensor) -> UnknownError:
    return UnknownError(f"the input '{tensor.name}' has shape {tensor.shape}")


def node_text(node: gs.Node) -> str:
    """A node as people name it."""
    return f"{node_name(node)} ({node.op})"
