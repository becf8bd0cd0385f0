"""Which cells of a map are compared with their windows, where there are too many for all."""

from collections.abc import Sequence
from itertools import product
from math import prod

import numpy as np

from ..sizes import Size


def drawn_cells(
    map_size: Size, most: int | None, generator: np.random.Generator
) -> Sequence[Size] | None:
    """Some cells of a map, no cell twice.

    The corners are always among them, since mistakes show at borders; where even those are too
    many, some of them are drawn. The others are drawn from the rest of the map, each with the same
    probability.

    Args:
        map_size: cells of the map, an axis each.
        most: how many to draw; ``None`` for no limit.
        generator: draws them.

    Returns:
        Places of the cells, in row-major order; ``None`` where the map has no more than ``most``.
    """
    total = prod(map_size)
    if most is None or total <= most:
        return None
    ends = (sorted({0, extent - 1}) for extent in map_size)
    corners = np.array([np.ravel_multi_index(cell, map_size) for cell in product(*ends)])
    if most <= len(corners):
        drawn = generator.choice(corners, most, replace=False)
    else:
        others = generator.choice(total - len(corners), most - len(corners), replace=False)
        # Numbers of cells that are no corners: each goes up by the corners that lie before it.
        before = np.searchsorted(corners - np.arange(len(corners)), others, side="right")
        drawn = np.concatenate([corners, others + before])
    places = np.unravel_index(np.sort(drawn), map_size)
    return [tuple(map(int, place)) for place in zip(*places, strict=True)]
