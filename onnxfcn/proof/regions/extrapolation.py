"""Statistics that are corrected for the number of their values, such as an unbiased variance.

A sum ``s`` of ``n`` values gives ``s / (n - 1)``. On a window that is repeated ``t`` times it gives
``t s / (t n - 1)``: not the same, but a little off, and with ``u = 1 / t`` a smooth function of
``u``, which can be followed from several repetitions to the one window, ``u = 1``. A sum that is
divided by what it was on the original map is off by much, and has no limit.
"""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from .interior import near
from .repetition import Orders, repetition
from .runs import RegionRuns
from .trial import Pair

_FACTORS = (2, 3, 5, 9)
"""How many times a window is repeated."""
_LARGEST_SHARE = 4
"""A correction changes an answer by no more than so many of the ``n`` values do together."""


def extrapolated(runs: RegionRuns) -> list[Pair]:
    """The original's answers on windows, and what the rewritten region's on repetitions lead to.

    Args:
        runs: a region whose answer follows the order of a window's rows and columns.

    Returns:
        Arrays ``[*features, cells]``, a pair for each axis of the image along which the window is
        repeated; none where the answers differ by more than a correction.

    Raises:
        WrongError: the rewritten region does not run, or its answer has another shape.
    """
    lattice, output = runs.lattice, runs.output
    values = max(prod(lattice.extents(name)) for name in (*runs.read, output))
    pairs = []
    for axis in range(runs.rank):
        window = runs.random_window()
        answer = runs.original(window)
        on_repetitions = (_on_repetition(runs, window, answer, axis, f) for f in _FACTORS)
        found = [each for each in on_repetitions if each is not None]
        limit = _LARGEST_SHARE / values * _influence(runs, window, answer)
        if len(found) < len(_FACTORS) or any(_change(runs, e, answer) > limit for e in found):
            return []
        at_one = _at_one(found).astype(answer.dtype)
        pairs.append((runs.by_cell(answer), runs.by_cell(at_one)))
    return pairs


def _influence(runs: RegionRuns, window: Mapping[str, np.ndarray], answer: np.ndarray) -> float:
    """How much the answer changes at one cell when all values at the other cells double."""
    doubled = {}
    for name in runs.read:
        cell = runs.lattice.first_cell(name)
        doubled[name] = (window[name] * 2).astype(window[name].dtype)
        doubled[name][cell] = window[name][cell]
    return _change(runs, runs.original({**window, **doubled}), answer)


def _change(runs: RegionRuns, first: np.ndarray, second: np.ndarray) -> float:
    """How far apart two answers are at one cell."""
    cell = runs.lattice.first_cell(runs.output)
    return float(np.abs(first[cell] - second[cell]).max(initial=0.0))


def _on_repetition(
    runs: RegionRuns,
    window: Mapping[str, np.ndarray],
    answer: np.ndarray,
    axis: int,
    factor: int,
) -> np.ndarray | None:
    """The rewritten region's answer on a window whose rows, or columns, are repeated in place.

    Returns:
        One of each of the equal rows; ``None`` where they differ.
    """
    lattice, output = runs.lattice, runs.output
    factors = tuple(factor if index == axis else 1 for index in range(runs.rank))
    in_place: Orders = [
        {extent: np.repeat(np.arange(extent), count) for extent in lattice.extents_along(index)}
        for index, count in enumerate(factors)
    ]
    trial = repetition(runs, window, answer, factors, in_place)
    if trial is None:
        return None
    actual = trial.answer
    sizes = zip(lattice.extents(output), factors, strict=False)
    equal = [np.arange(extent * count).reshape(extent, count) for extent, count in sizes]
    first, last = (lattice.take(output, actual, [e[:, at] for e in equal]) for at in (0, -1))
    return first if near(first, last).all() else None


def _at_one(found: Sequence[np.ndarray]) -> np.ndarray:
    """The value at 1 of the polynomial that has the given ones at the inverses of the factors."""
    points = [1 / factor for factor in _FACTORS]
    weights = [
        prod((1 - other) / (point - other) for other in points if other != point)
        for point in points
    ]
    return np.tensordot(weights, np.stack(found).astype(np.float64), axes=1)
