"""Options that take one number for all spatial axes, or one an axis."""

from collections.abc import Sequence


def per_axis(option: str, value: int | Sequence[int], spatial_rank: int) -> tuple[int, ...]:
    """One positive number for each spatial axis.

    Raises:
        ValueError: a number is not positive, or there are more or fewer than axes.
    """
    numbers = (value,) if isinstance(value, int) else tuple(value)
    if len(numbers) == 1:
        numbers *= spatial_rank
    if len(numbers) != spatial_rank or any(number < 1 for number in numbers):
        given = ",".join(map(str, numbers))
        raise ValueError(f"{option} takes {spatial_rank} positive numbers or one, not {given}")
    return numbers
