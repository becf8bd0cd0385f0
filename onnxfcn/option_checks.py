"""Check the options that Python callers give; texts and numbers go wrong in their own ways."""

from collections.abc import Iterable, Mapping, Sequence
from operator import index
from os import PathLike
from typing import SupportsIndex

from passes.options import LARGEST_NUMBER, OptionError, one_of, per_axis

from .errors import UsageError
from .sizes import Size, size_text

_DEFAULTS_OF_THE_PROOF: Mapping[str, object] = {
    "sizes": (),
    "provider": "cpu",
    "rtol": None,
    "atol": 0.0,
    "max_cells": None,
    "seed": 0,
}


def checked_sizes(sizes: Sequence[Sequence[int]]) -> tuple[Size, ...]:
    """Image sizes, as Python's own numbers.

    Raises:
        UsageError: one is no size.
    """
    if not isinstance(sizes, Iterable):
        raise UsageError(f"sizes is a list of sizes, such as [(288, 320)], not {sizes}")
    return tuple(map(checked_size, sizes))


def checked_input_size(size: Sequence[int] | None) -> Size | None:
    """As ``checked_size``, of an option that may be left out."""
    return None if size is None else checked_size(size)


def checked_size(size: Sequence[int]) -> Size:
    """An image size, as Python's own numbers.

    Raises:
        UsageError: it is none.
    """
    try:
        found = tuple(map(index, size))
    except TypeError:
        found = ()
    if not found or min(found) < 1:
        raise UsageError(f"a size is one positive number per axis, such as (224, 224), not {size}")
    if max(found) > LARGEST_NUMBER:
        raise UsageError(
            f"images have at most {LARGEST_NUMBER} pixels along an axis, not {size_text(found)}"
        )
    return found


def checked_batches(batches: Sequence[int]) -> tuple[int, ...]:
    """Numbers of images, as Python's own.

    Raises:
        UsageError: one is no number.
    """
    try:
        return tuple(map(index, batches))
    except TypeError:
        raise UsageError(f"batches is a list of numbers, such as [1, 8], not {batches}") from None


def checked_window_step(window_step: int | Sequence[int], rank: int) -> Size:
    """Cells from one window to the next, a spatial axis each.

    Raises:
        UsageError: as ``passes.options.per_axis`` says.
    """
    try:
        return per_axis("window_step", window_step, rank)
    except OptionError as error:
        raise UsageError(str(error)) from error


def check_list(option: str, values: object) -> None:
    """Refuse one text where a list of them belongs: its letters would be taken for them.

    Raises:
        UsageError: it is a text.
    """
    if isinstance(values, str | bytes | PathLike):
        raise UsageError(f"{option} is a list: [{values!r}]")


def check_comparison(rtol: float | None, atol: float, seed: int, max_cells: int | None) -> None:
    """Refuse what numbers cannot be compared with, and random ones not be drawn with.

    Raises:
        UsageError: a tolerance is negative or no number, the seed is no number or negative, or
            there are no cells to draw.
    """
    for name, tolerance in (("rtol", 0.0 if rtol is None else rtol), ("atol", atol)):
        if not tolerance >= 0:
            raise UsageError(f"{name}: a tolerance is a number from 0 on, not {tolerance}")
    if not isinstance(seed, SupportsIndex) or index(seed) < 0:
        raise UsageError(f"seed must be a whole number, and not negative, got {seed}")
    if max_cells is not None and (not isinstance(max_cells, SupportsIndex) or index(max_cells) < 1):
        raise UsageError(f"max_cells must be a positive whole number, got {max_cells}")


def check_no_proof(**options: object) -> None:
    """Refuse options of a proof that does not run: whoever gives one expects it to.

    Raises:
        UsageError: one is not the default.
    """
    for name, value in options.items():
        if value != _DEFAULTS_OF_THE_PROOF[name]:
            raise UsageError(
                f"{name} is an option of the proof, which does not run without validation: leave it"
                " out, or validate"
            )


def check_word(option: str, value: str, words: Sequence[str]) -> None:
    """Refuse what is none of an option's words, as the passes do of theirs.

    Raises:
        UsageError: it is none of them.
    """
    try:
        one_of(option, value, words)
    except OptionError as error:
        raise UsageError(str(error)) from error
