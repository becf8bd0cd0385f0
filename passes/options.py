"""Check the options of passes."""

from collections.abc import Sequence


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
        OptionError: a number is not positive, or there are more or fewer than axes.
    """
    numbers = (value,) if isinstance(value, int) else tuple(value)
    if len(numbers) == 1:
        numbers *= spatial_rank
    if len(numbers) != spatial_rank or any(number < 1 for number in numbers):
        given = ",".join(map(str, numbers)) or "none"
        several = f", or {spatial_rank}" if spatial_rank > 1 else ""
        raise OptionError(f"{option} takes one positive number{several}; got {given}")
    return numbers
