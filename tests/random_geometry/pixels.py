"""Compare what cells are said to see with the cells that pixels change."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from onnxfcn.geometry import AxisGeometry, Box
from tests.random_cases.outcome import Wrong

from .model import LARGEST, SEARCH, Model, Size


def check_boxes(model: Model) -> None:
    """No pixel changes a cell that is not said to see it."""
    numbers = np.random.default_rng(3)
    for size in list(model.sizes(3))[:2]:
        if np.prod(size) > LARGEST:
            return
        image = numbers.normal(size=model.shape(size)).astype(np.float32)
        base = model.run(image)
        for pixel in _pixels(size, numbers):
            changed = image.copy()
            changed[(0, slice(None), *pixel)] += numbers.normal() * 4 + 6
            answer = model.run(changed)
            moved = (answer != base).any(axis=(0, 1))
            seen = model.geometry.cells(Box(pixel, tuple(p + 1 for p in pixel)), size)
            outside = moved.copy()
            outside[seen.slices] = False
            if outside.any():
                raise Wrong(
                    "a pixel changes a cell that does not see it",
                    f"{size} {pixel} changes {np.argwhere(outside)[:4].tolist()}, not in {seen}",
                )


def check_tight(model: Model) -> None:
    """A cell amid the map depends on every corner of a tight receptive field."""
    geometry = model.geometry
    if not geometry.is_tight or geometry.whole_image or len(geometry.axes) > 2:
        return
    starts = zip(geometry.box(*[0] * len(geometry.axes)).start, geometry.axes, strict=True)
    cells = tuple(int((max(0, -start) + axis.original) // axis.stride) for start, axis in starts)
    stops = zip(geometry.box(*cells).stop, cells, geometry.axes, strict=True)
    size = tuple(_with_cell(axis, stop, cell) for stop, cell, axis in stops)
    if not all(size) or np.prod(size) > LARGEST or geometry.receptive_field == (0,) * len(size):
        return
    # The field may depend on what the size leaves over.
    field = geometry.box(*cells, size=size)
    ends = ({start, stop - 1} for start, stop in zip(field.start, field.stop, strict=True))
    for corner in product(*ends):
        if not _changes(model, size, corner, cells):
            raise Wrong("a tight field is larger than what a cell sees", size, corner, cells, field)


def _with_cell(axis: AxisGeometry, stop: int, cell: int) -> int:
    """An image that has a cell, and pixels enough behind it; 0 where there is none at hand."""
    first = stop + axis.original
    sizes = range(first, first + SEARCH)
    return next((n for n in sizes if (axis.extent(n) or 0) > cell), 0)


def _changes(model: Model, size: Size, pixel: Size, cell: Size) -> bool:
    """Whether a pixel changes a cell in one of many trials."""
    numbers = np.random.default_rng(9)
    for trial in range(24):
        image = numbers.normal(size=model.shape(size)).astype(np.float32)
        changed = image.copy()
        many = numbers.normal(size=image.shape[1]) * 10.0 ** (1 + trial % 4)
        changed[(0, slice(None), *pixel)] = many
        before, after = model.run(image), model.run(changed)
        if (before[(..., *cell)] != after[(..., *cell)]).any():
            return True
    return False


def _pixels(size: Size, numbers: np.random.Generator) -> Iterator[Size]:
    corners = list(product(*({0, extent // 2, extent - 1} for extent in size)))
    chosen = numbers.permutation(len(corners))[:5]
    yield from (corners[index] for index in chosen)
    for _ in range(4):
        yield tuple(int(numbers.integers(extent)) for extent in size)
