"""Write a random graph node by node, with the spelling that its opset asks for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from onnx import NodeProto, TensorProto, helper, numpy_helper

from tests.random_cases.choices import Choices

FLOAT, DOUBLE, HALF = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16
INT64, INT32, INT8, UINT8 = (
    TensorProto.INT64,
    TensorProto.INT32,
    TensorProto.INT8,
    TensorProto.UINT8,
)
BOOL = TensorProto.BOOL

_NEGATIVE_AXES = 11
"""From this opset on, every operator takes negative axes."""


@dataclass(frozen=True)
class Value:
    """A tensor of the graph: its name, its extents behind the batch axis, its element type."""

    name: str
    shape: tuple[int, ...]
    dtype: int = FLOAT

    @property
    def rank(self) -> int:
        """Number of axes, the batch included."""
        return 1 + len(self.shape)

    @property
    def size(self) -> int:
        """Elements of one sample."""
        return int(np.prod(self.shape, dtype=np.int64))


Operand = Value | str


class Builder(Choices):
    """The graph so far, and where its choices and its weights come from.

    Attributes:
        opset: version of ai.onnx.
        batch: samples of the image; ``None`` where the axis is symbolic.
        spatial_rank: spatial axes of the image.
        constant_nodes: whether constants are Constant nodes; initializers otherwise.
        nodes: the nodes, in order.
        initializers: the constants.
        labels: what the head is made of.
        seen: float tensors of the head that later nodes may read again.
        exact: whether every element type keeps float32's precision.
    """

    def __init__(
        self,
        draw: Callable[[st.SearchStrategy[Any]], Any],
        *,
        opset: int,
        batch: int | None,
        spatial_rank: int,
    ) -> None:
        super().__init__(draw)
        self.opset = opset
        self.batch = batch
        self.spatial_rank = spatial_rank
        # Before opset 9, a Constant node holds floats only.
        nodes = [False, False, False, opset >= 9]
        self.constant_nodes = draw(st.sampled_from(nodes))
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self.labels: list[str] = []
        self.seen: list[Value] = []
        self.exact = True
        self._numbers = np.random.default_rng(draw(st.integers(0, 2**16)))
        self._count = 0

    def name(self, stem: str) -> str:
        """A name that no tensor has yet."""
        self._count += 1
        return f"{stem.lower()}{self._count}"

    def constant(self, values: npt.ArrayLike, dtype: Any = np.float32, stem: str = "w") -> str:
        """A constant tensor of the graph."""
        array = np.asarray(values, dtype)
        name = self.name(stem)
        tensor = numpy_helper.from_array(array, name)
        if self.constant_nodes:
            self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        else:
            self.initializers.append(tensor)
        return name

    def integers(self, values: npt.ArrayLike, stem: str = "i") -> str:
        """A constant of int64."""
        return self.constant(values, np.int64, stem)

    def weight(self, shape: Sequence[int], fan_in: int = 1) -> str:
        """Random weights of about one, divided by the root of ``fan_in``."""
        return self.constant(self.normal(shape) / np.sqrt(fan_in))

    def normal(self, shape: Sequence[int]) -> npt.NDArray[np.float64]:
        """Random numbers between -3 and 3 with three decimals."""
        return np.round(np.clip(self._numbers.normal(size=shape), -3, 3), 3)

    def uniform(self, shape: Sequence[int], low: float, high: float) -> str:
        """A constant of random numbers between two bounds."""
        return self.constant(np.round(self._numbers.uniform(low, high, size=shape), 3))

    def permutation(self, length: int, kept: int | None = None) -> list[int]:
        """Some of the numbers below ``length``, in random order."""
        return [int(i) for i in self._numbers.permutation(length)[:kept]]

    def add(
        self,
        operator: str,
        operands: Sequence[Operand],
        shape: Sequence[int],
        dtype: int = FLOAT,
        **attributes: Any,
    ) -> Value:
        """A node with one output of the given shape (behind the batch axis)."""
        return self.add_many(operator, operands, [shape], [dtype], **attributes)[0]

    def add_many(
        self,
        operator: str,
        operands: Sequence[Operand],
        shapes: Sequence[Sequence[int]],
        dtypes: Sequence[int] | None = None,
        **attributes: Any,
    ) -> list[Value]:
        """A node with several outputs."""
        dtypes = dtypes or [FLOAT] * len(shapes)
        outputs = [
            Value(self.name(operator), tuple(shape), dtype)
            for shape, dtype in zip(shapes, dtypes, strict=True)
        ]
        names = [operand if isinstance(operand, str) else operand.name for operand in operands]
        given = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(
            helper.make_node(operator, names, [value.name for value in outputs], **given)
        )
        return outputs

    def axis(self, axis: int, rank: int) -> int:
        """The axis, or the same counted from the end where the opset allows it."""
        return axis - rank if self.opset >= _NEGATIVE_AXES and self.chance() else axis

    def with_axes(
        self,
        operator: str,
        value: Value,
        axes: Sequence[int],
        shape: Sequence[int],
        *,
        as_input: int,
        rank: int | None = None,
        **attributes: Any,
    ) -> Value:
        """A node whose axes are an attribute, or an input from opset ``as_input`` on."""
        spelled = [self.axis(axis, rank or value.rank) for axis in axes]
        if self.opset >= as_input:
            operands: list[Operand] = [value, self.integers(spelled, "axes")]
            return self.add(operator, operands, shape, value.dtype, **attributes)
        return self.add(operator, [value], shape, value.dtype, axes=spelled, **attributes)

    def reduce(self, operator: str, value: Value, axes: Sequence[int], *, keep: bool) -> Value:
        """A reduction over axes of a sample (1 and up)."""
        shape = [1 if axis in axes else e for axis, e in enumerate(value.shape, 1)]
        left = [e for axis, e in enumerate(value.shape, 1) if axis not in axes]
        return self.with_axes(
            operator,
            value,
            axes,
            shape if keep else left,
            as_input=13 if operator == "ReduceSum" else 18,
            keepdims=self.pick([None, 1]) if keep else 0,
        )

    def unsqueeze(self, value: Value, axes: Sequence[int]) -> Value:
        """Axes of extent 1 at the given places of the result."""
        shape = list(value.shape)
        for axis in sorted(axes):
            shape.insert(axis - 1, 1)
        return self.with_axes(
            "Unsqueeze", value, axes, shape, as_input=13, rank=value.rank + len(axes)
        )

    def squeeze(self, value: Value, axes: Sequence[int]) -> Value:
        """The given axes, of extent 1, go."""
        shape = [e for axis, e in enumerate(value.shape, 1) if axis not in axes]
        return self.with_axes("Squeeze", value, axes, shape, as_input=13)

    def transpose(self, value: Value, perm: Sequence[int]) -> Value:
        """Another order of a sample's axes; the batch stays first."""
        shape = [value.shape[axis - 1] for axis in perm[1:]]
        return self.add("Transpose", [value], shape, value.dtype, perm=list(perm))

    def reshape(self, value: Value, shape: Sequence[int]) -> Value:
        """A Reshape of every sample, its target spelled in one of many ways."""
        target = self._target(value, tuple(shape))
        return self.add("Reshape", [value, target], shape, value.dtype)

    def _target(self, value: Value, shape: tuple[int, ...]) -> str:
        fixed = [] if self.batch is None else [self.batch]
        sample = list(shape)
        open_axis = self.integer(-1, len(shape) - 1)
        if open_axis >= 0:
            sample[open_axis] = -1
        elif shape[:1] == value.shape[:1] and self.chance():
            sample[0] = 0
        free = [] if -1 in sample else [-1]
        if self.chance(4):
            return self._computed_target(value, sample)
        return self.integers([self.pick([0, *fixed, *free]), *sample], "shape")

    def _computed_target(self, value: Value, sample: list[int]) -> str:
        """The batch read off the tensor at run time, and the rest behind it."""
        if self.opset >= 15 and self.chance():
            first = self.add("Shape", [value], [], INT64, start=0, end=1)
        elif self.opset >= 10 and self.chance():
            whole = self.add("Shape", [value], [], INT64)
            bounds = [self.integers([0]), self.integers([1]), self.integers([0])]
            first = self.add("Slice", [whole, *bounds], [], INT64)
        else:
            whole = self.add("Shape", [value], [], INT64)
            number = self.add("Gather", [whole, self.integers(0)], [], INT64, axis=0)
            if self.opset >= 13:
                first = self.add("Unsqueeze", [number, self.integers([0])], [], INT64)
            else:
                first = self.add("Unsqueeze", [number], [], INT64, axes=[0])
        rest = self.integers([e if e else 0 for e in sample])
        return self.add("Concat", [first, rest], [], INT64, axis=0).name

    def flatten(self, value: Value) -> Value:
        """All axes of a sample as one."""
        spelling = self.pick(["flatten", "reshape"])
        if spelling == "flatten":
            axis = self.pick([None, self.axis(1, value.rank)])
            return self.add("Flatten", [value], [value.size], value.dtype, axis=axis)
        return self.reshape(value, [value.size])
