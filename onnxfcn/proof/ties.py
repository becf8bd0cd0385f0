"""Positions of largest values that differ only because two values are equal within rounding."""

from collections.abc import Container, Iterable
from math import prod

import numpy as np
from onnx import NodeProto

from .compare import Compared, rounding

_EXTREMES = frozenset({"ArgMax", "ArgMin"})


def find_ranked(nodes: Iterable[NodeProto], names: Container[str]) -> dict[str, str]:
    """What ArgMax and ArgMin read, by what they compute, where both are among some names."""
    return {
        node.output[0]: node.input[0]
        for node in nodes
        if node.op_type in _EXTREMES and node.output[0] in names and node.input[0] in names
    }


def without_ties(positions: Compared, values: Compared) -> tuple[Compared, int]:
    """Count positions as equal where both models have values there that are equal within rounding.

    Two values are equal within rounding where they differ by no more than ``compare.rounding`` of
    the largest value that is expected.

    Args:
        positions: what ArgMax or ArgMin say.
        values: what they read, with one axis more, or one that is longer.

    Returns:
        The positions, those that are ties as expected, and how many are.
    """
    shape, axis = _shape_along(positions, values)
    if axis is None:
        return positions, 0
    expected, actual = (each.reshape(shape) for each in (positions.expected, positions.actual))
    differ = expected != actual
    inside = (actual >= 0) & (actual < values.expected.shape[axis])
    finite = np.abs(values.expected[np.isfinite(values.expected)], dtype=np.float64)
    limit = rounding(values.expected.dtype) * finite.max(initial=0.0)
    tied = differ & inside
    for side in (values.expected, values.actual):
        chosen, other = (
            np.take_along_axis(side, np.where(inside, index, 0), axis).astype(np.float64)
            for index in (expected, actual)
        )
        with np.errstate(invalid="ignore"):
            tied &= np.abs(chosen - other) <= limit
    settled = np.where(tied, expected, actual).reshape(positions.actual.shape)
    return Compared(positions.expected, settled, positions.rank), int(tied.sum())


def _shape_along(positions: Compared, values: Compared) -> tuple[tuple[int, ...], int | None]:
    """Shape of the positions with the axis that they count along, and that axis."""
    shape = values.expected.shape
    for axis in reversed(range(len(shape) - values.rank)):
        one = (*shape[:axis], 1, *shape[axis + 1 :])
        same = [e for e in one if e > 1] == [e for e in positions.expected.shape if e > 1]
        if same and prod(one) == positions.expected.size:
            return one, axis
    return (), None
