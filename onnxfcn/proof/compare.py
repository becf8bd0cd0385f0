"""Compare two arrays, and say whether the comparison could have failed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from ..comparison import Comparison

_TOLERANCE, _TOLERANCES = 1e-4, {"float16": 1e-2, "bfloat16": 5e-2}
"""Largest error relative to the output's scale, and by data type that of narrow ones."""
_NOISE = {"float16": 5e-3, "bfloat16": 4e-2, "float64": 1e-12}
"""Rounding of a deep network relative to the output's scale, by data type; 1e-5 for float32.
Cells that differ by less than ten times that cannot be told apart."""
_MARGIN = 10
"""The error must be this many times smaller than the spread between the cells."""
_SMALLEST_SHARE = 0.1
"""Features smaller than this share of the whole output's scale are held to that share: they may
be differences of large numbers."""
_ELEMENTS_AT_ONCE = 2**20
"""Maps are compared in portions of so many elements, to save memory."""
_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Compared:
    """Two arrays to compare.

    Attributes:
        expected: ``[N, *features, *cells]``.
        actual: array of the same shape and dtype.
        rank: number of axes of cells.
    """

    expected: np.ndarray
    actual: np.ndarray
    rank: int


def compare(
    output: str,
    expected: np.ndarray,
    actual: np.ndarray,
    *,
    spatial_rank: int,
    rtol: float | None = None,
    atol: float = 0.0,
) -> Comparison:
    """Compare two arrays of one shape, feature by feature.

    The tolerance is ``atol + rtol * scale`` with the feature's own scale, but never more than a
    tenth of the spread between its cells, so that a cell which shows its neighbour's answer does
    not pass.

    Args:
        output: name for the result.
        expected: ``[N, *features, *cells]``, with ``spatial_rank`` axes of cells.
        actual: array of the same shape and dtype.
        spatial_rank: number of axes of cells; 0 for a vector, which has none to tell apart.
        rtol: relative tolerance; by default as fits the data type.
        atol: absolute tolerance. Integers must be equal, whatever the tolerances.
    """
    noise = rounding(expected.dtype)
    rtol, atol = (relative_tolerance(expected.dtype, rtol), atol) if noise else (0.0, 0.0)
    found = Comparison(
        output=output,
        stands_for=output,
        max_error=0.0,
        mean_error=0.0,
        scale=0.0,
        spread=0.0,
        tolerance=atol,
        proven=False,
    )
    if not expected.size:
        return found
    cells = prod(expected.shape[expected.ndim - spatial_rank :])
    peak, spread, largest, mean = _statistics(expected, actual, cells)
    scale = np.maximum(peak, _SMALLEST_SHARE * peak.max())
    proven = spread > _MARGIN * noise * scale
    limit = atol + rtol * scale
    limit = np.where(proven, np.minimum(limit, spread / _MARGIN), limit)
    with np.errstate(over="ignore"):
        excess = np.where(largest > 0, largest / np.maximum(limit, _TINY), 0.0)
    worst = int(np.argmax(excess))
    return replace(
        found,
        max_error=float(largest[worst]),
        mean_error=float(mean.mean()),
        scale=float(scale[worst]),
        spread=float(spread[worst]),
        tolerance=float(limit[worst]),
        proven=bool(proven.any()),
    )


def worst_of(comparisons: Sequence[Comparison]) -> Comparison:
    """The comparison that comes closest to failing, or fails by most.

    It is proven where one of them is.
    """
    worst = max(comparisons, key=lambda each: each.max_error / max(each.tolerance, _TINY))
    return replace(worst, proven=any(each.proven for each in comparisons))


def relative_tolerance(dtype: np.dtype, chosen: float | None) -> float:
    """Largest error relative to the output's scale: the chosen one, else as fits the data type."""
    return _TOLERANCES.get(dtype.name, _TOLERANCE) if chosen is None else chosen


def rounding(dtype: np.dtype) -> float:
    """Rounding of a deep network relative to the output's scale; 0 for integers."""
    return 0.0 if dtype.kind in "biu" else _NOISE.get(dtype.name, 1e-5)


def _statistics(expected: np.ndarray, actual: np.ndarray, cells: int) -> np.ndarray:
    """As ``_row_statistics``, of arrays of any rank whose last axes have so many cells."""
    rows, found = expected.reshape(-1, cells), actual.reshape(-1, cells)
    portion = max(1, _ELEMENTS_AT_ONCE // cells)
    return np.concatenate(
        [
            _row_statistics(rows[first : first + portion], found[first : first + portion])
            for first in range(0, len(rows), portion)
        ],
        axis=1,
    )


def _row_statistics(expected: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Of each row: largest absolute value and spread of what is expected, largest and mean error.

    Args:
        expected: ``[rows, cells]`` of any type that float64 holds.
        actual: the same.

    Returns:
        ``[4, rows]``.
    """
    rows, found = expected.astype(np.float64), actual.astype(np.float64)
    error = deviation(rows, found)
    finite = np.where(np.isfinite(rows), rows, 0.0)
    peak, spread = np.abs(finite).max(axis=1), np.ptp(finite, axis=1)
    return np.stack([peak, spread, error.max(axis=1), error.mean(axis=1)])


def deviation(expected: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Absolute difference; 0 where both are NaN or the same infinity, infinite where one is."""
    same = (expected == actual) | (np.isnan(expected) & np.isnan(actual))
    with np.errstate(invalid="ignore"):
        difference = np.abs(expected - actual)
    return np.where(same, 0.0, np.where(np.isfinite(difference), difference, np.inf))
