"""Which pixels a cell of a map saw, and which crop of the image it stands for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from numbers import Integral

from ..errors import GeometryUnknownError, SizeNotAcceptedError, UsageError
from ..files.model_io import ModelSource, stored_model
from ..sizes import Size, size_text
from .axis import AxisGeometry, Interval
from .metadata import Entry, read, written


@dataclass(frozen=True)
class Box:
    """A box of pixels or of cells.

    Attributes:
        start: the first, an axis each.
        stop: the one behind the last, an axis each.
    """

    start: Size
    stop: Size

    @property
    def slices(self) -> tuple[slice, ...]:
        """Index of the box in the spatial axes of an array; it must lie inside."""
        return tuple(slice(*ends) for ends in zip(self.start, self.stop, strict=True))

    def __str__(self) -> str:
        return "-".join(f"({','.join(map(str, corner))})" for corner in (self.start, self.stop))


@dataclass(frozen=True)
class Geometry:
    """Where the cells of an output lie in the image.

    A cell is given by one number for each axis of the image, ``(row, column)`` for images with
    height and width. Along an axis that the output does not have there is one cell.

    Attributes:
        image: name of the image input.
        layout: its layout, one letter an axis: ``n``, ``c``, and ``x``, ``y``, ``z`` for the
            spatial axes in their order.
        output: name of the output.
        axes: numbers for each axis of the image.
        disagreements: where branches of the model look at different places, in words.
    """

    image: str
    layout: str
    output: str
    axes: tuple[AxisGeometry, ...]
    disagreements: tuple[str, ...] = ()

    @property
    def original_size(self) -> Size:
        """The image size that the model was made for, in pixels."""
        return tuple(axis.original for axis in self.axes)

    @property
    def stride(self) -> tuple[Fraction, ...]:
        """Pixels from one cell to the next; fractions where a map is finer than the image."""
        return tuple(axis.stride for axis in self.axes)

    @property
    def receptive_field(self) -> Size:
        """Pixels that a cell sees through convolutions and pools, at most.

        Nodes that see the whole image come on top: see ``whole_image``.
        """
        return tuple(axis.receptive_field for axis in self.axes)

    @property
    def offset(self) -> Size:
        """First pixel of the receptive field of cell 0, negative with padding."""
        return self.box(*[0] * len(self.axes)).start

    @property
    def is_tight(self) -> bool:
        """Whether the receptive field is the smallest that there is, not an outer bound."""
        return all(axis.is_tight for axis in self.axes)

    @property
    def whole_image(self) -> tuple[str, ...]:
        """Names of the nodes through which every cell may see the whole image."""
        return tuple(dict.fromkeys(name for axis in self.axes for name in axis.whole))

    @property
    def smallest(self) -> Size:
        """The smallest image that the model takes, in pixels."""
        return tuple(axis.smallest for axis in self.axes)

    @property
    def answers_maps(self) -> bool:
        """Whether an image of the original size has a map of several cells, not one answer."""
        return prod(self.map_size(*self.original_size)) > 1

    def map_size(self, *size: int) -> Size:
        """Cells of the map for an image of a size in pixels.

        Args:
            *size: the size, a number for each axis: ``map_size(384, 512)``.

        Raises:
            SizeNotAcceptedError: the model does not take such images.
            UsageError: the size has another number of axes.
        """
        self._check("an image size", size)
        found = [axis.extent(length) for axis, length in zip(self.axes, size, strict=True)]
        known = tuple(extent for extent in found if extent is not None)
        if len(known) < len(found):
            raise SizeNotAcceptedError(
                f"the model takes no images of {size_text(size)}: take"
                f" {size_text(self.smallest)} or more, such as {size_text(self.original_size)} and"
                f" multiples of {size_text(tuple(axis.period for axis in self.axes))} beyond"
            )
        return known

    def box(self, *cell: int, size: Sequence[int] | None = None) -> Box:
        """Pixels that a cell saw.

        Args:
            *cell: the cell.
            size: the image's size in pixels.

        Returns:
            With ``size``, every pixel of the image that the cell can depend on. Without, its
            receptive field as if the image had no end: it may begin before pixel 0, and leaves
            out what nodes see that look at the whole image.

        Raises:
            SizeNotAcceptedError: the model does not take images of the size.
            UsageError: there is no such cell, or the size has another number of axes.
        """
        self._check_cell(cell)
        if size is None:
            return _box([a.field(place) for a, place in zip(self.axes, cell, strict=True)])
        found = self.map_size(*size)
        if any(place >= extent for place, extent in zip(cell, found, strict=True)):
            raise UsageError(
                f"there is no cell {cell}: the map of an image of {size_text(tuple(size))} has"
                f" {size_text(found)} cells"
            )
        return _box([a.box(c, n) for a, c, n in zip(self.axes, cell, size, strict=True)])

    def crop(self, *cell: int) -> Box:
        """The crop of the original size that a cell stands for.

        It begins at ``cell * stride``, rounded down where strides are fractions. Whether the cell
        is what the model says of that crop alone, ``onnxfcn.exactness.decide`` tells.

        Args:
            *cell: the cell.

        Raises:
            UsageError: there is no such cell at any image size.
        """
        self._check_cell(cell)
        return _box([a.crop(place) for a, place in zip(self.axes, cell, strict=True)])

    def cells(self, box: Box, size: Sequence[int]) -> Box:
        """Cells that saw a box of pixels, the smallest box of them.

        Args:
            box: pixels.
            size: the image's size in pixels.

        Returns:
            The box; where no cell saw them, it ends where it begins along some axis.

        Raises:
            SizeNotAcceptedError: the model does not take such images.
            UsageError: the box or the size has another number of axes.
        """
        self.map_size(*size)
        self._check("a corner of a box", box.start)
        self._check("a corner of a box", box.stop)
        ends = zip(box.start, box.stop, strict=True)
        parts = [a.seeing(pixels, n) for a, pixels, n in zip(self.axes, ends, size, strict=True)]
        return _box(parts)

    def to_metadata(self) -> dict[str, str]:
        """Keys and values for ``metadata_props``: see ``onnxfcn.geometry.metadata``."""
        entry = Entry(self.image, self.layout, self.output, self.axes, self.disagreements)
        return written(entry)

    @classmethod
    def from_model(cls, model: ModelSource, output: str | None = None) -> "Geometry":
        """The geometry that a model carries in its metadata; nothing is analysed.

        Args:
            model: a model, or a path to one.
            output: name of the output; ``None`` where the model has a geometry of one only.

        Raises:
            GeometryUnknownError: there is none for the output, or more than one to choose from.
        """
        found = from_metadata(stored_model(model).metadata)
        names = ", ".join(found)
        if output is None and len(found) != 1:
            raise GeometryUnknownError(f"say which output's geometry: {names}")
        name = next(iter(found)) if output is None else output
        if name not in found:
            raise GeometryUnknownError(f"no geometry of '{output}', only of {names}")
        return found[name]

    def _check(self, what: str, numbers: Sequence[int]) -> None:
        """Raise ``UsageError`` where there is not one whole number for each axis."""
        if len(numbers) != len(self.axes) or not all(isinstance(n, Integral) for n in numbers):
            given = ", ".join(map(str, numbers))
            if len(numbers) == 1 and isinstance(numbers[0], Sequence):
                given += " in one argument"
            raise UsageError(
                f"{what} is one whole number for each of {len(self.axes)} axes, not {given}"
            )

    def _check_cell(self, cell: Sequence[int]) -> None:
        self._check("a cell", cell)
        if min(cell, default=0) < 0:
            raise UsageError(f"there is no cell {tuple(cell)}: cells are counted from 0")


def from_metadata(properties: Mapping[str, str]) -> dict[str, Geometry]:
    """Geometries by output, from a model's metadata as any runtime gives it.

    Raises:
        GeometryUnknownError: there are none, of another version, or not as
            ``Geometry.to_metadata`` writes them.
    """
    return {entry.output: Geometry(*entry) for entry in read(properties)}


def _box(parts: Sequence[Interval]) -> Box:
    return Box(tuple(start for start, _ in parts), tuple(stop for _, stop in parts))
