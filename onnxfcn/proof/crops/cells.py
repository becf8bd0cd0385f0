"""Which cells of a map are compared with crops of the image, and which touch its border."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from ...geometry import Box, Geometry
from ...sizes import Size

_MOST_CELLS = 32
"""Cells of a kind that are measured at most: each costs a run of the whole original."""


@dataclass(frozen=True)
class CropCells:
    """Cells of a map for an image of some size.

    Attributes:
        border: cells to measure whose receptive field leaves the image.
        inside: cells to measure whose receptive field does not.
        in_all: how many there are of each, in this order.
        beyond: how many cells there are whose crop leaves the image; they are in neither.
    """

    border: tuple[Size, ...]
    inside: tuple[Size, ...]
    in_all: tuple[int, int]
    beyond: int


def choose_cells(
    geometry: Geometry, size: Size, map_size: Size, generator: np.random.Generator
) -> CropCells:
    """All cells where they are few, else some of each kind.

    Args:
        geometry: where the map's cells lie.
        size: the image, in pixels an axis.
        map_size: cells of the map, an axis each.
        generator: draws the cells.
    """
    fits = _every(_within(geometry.crop, size, map_size))
    clear = _every(_within(geometry.box, size, map_size))
    border, inside = fits & ~clear, fits & clear
    return CropCells(
        border=_drawn(border, generator),
        inside=_drawn(inside, generator),
        in_all=(int(border.sum()), int(inside.sum())),
        beyond=int((~fits).sum()),
    )


def _within(box_of: Callable[..., Box], size: Size, map_size: Size) -> list[np.ndarray]:
    """Whether boxes lie within the image, an axis each, by the cell's place along the axis."""
    found = []
    for axis, cells in enumerate(map_size):
        boxes = [box_of(*(n if a == axis else 0 for a in range(len(size)))) for n in range(cells)]
        inside = [box.start[axis] >= 0 and box.stop[axis] <= size[axis] for box in boxes]
        found.append(np.array(inside, bool))
    return found


def _every(along: Sequence[np.ndarray]) -> np.ndarray:
    """A map of the cells for which something holds along every axis."""
    return reduce(np.multiply.outer, along)


def _drawn(cells: np.ndarray, generator: np.random.Generator) -> tuple[Size, ...]:
    """Some of the cells that are set, in row-major order."""
    places = np.argwhere(cells)
    if len(places) > _MOST_CELLS:
        places = places[np.sort(generator.choice(len(places), _MOST_CELLS, replace=False))]
    return tuple(tuple(map(int, place)) for place in places)
