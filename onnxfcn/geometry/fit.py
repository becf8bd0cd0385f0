"""Strides and receptive fields from what the cells of a long map see."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .axis import Field
from .errors import UnknownError
from .seen import FIRST_OF_NONE, Seen


@dataclass(frozen=True)
class Grid:
    """Where cells begin.

    Attributes:
        period: pixels by which images differ whose maps differ by ``period_cells`` cells.
        period_cells: cells by which these maps differ; 0 where the map does not grow.
        map_axis: the map's axis; ``None`` where it has none.
    """

    period: int
    period_cells: int
    map_axis: int | None


@dataclass(frozen=True)
class Fit:
    """What cells see at one image size, in the terms of ``AxisGeometry``.

    Attributes:
        field: what cell 0 sees; ``None`` where no field slides along.
        near: ``AxisGeometry.near`` as this size shows it.
        far: ``AxisGeometry.far`` as this size shows it.
        is_tight: whether every cell away from the borders sees both ends of its field.
    """

    field: Field | None
    near: int | None = None
    far: int | None = None
    is_tight: bool = True


def fit(seen: Seen, grid: Grid, size: int) -> Fit:
    """The lines between which the first and the last pixels of all cells lie.

    Args:
        seen: what the map sees at a size at which its borders are far apart.
        grid: where its cells begin.
        size: that size in pixels.

    Raises:
        UnknownError: cells do not see what slides along.
    """
    first, last = _ends(seen, grid.map_axis)
    if (first == FIRST_OF_NONE).all():
        return Fit(None)
    cells = np.arange(len(first)) * grid.period
    every = grid.period_cells or 1
    lows, highs = first * every - cells, last * every - cells
    middle = slice(len(first) // 3, len(first) - len(first) // 3)
    low, high = int(lows[middle].min()), int(highs[middle].max())
    # Of cells away from the borders, the farthest counts.
    inside = (low + cells >= 0) & (high + cells <= (size - 1) * every)
    if inside.any():
        low, high = min(low, int(lows[inside].min())), max(high, int(highs[inside].max()))
    starts, ends = -(-(low + cells) // every), (high + cells) // every
    if (last > first).any() and not inside.any():
        raise UnknownError("no cell is away from the borders")
    beyond, before = inside < (last > ends), inside < (first < starts)
    amid = inside if inside.any() else middle
    tight = bool(((starts == first) & (ends == last))[amid].all())
    return Fit(
        (Fraction(low, every), Fraction(high, every)),
        int(last[beyond].max()) if beyond.any() else None,
        int(size - 1 - first[before].min()) if before.any() else None,
        tight,
    )


def _ends(seen: Seen, map_axis: int | None) -> tuple[np.ndarray, np.ndarray]:
    """First and last pixel that each cell sees, whatever its channel."""
    others = tuple(axis for axis in range(len(seen.shape)) if axis != map_axis)
    count = 1 if map_axis is None else seen.shape[map_axis]
    first, last = seen.first.min(others).ravel(), seen.last.max(others).ravel()
    return np.broadcast_to(first, count), np.broadcast_to(last, count)
