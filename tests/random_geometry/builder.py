"""Write a random graph node by node, with the extents that it has at its own image size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from hypothesis import strategies as st
from onnx import NodeProto, TensorProto, helper, numpy_helper

from tests.random_cases.choices import Choices

FLOAT = TensorProto.FLOAT
OPSET = 19
IMAGE = "image"


@dataclass(frozen=True)
class Value:
    """A tensor and its shape at the model's own image size."""

    name: str
    shape: tuple[int, ...]

    @property
    def channels(self) -> int:
        """Elements along axis 1."""
        return self.shape[1]

    @property
    def extents(self) -> tuple[int, ...]:
        """Extents of the spatial axes of ``[N, C, *s]``."""
        return self.shape[2:]


class Unfit(Exception):
    """A node that the tensors at hand do not fit, or that leaves nothing of them."""


class Builder(Choices):
    """The graph so far, and where its choices and its weights come from.

    Attributes:
        rank: spatial axes of the image.
        size: its own size in pixels.
        nodes: the nodes, in order.
        initializers: the constants.
        labels: what the graph is made of.
    """

    def __init__(
        self, draw: Callable[[st.SearchStrategy[Any]], Any], size: Sequence[int], channels: int
    ) -> None:
        super().__init__(draw)
        self.rank, self.size = len(size), tuple(size)
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self.labels: list[str] = []
        self._numbers = np.random.default_rng(draw(st.integers(0, 2**16)))
        self._count = 0
        self.image = Value(IMAGE, (1, channels, *size))

    def each(self, low: int, high: int) -> list[int]:
        """A number for every spatial axis."""
        return [self.integer(low, high) for _ in range(self.rank)]

    def constant(self, values: npt.ArrayLike, dtype: Any = np.float32) -> str:
        """A constant tensor."""
        self._count += 1
        name = f"c{self._count}"
        self.initializers.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def integers(self, values: npt.ArrayLike) -> str:
        """A constant of int64."""
        return self.constant(values, np.int64)

    def weight(self, shape: Sequence[int]) -> str:
        """Random weights that are never near zero, and keep the scale of what they weigh."""
        draws = self._numbers.uniform(0.4, 1.6, size=shape)
        signs = self._numbers.choice([-1.0, 1.0], size=shape)
        return self.constant(np.round(draws * signs / np.sqrt(np.prod(shape[1:], initial=1)), 4))

    def node(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """A node with one output."""
        self._count += 1
        name = f"{operator.lower()}{self._count}"
        given = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **given))
        return name

    def value(self, name: str) -> Value:
        """A tensor whose shape is inferred.

        Raises:
            Unfit: it has none, or one that is empty or too large.
        """
        try:
            inferred = onnx.shape_inference.infer_shapes(
                self.model([name], self.size), strict_mode=True, data_prop=True
            )
        except onnx.shape_inference.InferenceError as error:
            raise Unfit from error
        for found in inferred.graph.output:
            dims = found.type.tensor_type.shape.dim
            shape = tuple(dim.dim_value for dim in dims)
            if not shape or min(shape) < 1 or np.prod(shape) > 1 << 15:
                raise Unfit
            return Value(name, shape)
        raise Unfit

    def add(self, operator: str, inputs: Sequence[Value | str], **attributes: Any) -> Value:
        """A node with one output, whose shape is inferred."""
        names = [operand if isinstance(operand, str) else operand.name for operand in inputs]
        return self.value(self.node(operator, names, **attributes))

    def model(self, outputs: Sequence[str], size: Sequence[int | str]) -> onnx.ModelProto:
        """The graph so far as a model."""
        image = helper.make_tensor_value_info(IMAGE, FLOAT, [1, self.image.channels, *size])
        graph = helper.make_graph(
            self.nodes,
            "random",
            [image],
            [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
            self.initializers,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)
