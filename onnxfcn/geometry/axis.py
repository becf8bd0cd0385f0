"""Geometry along one axis of the image."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

Interval = tuple[int, int]
"""The first pixel or cell, and the one behind the last."""
Field = tuple[Fraction, Fraction]
"""First and last pixel that cell 0 sees, as if the image had no end."""


@dataclass(frozen=True)
class AxisGeometry:
    """How the cells of a map lie along an axis of the image.

    What happens at one image size happens at every other that differs by a multiple of ``period``,
    with ``period_cells`` cells more for each period.

    Attributes:
        original: the model's own image size in pixels.
        map_axis: the output's axis; ``None`` where it has none, and one cell stands for all.
        period: pixels by which image sizes differ at which the model does the same.
        period_cells: cells by which their maps differ.
        cells: cells of the map at ``original + i`` pixels, for ``i`` from 0 to ``period - 1``;
            ``None`` where the model does not take such images.
        smallest: the smallest image that the model takes, in pixels.
        fields: what cell 0 sees at these sizes; one for all of them, or one each. Empty where no
            field slides along: then cells see nothing, or the whole axis.
        near: last pixel that a cell may see whose field begins before pixel 0, where margins repeat
            what is inside; ``None`` where they do not.
        far: the same at the other end, counted from the last pixel.
        is_tight: whether every cell away from the borders sees both ends of its field; else the
            field is an outer bound.
        whole: names of the nodes through which every cell may see the whole axis.
    """

    original: int
    map_axis: int | None
    period: int
    period_cells: int
    cells: tuple[int | None, ...]
    smallest: int
    fields: tuple[Field, ...]
    near: int | None = None
    far: int | None = None
    is_tight: bool = True
    whole: tuple[str, ...] = ()

    @property
    def stride(self) -> Fraction:
        """Pixels from one cell to the next; 0 where there is one cell at every size."""
        return Fraction(self.period, self.period_cells) if self.period_cells else Fraction(0)

    @property
    def receptive_field(self) -> int:
        """Pixels that a cell sees through what slides along, at the original size, at most."""
        # Fields repeat, as parts of a pixel, after as many cells as the stride's denominator.
        fields = (self.field(cell) for cell in range(self.stride.denominator))
        return max(stop - start for start, stop in fields)

    def extent(self, size: int) -> int | None:
        """Cells of the map of an image of so many pixels; ``None`` where there is no such map."""
        periods, rest = divmod(size - self.original, self.period)
        own = self.cells[rest]
        return None if own is None or size < self.smallest else own + periods * self.period_cells

    def field(self, cell: int, size: int | None = None) -> Interval:
        """Pixels that a cell sees through what slides along, as if the image had no end.

        Args:
            cell: the cell.
            size: the image's pixels; by default the original ones.
        """
        if not self.fields:
            return (0, 0)
        low, high = self.fields[self._residue(self.original if size is None else size)]
        return ceil(low + self.stride * cell), floor(high + self.stride * cell) + 1

    def box(self, cell: int, size: int) -> Interval:
        """Pixels of an image that a cell may depend on."""
        if self.whole:
            return 0, size
        start, stop = self.field(cell, size)
        first, last = start, stop
        if self.near is not None and start < 0:
            last = max(stop, self.near + 1)
        if self.far is not None and stop > size:
            first = min(start, size - 1 - self.far)
        found = max(0, first), min(size, last)
        return found if found[0] < found[1] else (0, 0)

    def crop(self, cell: int) -> Interval:
        """The crop of the original size that a cell stands for."""
        start = floor(self.stride * cell)
        return start, start + self.original

    def seeing(self, pixels: Interval, size: int) -> Interval:
        """Cells that may depend on some pixels."""
        count = self.extent(size) or 0
        found = [cell for cell in range(count) if _overlap(self.box(cell, size), pixels)]
        return (found[0], found[-1] + 1) if found else (0, 0)

    def _residue(self, size: int) -> int:
        return (size - self.original) % self.period if len(self.fields) > 1 else 0


def _overlap(left: Interval, right: Interval) -> bool:
    return max(left[0], right[0]) < min(left[1], right[1])
