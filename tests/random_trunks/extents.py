"""Numbers that depend on the image size, such as the extents of a map."""

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

SIZES = 2
"""Image sizes that a trunk is written at: its own, and a larger one."""


class Extent(int):
    """A number that is another one at another image size.

    It computes at all sizes at once. As a plain ``int`` it is the number at the model's own size;
    a comparison holds where it holds at every size.

    Attributes:
        at: the number at each image size, the model's own first.
    """

    at: tuple[int, ...]

    def __new__(cls, at: Iterable[int]) -> "Extent":
        """An extent of the given numbers."""
        numbers = tuple(at)
        extent = super().__new__(cls, numbers[0])
        extent.at = numbers
        return extent

    def __getnewargs__(self) -> tuple[tuple[int, ...]]:  # type: ignore[override]
        return (self.at,)

    def __add__(self, other: int) -> int:
        return each(operator.add, self, other)

    def __radd__(self, other: int) -> int:
        return each(operator.add, other, self)

    def __sub__(self, other: int) -> int:
        return each(operator.sub, self, other)

    def __rsub__(self, other: int) -> int:
        return each(operator.sub, other, self)

    def __mul__(self, other: int) -> int:
        return each(operator.mul, self, other)

    def __rmul__(self, other: int) -> int:
        return each(operator.mul, other, self)

    def __floordiv__(self, other: int) -> int:
        return each(operator.floordiv, self, other)

    def __rfloordiv__(self, other: int) -> int:
        return each(operator.floordiv, other, self)

    def __mod__(self, other: int) -> int:
        return each(operator.mod, self, other)

    def __neg__(self) -> int:
        return each(operator.neg, self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and self._holds(operator.eq, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: int) -> bool:
        return self._holds(operator.lt, other)

    def __le__(self, other: int) -> bool:
        return self._holds(operator.le, other)

    def __gt__(self, other: int) -> bool:
        return self._holds(operator.gt, other)

    def __ge__(self, other: int) -> bool:
        return self._holds(operator.ge, other)

    def __hash__(self) -> int:
        return hash(self.at if len(set(self.at)) > 1 else self.at[0])

    def __repr__(self) -> str:
        return "/".join(map(str, self.at))

    def _holds(self, compare: Callable[[int, int], bool], other: int) -> bool:
        return all(compare(own, at(other, index)) for index, own in enumerate(self.at))


@dataclass(frozen=True)
class PerSize:
    """Something else that depends on the image size.

    Attributes:
        values: what it is at each image size.
    """

    values: tuple[Any, ...]


def at(value: Any, index: int) -> Any:
    """What a number, or a nested list of them, is at one of the image sizes."""
    if isinstance(value, Extent):
        return value.at[index]
    if isinstance(value, PerSize):
        return value.values[index]
    if isinstance(value, (list, tuple)):
        return [at(entry, index) for entry in value]
    return value


def each(function: Callable[..., int], *numbers: int) -> int:
    """A function of numbers, computed at every image size."""
    if not any(isinstance(number, Extent) for number in numbers):
        return function(*numbers)
    return Extent(function(*(at(number, i) for number in numbers)) for i in range(SIZES))


def per_size(function: Callable[..., Any], *numbers: int) -> PerSize:
    """A function of numbers with any kind of result."""
    return PerSize(tuple(function(*(at(number, i) for number in numbers)) for i in range(SIZES)))


def depends(value: Any) -> bool:
    """Whether a number, or one in a nested list, depends on the image size."""
    if isinstance(value, (list, tuple)):
        return any(depends(entry) for entry in value)
    return isinstance(value, (Extent, PerSize))


def smallest(number: int) -> int:
    """The least that a number is at any image size."""
    return min(int(at(number, index)) for index in range(SIZES))


def largest(number: int) -> int:
    """The most that a number is at any image size."""
    return max(int(at(number, index)) for index in range(SIZES))


def product(numbers: Sequence[int]) -> int:
    """Product of extents; 1 of none."""
    return prod(numbers, start=1)
