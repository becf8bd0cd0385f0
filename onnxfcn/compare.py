"""Compare two arrays, and say whether the comparison could have failed."""

from dataclasses import dataclass

import numpy as np

RELATIVE_TOLERANCE = {"float16": 1e-2, "bfloat16": 5e-2}
"""Largest error relative to the output's scale, by data type; 1e-4 for wider ones."""
_NOISE_ULPS = 100
"""Rounding of a deep network, in units of the data type's precision: cells that differ by less
than ten times that cannot be told apart."""
_MARGIN = 10
"""The error must be this many times smaller than the spread between the cells."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How far an output is from what was expected.

    Attributes:
        output: name of the compared tensor.
        max_error: largest absolute error; infinite where only one side is NaN or infinite.
        mean_error: mean absolute error.
        scale: largest absolute expected value.
        spread: largest difference between two cells, over features and samples; 0 for one cell.
        tolerance: the largest error that passes.
        proven: whether cells differ enough from one another for the comparison to mean something.
    """

    output: str
    max_error: float
    mean_error: float
    scale: float
    spread: float
    tolerance: float
    proven: bool

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance."""
        return self.max_error <= self.tolerance

    def __bool__(self) -> bool:
        return self.passed


def compare(
    output: str,
    expected: np.ndarray,
    actual: np.ndarray,
    *,
    spatial_rank: int,
    rtol: float | None = None,
    atol: float = 0.0,
) -> Comparison:
    """Compare two arrays of one shape.

    The tolerance is ``atol + rtol * scale``, but never more than a tenth of the spread between
    cells, so that a cell which shows its neighbour's answer does not pass.

    Args:
        output: name for the result.
        expected: array whose last ``spatial_rank`` axes are the map's.
        actual: array of the same shape and dtype.
        spatial_rank: number of spatial axes; 0 for a vector, which has no cells to tell apart.
        rtol: relative tolerance; by default as fits the data type. Integers must be equal.
        atol: absolute tolerance.
    """
    if rtol is None:
        rtol = RELATIVE_TOLERANCE.get(expected.dtype.name, 1e-4)
    if expected.dtype.kind in "biu":
        rtol = 0.0
        noise = 0.0
    else:
        noise = _NOISE_ULPS * _precision(expected.dtype)
    expected, actual = expected.astype(np.float64), actual.astype(np.float64)
    with np.errstate(invalid="ignore"):
        error = np.abs(expected - actual)
    same = (expected == actual) | (np.isnan(expected) & np.isnan(actual))
    error = np.where(same, 0.0, np.where(np.isfinite(error), error, np.inf))
    finite = np.where(np.isfinite(expected), expected, 0.0)
    scale = float(np.max(np.abs(finite), initial=0.0))
    cells = tuple(range(finite.ndim - spatial_rank, finite.ndim))
    single = not cells or all(finite.shape[axis] == 1 for axis in cells)
    spread = 0.0 if single else float(np.max(np.ptp(finite, axis=cells), initial=0.0))
    proven = spread > _MARGIN * noise * scale
    tolerance = atol + rtol * scale
    return Comparison(
        output=output,
        max_error=float(np.max(error, initial=0.0)),
        mean_error=float(np.mean(error)) if error.size else 0.0,
        scale=scale,
        spread=spread,
        tolerance=min(tolerance, spread / _MARGIN) if proven else tolerance,
        proven=proven,
    )


def _precision(dtype: np.dtype) -> float:
    try:
        return float(np.finfo(dtype).eps)
    except ValueError:  # bfloat16 and smaller: types that numpy itself does not know
        return 2.0**-7
