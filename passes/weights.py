"""Give a constant another shape or order, touching no more bytes than that needs."""

from collections.abc import Callable, Sequence

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from onnx_graphsurgeon.ir.tensor import LazyValues

from .evaluation import Constants, is_uniform
from .use_def import UniqueNames, is_graph_output, is_standard, producer


class ReshapedValues(LazyValues):  # type: ignore[misc]
    """Values of an initializer under other ``dims``: the bytes stay where they are, unread.

    Attributes:
        source: the values as they were stored.
        shape: the new dims, of as many elements as the stored ones.
    """

    def __init__(self, source: LazyValues, shape: Sequence[int]) -> None:
        self.source: LazyValues = source.source if isinstance(source, ReshapedValues) else source
        self.shape = list(shape)
        self.dtype = source.dtype
        self.nbytes = source.nbytes

    @property
    def tensor(self) -> onnx.TensorProto:
        """The stored tensor under the new dims: a copy, which graphsurgeon's export takes."""
        proto = onnx.TensorProto()
        proto.CopyFrom(self.source.tensor)
        proto.dims[:] = self.shape
        return proto

    def load(self) -> np.ndarray:
        """Read the values, an array of the new shape."""
        return np.asarray(self.source.load()).reshape(self.shape)


class WeightEditor:
    """Replaces constants of one graph; what something else uses too is cloned, not spoiled.

    Attributes:
        new_nodes: ConstantOfShape nodes that were made for uniform weights; they read nothing, so
            they may stand anywhere before their readers.
    """

    def __init__(self, graph: gs.Graph, constants: Constants, names: UniqueNames) -> None:
        self._graph = graph
        self._constants = constants
        self._names = names
        self.new_nodes: list[gs.Node] = []

    def reshaped(self, weight: gs.Tensor, shape: Sequence[int]) -> gs.Tensor:
        """The constant ``weight`` under another shape, elements in the same order."""
        if list(weight.shape or []) == list(shape) and weight in self._constants:
            return weight
        if isinstance(weight, gs.Constant):
            stored = weight._values
            lazy = isinstance(stored, LazyValues)
            return self._stored(
                weight, ReshapedValues(stored, shape) if lazy else stored.reshape(shape)
            )
        return self.computed(weight, shape, lambda values: values.reshape(shape))

    def computed(
        self,
        weight: gs.Tensor,
        shape: Sequence[int],
        transform: Callable[[np.ndarray], np.ndarray],
        *,
        reorders: bool = True,
    ) -> gs.Tensor:
        """A constant of ``shape`` computed from the constant ``weight``.

        Args:
            weight: an initializer or a constant subgraph's result.
            shape: shape of the result.
            transform: makes the new values of the old ones.
            reorders: whether ``transform`` only rearranges elements, each used once, so that a
                uniform weight stays uniform with the same value.
        """
        values = self._constants.values(weight)
        if reorders and is_uniform(values):
            return self._uniform(weight, values.reshape(-1)[:1], shape)
        result = np.ascontiguousarray(transform(values), dtype=values.dtype)
        return self._stored(weight, result.reshape(shape))

    def quantized(
        self,
        weight: gs.Tensor,
        shape: Sequence[int],
        transform: Callable[[np.ndarray], np.ndarray] | None,
        units_axis: int,
    ) -> gs.Tensor | None:
        """A weight behind DequantizeLinear, re-laid before it: it stays quantized.

        Args:
            weight: a constant.
            shape: its new shape, the units on the first axis.
            transform: rearranges the elements; ``None`` where they stay in order.
            units_axis: the axis of the units now.

        Returns:
            The re-laid weight; ``None`` where it is not quantized, or in steps that are not one
            for all or one a unit, which re-laying would tear apart.
        """
        maker = producer(weight)
        if maker is None or not is_standard(maker, "DequantizeLinear"):
            return None
        stored, steps = maker.inputs[0], maker.inputs[1]
        count = self._constants.values(steps).size
        axis = int(maker.attrs.get("axis", 1)) % 2
        if maker.attrs.get("block_size", 0) or (count != 1 and axis != units_axis):
            return None
        if not self._used_once(weight) or not isinstance(stored, gs.Constant):
            return None
        if transform is None:
            maker.inputs[0] = self.reshaped(stored, shape)
        else:
            maker.inputs[0] = self.computed(stored, shape, transform)
        if count != 1:
            maker.attrs["axis"] = 0
        weight.shape = None
        return weight

    def _stored(self, weight: gs.Tensor, values: np.ndarray | LazyValues) -> gs.Constant:
        if isinstance(weight, gs.Constant) and self._used_once(weight):
            weight.values = values
            return weight
        return gs.Constant(self._names(f"{weight.name}_fcn"), values)

    def _uniform(self, weight: gs.Tensor, value: np.ndarray, shape: Sequence[int]) -> gs.Tensor:
        extents = np.array(shape, np.int64)
        maker = producer(weight)
        if maker is not None and is_standard(maker, "ConstantOfShape") and self._used_once(weight):
            maker.inputs[0] = self._stored(maker.inputs[0], extents)
            weight.shape = None
            return weight
        result = gs.Variable(self._names(f"{weight.name}_fcn"), dtype=value.dtype)
        extents_name = self._names(f"{result.name}_shape")
        filler = gs.Constant("", value)
        self.new_nodes.append(
            gs.Node(
                "ConstantOfShape",
                name=self._names(f"{result.name}_maker"),
                attrs={"value": filler},
                inputs=[gs.Constant(extents_name, extents)],
                outputs=[result],
            )
        )
        return result

    def _used_once(self, tensor: gs.Tensor) -> bool:
        return len(tensor.outputs) == 1 and not is_graph_output(self._graph, tensor)
