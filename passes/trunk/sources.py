"""Extents as tensors: what a freed node reads in the place of baked numbers."""

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np
import onnx_graphsurgeon as gs
from onnx.helper import np_dtype_to_tensor_dtype

from ..opsets import REDUCTION_AXES_AS_INPUT, SHAPE_OF_SOME_AXES
from ..result import node_name
from ..splice import Splice
from .extents import Extent, Factor, grows, small
from .trunk import Trunk


class Sources:
    """Computes extents at run time, each once.

    Attributes:
        splice: collects the new nodes.
        anchor: the node that is being freed: new nodes stand before it.
    """

    def __init__(self, trunk: Trunk, splice: Splice) -> None:
        """Look up which tensors have which extents.

        Args:
            trunk: the trunk, followed to its end.
            splice: where new nodes go.
        """
        self.splice = splice
        self.anchor: gs.Node = trunk.graph.nodes[0] if trunk.graph.nodes else gs.Node("", "")
        self._trunk = trunk
        self._providers: dict[Extent, tuple[int, gs.Tensor, int]] = {}
        self._tensors: dict[object, gs.Tensor] = {}
        for position, tensor in _in_order(trunk.graph):
            if trunk.is_followed(tensor) and tensor.name:
                for axis, extent in enumerate(trunk.found(tensor) or ()):
                    if grows(extent):
                        self._providers.setdefault(extent, (position, tensor, axis))

    def can_give(self, extent: Extent, reader: gs.Node) -> bool:
        """Whether an extent can be computed from what stands before a node."""
        if not grows(extent) or self._provider(extent, reader) is not None:
            return True
        if len(extent) > 1:
            return all(self.can_give((factor,), reader) for factor in extent)
        word, *of = self._trunk.extents.origin(extent[0])
        return word in ("part", "shift", "stride") and self.can_give(_base(of[0]), reader)

    def vector(self, extents: Sequence[Extent]) -> gs.Tensor:
        """Extents as a one-dimensional int64 tensor.

        Returns:
            A constant where none grows, else the result of Shape and what it takes beside it.
        """
        pieces: list[gs.Tensor] = []
        for (grown, provider), group in groupby(extents, self._home):
            members = list(group)
            if not grown:
                pieces.append(self.numbers([small(extent) for extent in members]))
            elif provider is not None:
                axes = [self._providers[extent][2] for extent in members]
                pieces.append(self._axes_of(self._providers[members[0]][1], axes))
            else:
                pieces += [self._computed(extent) for extent in members]
        return pieces[0] if len(pieces) == 1 else self.joined(pieces)

    def elements(self, elements: Sequence[int | Extent]) -> gs.Tensor:
        """Plain numbers and extents as a one-dimensional int64 tensor."""
        pieces: list[gs.Tensor] = []
        for plain, run in groupby(elements, lambda element: isinstance(element, int)):
            members = list(run)
            if plain:
                pieces.append(self.numbers([e for e in members if isinstance(e, int)]))
            else:
                pieces.append(self.vector([e for e in members if not isinstance(e, int)]))
        return pieces[0] if len(pieces) == 1 else self.joined(pieces)

    def joined(self, pieces: Sequence[gs.Tensor]) -> gs.Tensor:
        """One-dimensional tensors, one behind the other."""
        return self._node("Concat", pieces, {"axis": 0}, ("joined", *map(id, pieces)))

    def numbers(self, values: Iterable[int], name: str = "extents") -> gs.Tensor:
        """Plain numbers as a one-dimensional int64 constant."""
        array = np.array(list(values), np.int64)
        key = ("numbers", *array.tolist())
        if key not in self._tensors:
            self._tensors[key] = self.splice.constant(name, array)
        return self._tensors[key]

    def scalar(self, extent: Extent, dtype: np.dtype) -> gs.Tensor:
        """An extent as a number of a data type, without axes."""
        number = self.apply("Squeeze", [self.vector([extent])])
        to = np_dtype_to_tensor_dtype(np.dtype(dtype))
        return number if dtype == np.int64 else self.apply("Cast", [number], to=int(to))

    def apply(self, operator: str, inputs: Sequence[gs.Tensor], **attributes: object) -> gs.Tensor:
        """The result of one operator on tensors that this object gave."""
        key = (operator, *map(id, inputs), *sorted(attributes.items()))
        return self._node(operator, inputs, attributes, key)

    def set_axes(self, node: gs.Node, axes: Sequence[int]) -> None:
        """Give a reduction other than ReduceSum its axes, as an attribute or an input."""
        if self._trunk.opset < REDUCTION_AXES_AS_INPUT:
            node.attrs["axes"] = list(axes)
        else:
            node.inputs = [node.inputs[0], self.numbers(axes, "axes")]

    def _provider(self, extent: Extent, reader: gs.Node) -> tuple[int, gs.Tensor, int] | None:
        found = self._providers.get(extent)
        before = found is not None and found[0] < self._trunk.position[id(reader)]
        return found if before else None

    def _home(self, extent: Extent) -> tuple[bool, int | None]:
        """Whether an extent grows, and the tensor whose shape has it."""
        found = self._provider(extent, self.anchor)
        return grows(extent), None if found is None else id(found[1])

    def _axes_of(self, tensor: gs.Tensor, axes: Sequence[int]) -> gs.Tensor:
        key = ("axes", id(tensor), *axes)
        run = list(range(axes[0], axes[0] + len(axes)))
        if self._trunk.opset >= SHAPE_OF_SOME_AXES and list(axes) == run:
            return self._node("Shape", [tensor], {"start": run[0], "end": run[-1] + 1}, key)
        shape = self._node("Shape", [tensor], {}, ("shape", id(tensor)))
        return self._node("Gather", [shape, self.numbers(axes, "axes")], {"axis": 0}, key)

    def _computed(self, extent: Extent) -> gs.Tensor:
        """An extent that no tensor has, from those that it was derived from."""
        if len(extent) > 1:
            whole = self.vector([extent[:1]])
            for factor in extent[1:]:
                whole = self.apply("Mul", [whole, self.vector([(factor,)])])
            return whole
        word, *of = self._trunk.extents.origin(extent[0])
        base = self.vector([_base(of[0])])
        if word == "part":
            return self.apply("Div", [base, self.numbers([of[1]])])
        moved = self.apply("Add", [base, self.numbers([of[1]])])
        if word == "shift":
            return moved
        positions = self.apply("Div", [moved, self.numbers([of[2]])])
        return self.apply("Add", [positions, self.numbers([1])])

    def _node(
        self, operator: str, inputs: Sequence[gs.Tensor], attributes: dict[str, object], key: object
    ) -> gs.Tensor:
        if key not in self._tensors:
            stem = node_name(self.anchor)
            result = gs.Variable(self.splice.names(f"{stem}_{operator.lower()}"))
            node = gs.Node(
                operator,
                self.splice.names(f"{stem}_{operator}"),
                attrs=dict(attributes),
                inputs=list(inputs),
                outputs=[result],
            )
            self.splice.insert_before(self.anchor, node)
            self._tensors[key] = result
        return self._tensors[key]


def _base(of: Factor | Extent) -> Extent:
    return (of,) if isinstance(of, Factor) else of


def _in_order(graph: gs.Graph) -> Iterable[tuple[int, gs.Tensor]]:
    """Tensors with the place of the node that makes them, inputs first."""
    yield from ((-1, tensor) for tensor in graph.inputs)
    for position, node in enumerate(graph.nodes):
        yield from ((position, tensor) for tensor in node.outputs)
