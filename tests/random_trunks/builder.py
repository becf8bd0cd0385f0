"""Write a random trunk for several image sizes at once, node by node."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from tests.random_heads.builder import BOOL, FLOAT, INT32, INT64, Builder, Operand, Value

from .extents import SIZES, Extent, PerSize, at, depends, largest, per_size, product

Array = npt.NDArray[np.generic]

LARGEST_EXTENT = 24
"""Extents of a map at the model's own size stay below."""

_LARGEST_CHANNELS = 16
_LARGEST_MAP = 60_000


class TrunkBuilder(Builder):
    """The graph so far, with every number that differs between the image sizes.

    Attributes:
        sizes: the image sizes in pixels, the model's own first.
        image: the graph's input.
        sized: by name, what a constant holds at each image size, where that differs.
        sized_attributes: by first output of a node, its attributes that hold extents.
        element: the element that is being written.
    """

    def __init__(
        self,
        draw: Callable[[st.SearchStrategy[Any]], Any],
        *,
        opset: int,
        batch: int | None,
        sizes: Sequence[tuple[int, ...]],
    ) -> None:
        super().__init__(draw, opset=opset, batch=batch, spatial_rank=len(sizes[0]))
        self.sizes = sizes
        self.image = Value("image", ())
        self.sized: dict[str, list[Array]] = {}
        self.sized_attributes: dict[str, dict[str, Any]] = {}
        self.element = ""

    @property
    def extents(self) -> tuple[int, ...]:
        """Extents of the image."""
        return tuple(Extent(numbers) for numbers in zip(*self.sizes, strict=True))

    def spell(self, spelling: str) -> str:
        """Count a spelling of the element that is being written."""
        self.labels.append(f"{self.element}: {spelling}")
        return spelling

    def constant(self, values: Any, dtype: Any = np.float32, stem: str = "w") -> str:
        """A constant tensor, of nested lists that may hold extents."""
        name = super().constant(at(values, 0), dtype, stem)
        if depends(values):
            arrays = [np.asarray(at(values, index), dtype) for index in range(SIZES)]
            if any(not np.array_equal(arrays[0], array) for array in arrays):
                self.sized[name] = arrays
        return name

    def add_many(
        self,
        operator: str,
        operands: Sequence[Operand],
        shapes: Sequence[Sequence[int]],
        dtypes: Sequence[int] | None = None,
        **attributes: Any,
    ) -> list[Value]:
        """A node with several outputs; its attributes may hold extents."""
        plain = {key: at(value, 0) for key, value in attributes.items()}
        outputs = super().add_many(operator, operands, shapes, dtypes, **plain)
        sized = {key: value for key, value in attributes.items() if depends(value)}
        if sized:
            self.sized_attributes[outputs[0].name] = sized
        return outputs

    def number(self, extent: int, function: Callable[[int], float] = float) -> str:
        """A float constant that is a function of an extent."""
        return self.constant(per_size(function, extent))

    def random_map(self, shape: Sequence[int]) -> PerSize:
        """Random numbers of one element a cell, others at each image size."""
        return PerSize(tuple(self.normal(at(shape, index)) for index in range(SIZES)))

    def conv1x1(self, value: Value, units: int) -> Value:
        """A convolution that only mixes channels."""
        channels, extents = value.shape[0], value.shape[1:]
        kernel = [units, channels, *[1] * len(extents)]
        operands: list[Operand] = [value, self.weight(kernel, fan_in=channels)]
        if self.chance():
            operands.append(self.weight([units], fan_in=4))
        return self.add("Conv", operands, (units, *extents))

    def channels(self, value: Value, *, multiple_of: int = 1) -> int:
        """A number of channels, often one that an axis of the map or the batch has too."""
        numbers = [*map(int, value.shape[1:]), int(product(value.shape[1:])), self.batch or 2]
        options = [4, 2, 3, 6, *numbers, *numbers, 8]
        fitting = [n for n in options if n % multiple_of == 0 and 1 < n <= _LARGEST_CHANNELS]
        return self.pick(fitting or [multiple_of])

    def in_multiples(self, value: Value, divisor: int) -> Value:
        """The map, with a number of channels that can be divided, and not by itself."""
        if value.shape[0] % divisor == 0 and value.shape[0] > divisor:
            return value
        units = self.channels(value, multiple_of=divisor)
        return self.conv1x1(value, max(units, 2 * divisor))

    def small_number(self, value: Value) -> int:
        """A group count or the like: often the batch or an extent of the map."""
        options = [2, 3, *map(int, value.shape[1:]), self.batch or 2]
        return self.pick([n for n in options if 2 <= n <= 4])

    def unary(self, value: Value, *operators: str) -> Value:
        """An elementwise operator."""
        return self.add(self.pick(operators), [value], value.shape)

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether a map is small enough to go on with."""
        extents = shape[1:]
        return (
            all(0 < extent <= LARGEST_EXTENT for extent in map(int, extents))
            and all(extent >= 1 for extent in extents)
            and largest(product(shape)) <= _LARGEST_MAP
        )


def softmax_along(b: TrunkBuilder, value: Value, axis: int) -> Value:
    """Softmax along one axis, at any opset: before 13 it is written out."""
    if b.opset >= 13:
        return b.add("Softmax", [value], value.shape, axis=b.axis(axis, value.rank))
    power = b.add("Exp", [b.add("Tanh", [value], value.shape)], value.shape)
    total = b.reduce("ReduceSum", power, [axis], keep=True)
    return b.add("Div", [power, total], value.shape)


__all__ = [
    "BOOL",
    "FLOAT",
    "INT32",
    "INT64",
    "Operand",
    "TrunkBuilder",
    "Value",
    "softmax_along",
]
