"""Check the options of passes."""

from collections.abc import Iterable, Sequence
from operator import index

LARGEST_NUMBER = 2**31 - 1
"""Of extents, strides and steps, whose sums and products a shape can hold then."""


class OptionError(ValueError):
    """A pass was called with an option that it does not take."""


def one_of(option: str, value: str, choices: Sequence[str]) -> None:
    """Check an option that takes one of several words.

    Raises:
        OptionError: it is none of them.
    """
    if value not in choices:
        raise OptionError(f"{option} is one of {', '.join(choices)}, not {value}")


def per_axis(option: str, value: int | Sequence[int], spatial_rank: int) -> tuple[int, ...]:
    """One positive number for each spatial axis.

    Raises:
        OptionError: one is no positive whole number, or too large for a shape, or there are more or
            fewer than axes.
    """
    given = tuple(value) if isinstance(value, Iterable) else (value,)
    try:
        numbers = tuple(map(index, given))
    except TypeError:
        numbers = ()
    if len(numbers) == 1:
        numbers *= spatial_rank
    if len(numbers) != spatial_rank or any(number < 1 for number in numbers):
        text = ",".join(map(str, given)) or "none"
        several = f", or {spatial_rank}" if spatial_rank > 1 else ""
        raise OptionError(f"{option} takes one positive number{several}; got {text}")
    if max(numbers) > LARGEST_NUMBER:
        raise OptionError(f"{option} takes numbers up to {LARGEST_NUMBER}; got {max(numbers)}")
    return numbers
