"""Choices of a random case that shrink to the simplest."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Choices:
    """Makes the choices of one case.

    Args:
        draw: as hypothesis gives it to a composite strategy.
    """

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def pick(self, options: Sequence[T]) -> T:
        """One of several options; the first is the simplest."""
        picked: T = self._draw(st.sampled_from(options))
        return picked

    def integer(self, low: int, high: int) -> int:
        """A number between two bounds, both included."""
        drawn: int = self._draw(st.integers(low, high))
        return drawn

    def chance(self, one_in: int = 2) -> bool:
        """True about once in so many draws."""
        return self.integer(0, one_in - 1) == one_in - 1
