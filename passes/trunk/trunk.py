"""What is known of a trunk while its axes are followed from the image on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import onnx_graphsurgeon as gs

from ..evaluation import Constants
from ..gates import has_positions
from ..result import RefusalCode, Refused, Rewrite, refuse
from ..signatures import attribute_or_input
from ..static_shapes import StaticShapes
from ..use_def import downstream
from .extents import Axes, Extent, Extents, fixed, grows, large, small
from .text import axes_text

if TYPE_CHECKING:
    from .sources import Sources

Pair = tuple[np.ndarray, np.ndarray]
"""A value at the original image size and at the larger one."""

Edit = Callable[["Sources"], Rewrite]
"""Frees one node in place; returns what to tell the user."""

Rule = Callable[[gs.Node, "Trunk"], Sequence[Axes]]
"""Axes of a node's outputs; leaves an edit where the node must change, or raises ``Refused``."""


class Again(Exception):
    """An extent was found out that an earlier node must take: follow from there once more."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


@dataclass(frozen=True)
class Filler:
    """A uniform constant whose extent must follow the map.

    Attributes:
        constant: the constant.
        reader: the node that it must fit at.
    """

    constant: gs.Tensor
    reader: gs.Node


class Trunk:
    """The axes of a graph's tensors.

    Attributes:
        graph: the graph; not changed while it is followed.
        constants: its constant tensors.
        shapes: static shapes at the original size, by tensor name.
        extents: makes the extents.
        position: place of every node in the graph, by ``id`` of the node.
        edits: how to free a node, by its ``id``; nodes that work at any size have none.
        wanted: extents that an axis of a tensor must take though the node that makes it does not
            say so, by ``id`` of the tensor and axis.
        needs: extents that the edit of a node computes, by ``id`` of the node.
        fillers: uniform constants that must follow the map, by ``id`` of the node that reads them.
        batches: the batch, by its two values: nothing else grows by so little.
        doubts: refusals that hold unless a later node explains the baked size, by ``id`` of the
            node that is refused.
        refusals: why nothing is known of what follows a node, by ``id`` of the node: that of the
            node where following ended.
        names: what people call the growing axes of the inputs, by key of the factor.
    """

    def __init__(self, graph: gs.Graph, constants: Constants, shapes: StaticShapes) -> None:
        self.graph = graph
        self.constants = constants
        self.shapes = shapes
        self.extents = Extents()
        self.position = {id(node): index for index, node in enumerate(graph.nodes)}
        self.edits: dict[int, Edit] = {}
        self.wanted: dict[tuple[int, int], Extent] = {}
        self.needs: dict[int, list[Extent]] = {}
        self.fillers: dict[int, list[Filler]] = {}
        self.names: dict[int, str] = {}
        self.batches: dict[tuple[int, int], Extent] = {}
        self.doubts: dict[int, Refused] = {}
        self.refusals: dict[int, Refused] = {}
        self._axes: dict[int, Axes | None] = {}
        self._values: dict[int, Pair] = {}
        made = (output for node in downstream(graph, graph.inputs) for output in node.outputs)
        self._dependent = set(map(id, (*graph.inputs, *made)))

    @property
    def opset(self) -> int:
        """Version of ai.onnx that the model imports."""
        return int(self.graph.opset)

    def set_axes(self, tensor: gs.Tensor, axes: Axes | None) -> None:
        """Note the axes of a tensor that depends on the image; ``None`` for unknown ones."""
        self._axes[id(tensor)] = axes
        self.extents.note(axes or ())

    def set_value(self, tensor: gs.Tensor, pair: Pair) -> None:
        """Note the value of a tensor that is computed from shapes."""
        self._values[id(tensor)] = pair

    def forget(self, node: gs.Node) -> None:
        """Drop what was found of a node: it is followed once more."""
        self.edits.pop(id(node), None)
        self.doubts.pop(id(node), None)
        self.needs.pop(id(node), None)
        for output in node.outputs:
            self._values.pop(id(output), None)

    def is_followed(self, tensor: gs.Tensor) -> bool:
        """Whether a tensor depends on the image."""
        return id(tensor) in self._axes

    def has_value(self, tensor: gs.Tensor) -> bool:
        """Whether a tensor's value is known because it is computed from shapes."""
        return id(tensor) in self._values

    def found(self, tensor: gs.Tensor) -> Axes | None:
        """The axes of a tensor; ``None`` where they are not known."""
        if id(tensor) in self._axes:
            return self._axes[id(tensor)]
        shape = self.shapes.get(tensor.name)
        if shape is None and tensor in self.constants:
            shape = self.constants.values(tensor).shape
        if shape is None:
            return None
        extents = [extent for extent in shape if isinstance(extent, int)]
        return tuple(map(fixed, extents)) if len(extents) == len(shape) else None

    def axes(self, node: gs.Node, tensor: gs.Tensor) -> Axes:
        """The axes of an operand.

        Raises:
            Refused: they are not known.
        """
        found = self.found(tensor)
        if found is None:
            raise refuse(
                RefusalCode.SHAPE_UNKNOWN,
                node,
                expected=f"a known shape of '{tensor.name}'",
                found="none",
            )
        return found

    def grows(self, tensor: gs.Tensor) -> bool:
        """Whether an axis of a tensor is known to depend on the image size or the batch."""
        return any(map(grows, self.found(tensor) or ()))

    def follows_image(self, tensor: gs.Tensor) -> bool:
        """Whether an axis of a tensor is known to depend on the image size."""
        axes = self.found(tensor) or ()
        batches = set(self.batches.values())
        return any(f.key and (f,) not in batches for extent in axes for f in extent)

    def with_larger_image(self, extent: Extent) -> int:
        """Value of an extent where the image is larger, and the batch as it was."""
        batches = set(self.batches.values())
        return prod(small((f,)) if (f,) in batches else large((f,)) for f in extent)

    def wants(self, tensor: gs.Tensor, axis: int) -> Extent | None:
        """The extent that an axis of a tensor must take; ``None`` where nothing asks for one."""
        return self.wanted.get((id(tensor), axis))

    def need(self, node: gs.Node, extents: Sequence[Extent]) -> None:
        """Note extents that the edit of a node computes at run time."""
        self.needs.setdefault(id(node), []).extend(extents)

    def fill(self, constant: gs.Tensor, axis: int, wanted: Extent, *, before: gs.Node) -> None:
        """Let a uniform constant take another extent along an axis."""
        axes = list(self.found(constant) or ())
        axes[axis] = wanted
        self.set_axes(constant, tuple(axes))
        self.wanted[(id(constant), axis)] = wanted
        others = [f for f in self.fillers.get(id(before), ()) if f.constant is not constant]
        self.fillers[id(before)] = [*others, Filler(constant, before)]

    def is_map(self, tensor: gs.Tensor) -> bool:
        """Whether a tensor is the image or computed from it, and has more than one position."""
        shape = self.shapes.get(tensor.name, ())
        return id(tensor) in self._dependent and has_positions(shape)

    def text(self, axes: Axes) -> str:
        """Axes for people, such as ``[batch, 24, height/4, width/4]``."""
        return axes_text(self.extents, self.names, axes)

    def small_shape(self, node: gs.Node, tensor: gs.Tensor) -> tuple[int, ...]:
        """Shape of a tensor at the original size.

        Raises:
            Refused: it is not known.
        """
        shape = self.shapes.get(tensor.name)
        known = [extent for extent in shape or () if isinstance(extent, int)]
        if shape is None or len(known) != len(shape):
            raise refuse(
                RefusalCode.SHAPE_UNKNOWN,
                node,
                expected=f"a known shape of '{tensor.name}'",
                found="none" if shape is None else f"{list(shape)}",
            )
        return tuple(known)

    def operand(self, node: gs.Node, name: str, index: int) -> Pair | None:
        """An operand that older opsets have as attribute ``name`` and newer ones as an input.

        Returns:
            Its value at both sizes, one-dimensional; ``None`` where it is absent.

        Raises:
            Refused: it is computed from data.
        """
        found = attribute_or_input(node, name, index)
        if isinstance(found, np.ndarray):
            return found, found
        return None if found is None else self.value(node, found)

    def known_value(self, node: gs.Node, tensor: gs.Tensor) -> Pair:
        """Value of an operand at both sizes.

        Raises:
            Refused: it is computed from data.
        """
        if id(tensor) in self._values:
            return self._values[id(tensor)]
        if tensor not in self.constants:
            raise baked(node, f"'{tensor.name}', which is computed from the image")
        value = np.asarray(self.constants.values(tensor))
        return value, value

    def value(self, node: gs.Node, tensor: gs.Tensor) -> Pair:
        """As ``known_value``, one-dimensional."""
        at_small, at_large = self.known_value(node, tensor)
        return np.atleast_1d(at_small), np.atleast_1d(at_large)

    def constant_operand(self, node: gs.Node, name: str, index: int) -> np.ndarray | None:
        """As ``operand``, where the value must be the same at every size."""
        pair = self.operand(node, name, index)
        if pair is not None and not np.array_equal(*pair):
            raise baked(node, f"{name} that depend on the image size")
        return None if pair is None else pair[0]

    def refuse_growing(self, node: gs.Node, axes: Sequence[int]) -> None:
        """Refuse a node that acts along axes of its data which must not depend on the image.

        Raises:
            Refused: one of them grows.
        """
        tensor = node.inputs[0]
        own = self.axes(node, tensor)
        hit = sorted({axis % len(own) for axis in axes if grows(own[axis % len(own)])})
        if hit:
            raise baked(node, f"that it acts along axis {hit[0]} of '{tensor.name}', which grows")

    def as_extents(self, value: Pair, origin: gs.Tensor) -> Axes:
        """The elements of a shape operand as extents.

        Args:
            value: the operand at both sizes: an element that differs is the batch, or grows.
            origin: the operand, by which growing extents that nothing else explains are known.
        """
        pairs = zip(value[0].tolist(), value[1].tolist(), strict=True)
        return tuple(
            fixed(a)
            if a == b
            else self.batches.get((a, b)) or self.extents.growing(a, b, "value", id(origin), index)
            for index, (a, b) in enumerate(pairs)
        )


def baked(node: gs.Node, found: str) -> Refused:
    """Refusal of a node that works at the original image size only."""
    return refuse(
        RefusalCode.BAKED_EXTENT, node, expected="a node that works at any image size", found=found
    )


def operands(node: gs.Node) -> list[gs.Tensor]:
    """Inputs of a node that are there."""
    return [tensor for tensor in node.inputs if tensor.name]


def numbers(axes: Axes) -> tuple[list[int], list[int]]:
    """Axes as numbers at the original and at the larger size."""
    return [small(extent) for extent in axes], [large(extent) for extent in axes]


def smalls(axes: Sequence[Extent]) -> list[int]:
    """Axes as numbers at the original size."""
    return [small(extent) for extent in axes]
