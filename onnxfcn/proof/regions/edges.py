"""The edges of a larger map, compared with a window that is put together from them.

A cell at an edge may depend on that edge (a padded convolution) or on the opposite one (a roll).
Either way it is the same in a window whose first half is the beginning of the larger map and whose
second half is the end: as long as nothing in the midst of that window, where the two halves meet,
plays a part, which is measured by changing what is there.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np

from ...sizes import Size
from .interior import near
from .lattice import Places
from .runs import RegionRuns
from .trial import Piece

_FEWEST_STEPS = 4
"""A window of fewer steps has no midst apart from its edges."""


def edge_pieces(
    runs: RegionRuns,
    counts: Size,
    values: Mapping[str, np.ndarray],
    interior: Places,
) -> list[Piece]:
    """The cells of an answer that depend on nothing but the edges of the map.

    Args:
        runs: the region.
        counts: how many steps the map is larger than a window, an axis of the image each.
        values: the larger tensors that the region begins with.
        interior: cells of a window's answer that do not depend on its edges; where these are all
            cells along an axis, that has no edges.
    """
    edges = _Edges(runs, counts, values, interior)
    extents = runs.lattice.extents(runs.output)
    open_axes = [
        axis
        for axis, extent in enumerate(extents)
        if len(interior[axis]) < extent and edges.steps[axis] >= _FEWEST_STEPS
    ]
    positions = {axis: edges.positions(axis) for axis in open_axes}
    found: list[Piece] = []
    for count in range(1, len(open_axes) + 1):
        for axes in combinations(open_axes, count):
            inside = [positions.get(a, at) if a in axes else at for a, at in enumerate(interior)]
            found += edges.pieces(axes, inside)
    return found


class _Edges:
    """Windows that are made of the edges of a larger map.

    Attributes:
        steps: how many steps a window has, an axis of the image each.
    """

    def __init__(
        self,
        runs: RegionRuns,
        counts: Size,
        values: Mapping[str, np.ndarray],
        interior: Places,
    ) -> None:
        self._runs, self._counts, self._values = runs, counts, values
        self._interior = interior
        lattice = runs.lattice
        growing = [name for name in (*runs.read, runs.output) if lattice.axes[name]]
        self.steps = [
            min(lattice.extents(name)[axis] // lattice.steps[name][axis] for name in growing)
            for axis in range(runs.rank)
        ]

    def positions(self, axis: int) -> np.ndarray:
        """Cells of an answer, along an axis, that do not depend on the midst of the window."""
        lattice, output = self._runs.lattice, self._runs.output
        extent = lattice.extents(output)[axis]
        places = [
            np.arange(extent) if index == axis else at for index, at in enumerate(self._interior)
        ]
        first, second = (
            np.moveaxis(lattice.take(output, answer, places), lattice.axes[output][axis], 0)
            for answer in self._answers((axis,))
        )
        alike = np.logical_and.reduce(near(first, second).reshape(extent, -1), axis=1)
        half = self._half(output, axis)
        # A run of cells from the beginning, and one from the end.
        begins = np.logical_and.accumulate(alike[:half])
        ends = np.logical_and.accumulate(alike[half:][::-1])[::-1]
        return np.flatnonzero(np.concatenate([begins, ends]))

    def pieces(self, axes: tuple[int, ...], positions: Places) -> Iterator[Piece]:
        """The cells at some positions of a window that is made of the edges along some axes."""
        lattice, output = self._runs.lattice, self._runs.output
        first, second = (lattice.take(output, answer, positions) for answer in self._answers(axes))
        if first.size and near(first, second).all():
            places = self._places(output, axes)
            yield Piece([at[own] for at, own in zip(places, positions, strict=True)], first)

    def _answers(self, axes: tuple[int, ...]) -> Iterator[np.ndarray]:
        """The original's answer on such a window, and on one with something else in its midst."""
        lattice = self._runs.lattice
        window = {
            name: lattice.take(name, values, self._places(name, axes))
            for name, values in self._values.items()
        }
        yield self._runs.original(window)
        other = self._runs.random_window()
        for name, values in window.items():
            for axis in axes if lattice.axes[name] else ():
                half = self._half(name, axis)
                reach = max(1, self.steps[axis] // 4) * lattice.steps[name][axis]
                index = [slice(None)] * values.ndim
                index[lattice.axes[name][axis]] = slice(half - reach, half + reach)
                values[tuple(index)] = other[name][tuple(index)]
        yield self._runs.original(window)

    def _places(self, name: str, axes: tuple[int, ...]) -> Places:
        """Where the cells of such a window are in a larger tensor."""
        lattice = self._runs.lattice
        places = list(lattice.window(name, (0,) * self._runs.rank))
        for axis in axes if lattice.axes[name] else ():
            more = self._counts[axis] * lattice.steps[name][axis]
            places[axis][self._half(name, axis) :] += more
        return places

    def _half(self, name: str, axis: int) -> int:
        """Cells of a window that are taken from the beginning."""
        return self.steps[axis] // 2 * self._runs.lattice.steps[name][axis]
