"""Which cells of a window's answer do not depend on where the window ends.

A node that looks around itself (a padded convolution, a linear interpolation) answers differently
at the edge of a window than in the midst of a map. Where exactly is measured: two windows that are
one step apart answer for the same cells, and must say the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..compare import rounding
from .lattice import Lattice


@dataclass(frozen=True)
class Neighbours:
    """Answers on two windows, the second one step further along one axis of the image.

    Attributes:
        axis: that axis, by its index.
        first: the answer on the first window.
        second: the answer on the second.
    """

    axis: int
    first: np.ndarray
    second: np.ndarray

    def turned(self) -> "Neighbours":
        """The pair with its answers exchanged."""
        return Neighbours(self.axis, self.second, self.first)


@dataclass(frozen=True)
class Interior:
    """Positions in an answer on a window that do not depend on where the window ends.

    Attributes:
        positions: the positions, an axis of the image each.
        mirrored: for each axis, whether the answers go backwards as the windows go on.
        measured: whether windows overlap along every axis, so that both could be measured.
    """

    positions: list[np.ndarray]
    mirrored: tuple[bool, ...]
    measured: bool


def find_interior(
    neighbours: Iterable[Neighbours], lattice: Lattice, output: str, *, guess: bool = False
) -> Interior | None:
    """The largest range of positions on which the answers agree, for each axis of the image.

    Args:
        neighbours: answers to compare.
        lattice: the steps from one window to the next.
        output: name of the tensor that the answers are.
        guess: whether to take the midst of a window that has no more than two steps: no two
            answers need agree there.

    Returns:
        The interior: all positions along an axis where windows do not overlap. ``None`` where
        there is none that has the cells of two steps, so that all of it was measured; for an
        answer without axes of the image, where it is not the same on all windows.
    """
    pairs, axes = list(neighbours), lattice.axes[output]
    if not axes and not all(near(pair.first, pair.second).all() for pair in pairs):
        return None
    extents, steps = lattice.extents(output), lattice.steps[output]
    found = []
    for index, (extent, axis, step) in enumerate(zip(extents, axes, steps, strict=True)):
        along = [pair for pair in pairs if pair.axis == index]
        ahead = _measured(along, extent, axis, step)
        back = None if ahead else _measured([pair.turned() for pair in along], extent, axis, step)
        range_ = ahead or back or (_midst(extent, step) if guess else None)
        if range_ is None:
            return None
        found.append((np.arange(range_.start, range_.stop), back is not None))
    return Interior(
        positions=[positions for positions, _ in found],
        mirrored=tuple(mirrored for _, mirrored in found),
        measured=all(extent > step for extent, step in zip(extents, steps, strict=True)),
    )


def _measured(pairs: Sequence[Neighbours], extent: int, axis: int, step: int) -> range | None:
    """The longest range of positions that are the same on all windows."""
    if extent <= step:
        return range(extent)
    agree = np.ones(extent - step, bool)
    for pair in pairs:
        agree &= _agreement(pair, axis, step)
    longest = _longest(agree, extent, step)
    return longest if len(longest) >= 2 * step else None


def _midst(extent: int, step: int) -> range | None:
    """The cells of one step in the midst of a small window."""
    first = (extent - step) // 2
    return range(first, first + step) if extent <= 2 * step else None


def _agreement(pair: Neighbours, axis: int, step: int) -> np.ndarray:
    """Whether two answers agree, for each of the cells along an axis that both have."""
    shared = pair.first.shape[axis] - step
    agreement = near(
        np.moveaxis(pair.first, axis, 0)[step:], np.moveaxis(pair.second, axis, 0)[:shared]
    )
    return np.asarray(agreement.reshape(shared, -1).all(axis=1))


def near(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Where two arrays of one shape are equal but for rounding."""
    if np.array_equal(first, second):
        return np.ones(first.shape, bool)
    left, right = first.astype(np.float64), second.astype(np.float64)
    scale = np.abs(left, where=np.isfinite(left), out=np.zeros_like(left)).max(initial=0.0)
    limit = rounding(first.dtype) * scale
    return np.asarray(np.isclose(left, right, 0.0, limit, equal_nan=True))


def _longest(agree: np.ndarray, extent: int, step: int) -> range:
    """The longest range of positions with agreement wherever it holds two of the same cell.

    Position ``p`` of a window and ``p - step`` of the next are the same cell; ``agree[p - step]``
    says whether the answers are the same.
    """
    best = range(0)
    first = 0
    for last in range(extent):
        if last >= step and not agree[last - step]:
            # No range may hold both this position and the one that is its cell in the next window.
            first = max(first, last - step + 1)
        if last + 1 - first > len(best):
            best = range(first, last + 1)
    return best
