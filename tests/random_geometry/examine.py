"""Compare what the analysis says of a random model with what ONNX Runtime computes."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from onnxfcn.exactness import Exactness, decide
from onnxfcn.geometry import (
    AxisGeometry,
    Box,
    Geometry,
    GeometryUnknownError,
    SizeNotAcceptedError,
    analyse,
    from_metadata,
)
from tests.random_cases.outcome import Outcome, Wrong, failure
from tests.random_cases.session import session

from .builder import IMAGE
from .strategy import OUTPUT, Case

Floats = npt.NDArray[np.float32]

_SAME, _DIFFERENT = 1e-5, 1e-4
"""Errors relative to the answers' scale: of cells that are exact, and of some that are not."""
_SAFE = frozenset({"activation", "convolution", "same", "shortcut", "unpadded"})
"""Layers with which ONNX Runtime refuses images that are too small: with empty tensors it may
crash, and a pool larger than the map is taken for one that fits."""
_SEARCH = 48
_LARGEST = 1 << 16


class Kind(StrEnum):
    """What came of a case that did not fail."""

    EXACT = "exact"
    APPROXIMATE = "approximate"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Told(Outcome):
    """A model of which all that is told is right.

    Attributes:
        tight: whether the receptive field was said to be the smallest.
    """

    tight: bool = False


def examine(case: Case) -> Outcome:
    """Check map sizes, boxes and the label of one model."""
    try:
        runtime = session(case.model)
        (answer,) = runtime.run(None, {IMAGE: np.zeros(_shape(case, case.size), np.float32)})
    except Exception as error:
        return Outcome(Kind.SKIPPED, "ONNX Runtime does not take it", str(error))
    if answer.shape[2:] != (1,) * case.rank:
        # Shape inference, which chose the head's kernel, takes scales for exact numbers.
        return Outcome(Kind.SKIPPED, "more than one cell at the original size")
    try:
        geometry = analyse(case.model, case.size)[OUTPUT]
        exactness = decide(case.model, case.size)[OUTPUT]
        if from_metadata(geometry.to_metadata()) != {OUTPUT: geometry}:
            raise Wrong("metadata change the geometry")
        _check_sizes(case, runtime, geometry)
        _check_boxes(case, runtime, geometry)
        _check_tight(case, runtime, geometry)
        _check_label(case, runtime, geometry, exactness)
    except GeometryUnknownError as unknown:
        return Outcome(Kind.UNKNOWN, "unknown", str(unknown))
    except Exception as error:
        return failure(error)
    kind = Kind.EXACT if exactness.is_exact else Kind.APPROXIMATE
    return Told(kind, tight=geometry.is_tight)


def _shape(case: Case, size: tuple[int, ...]) -> list[int]:
    channels = case.model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    return [1, channels, *size]


def _check_sizes(case: Case, runtime: ort.InferenceSession, geometry: Geometry) -> None:
    """The map's extent, and which image sizes the model takes, an axis at a time."""
    if geometry.map_size(*case.size) != (1,) * len(case.size):
        raise Wrong("at the original size the map has other cells than one")
    for axis in range(len(case.size)):
        for change in (-5, -2, -1, 1, 2, 3, 7, 11):
            size = tuple(own + change * (a == axis) for a, own in enumerate(case.size))
            if min(size) < 1:
                continue
            refused = not _accepts(geometry, size)
            if any(n < least for n, least in zip(size, geometry.smallest, strict=True)) and not (
                set(case.labels) <= _SAFE
            ):
                continue
            try:
                (answer,) = runtime.run(None, {IMAGE: np.zeros(_shape(case, size), np.float32)})
            except Exception as error:
                if not refused:
                    raise Wrong("a size is said to be taken and is not", size, error) from None
                continue
            if refused:
                if answer.size:
                    raise Wrong("a size is refused and is taken", size, answer.shape)
            elif answer.shape[2:] != geometry.map_size(*size):
                raise Wrong("a map has another size", size, answer.shape, geometry.map_size(*size))


def _accepts(geometry: Geometry, size: tuple[int, ...]) -> bool:
    try:
        geometry.map_size(*size)
    except SizeNotAcceptedError:
        return False
    return True


def _sizes(geometry: Geometry, cells: int) -> Iterator[tuple[int, ...]]:
    """Images with about so many cells an axis, aligned and not."""
    seen = set()
    for remainder in (0, 1, 2, 3):
        size = []
        for axis in geometry.axes:
            wanted = axis.original + int(cells * axis.stride) + remainder
            fits = [n for n in range(wanted, wanted + _SEARCH) if axis.accepts(n)]
            if not fits:
                return
            size.append(fits[0])
        if tuple(size) not in seen:
            seen.add(tuple(size))
            yield tuple(size)


def _check_boxes(case: Case, runtime: ort.InferenceSession, geometry: Geometry) -> None:
    """No pixel changes a cell that is not said to see it."""
    numbers = np.random.default_rng(3)
    for size in list(_sizes(geometry, 3))[:2]:
        if np.prod(size) > _LARGEST:
            return
        image = numbers.normal(size=_shape(case, size)).astype(np.float32)
        (base,) = runtime.run(None, {IMAGE: image})
        for pixel in _pixels(size, numbers):
            changed = image.copy()
            changed[(0, slice(None), *pixel)] += numbers.normal() * 4 + 6
            (answer,) = runtime.run(None, {IMAGE: changed})
            moved = (answer != base).any(axis=(0, 1))
            seen = geometry.cells(Box(pixel, tuple(p + 1 for p in pixel)), size)
            outside = moved.copy()
            outside[seen.slices] = False
            if outside.any():
                raise Wrong(
                    "a pixel changes a cell that does not see it",
                    f"{size} {pixel} changes {np.argwhere(outside)[:4].tolist()}, not in {seen}",
                )


def _check_tight(case: Case, runtime: ort.InferenceSession, geometry: Geometry) -> None:
    """A cell amid the map depends on every corner of a tight receptive field."""
    if not geometry.is_tight or geometry.whole_image or len(case.size) > 2:
        return
    starts = zip(geometry.box(*[0] * len(geometry.axes)).start, geometry.axes, strict=True)
    cells = tuple(int((max(0, -start) + axis.original) // axis.stride) for start, axis in starts)
    stops = zip(geometry.box(*cells).stop, cells, geometry.axes, strict=True)
    size = tuple(_with_cell(axis, stop, cell) for stop, cell, axis in stops)
    if not all(size) or np.prod(size) > _LARGEST or geometry.receptive_field == (0,) * len(size):
        return
    # The field may depend on what the size leaves over.
    field = geometry.box(*cells, size=size)
    ends = ({start, stop - 1} for start, stop in zip(field.start, field.stop, strict=True))
    for corner in product(*ends):
        if not _changes(case, runtime, size, corner, cells):
            raise Wrong("a tight field is larger than what a cell sees", size, corner, cells, field)


def _with_cell(axis: AxisGeometry, stop: int, cell: int) -> int:
    """An image that has a cell, and pixels enough behind it; 0 where there is none at hand."""
    first = stop + axis.original
    sizes = range(first, first + _SEARCH)
    return next((n for n in sizes if (axis.extent(n) or 0) > cell), 0)


def _changes(
    case: Case,
    runtime: ort.InferenceSession,
    size: tuple[int, ...],
    pixel: tuple[int, ...],
    cell: tuple[int, ...],
) -> bool:
    """Whether a pixel changes a cell in one of many trials."""
    numbers = np.random.default_rng(9)
    for trial in range(24):
        image = numbers.normal(size=_shape(case, size)).astype(np.float32)
        changed = image.copy()
        many = numbers.normal(size=image.shape[1]) * 10.0 ** (1 + trial % 4)
        changed[(0, slice(None), *pixel)] = many
        (before,) = runtime.run(None, {IMAGE: image})
        (after,) = runtime.run(None, {IMAGE: changed})
        if (before[(..., *cell)] != after[(..., *cell)]).any():
            return True
    return False


def _pixels(size: tuple[int, ...], numbers: np.random.Generator) -> Iterator[tuple[int, ...]]:
    corners = list(product(*({0, extent // 2, extent - 1} for extent in size)))
    chosen = numbers.permutation(len(corners))[:5]
    yield from (corners[index] for index in chosen)
    for _ in range(4):
        yield tuple(int(numbers.integers(extent)) for extent in size)


def _check_label(
    case: Case, runtime: ort.InferenceSession, geometry: Geometry, exactness: Exactness
) -> None:
    """Exact cells equal crops; of approximate ones, some image shows that they do not."""
    largest = 0.0
    for size in _sizes(geometry, 4):
        if np.prod(size) > _LARGEST:
            continue
        for image in _images(_shape(case, size)):
            largest = max(largest, _error(case, runtime, geometry, image))
            if exactness.is_exact and largest > _SAME:
                raise Wrong("exact cells differ from crops", f"{size}: {largest}")
            if not exactness.is_exact and largest > _DIFFERENT:
                return
    if not exactness.is_exact and len(list(_sizes(geometry, 4))):
        raise Wrong("no image shows that cells are approximate", largest, exactness.lines())


def _images(shape: list[int]) -> Iterator[Floats]:
    """Noise, large constants, slopes in all directions, and single bright pixels."""
    numbers = np.random.default_rng(5)
    yield (numbers.normal(size=shape) + 50).astype(np.float32)
    for power in range(6):
        yield (numbers.normal(size=shape) / 2**power).astype(np.float32)
    places = np.indices(shape[2:]).sum(axis=0)
    for sign in (1, -1):
        noise = numbers.normal(size=shape) / 10
        yield (sign * (places - places.mean()) + noise).astype(np.float32)
    for _ in range(3):
        yield (numbers.normal(size=shape) ** 5).astype(np.float32)


def _error(case: Case, runtime: ort.InferenceSession, geometry: Geometry, image: Floats) -> float:
    """The largest difference of a cell from its crop's answer, relative to the answers' scale."""
    (cells,) = runtime.run(None, {IMAGE: image})
    differences, scale = [0.0], 1e-30
    for cell in product(*map(range, cells.shape[2:])):
        crop = geometry.crop(*cell)
        if any(stop > n for stop, n in zip(crop.stop, image.shape[2:], strict=True)):
            continue
        (own,) = runtime.run(
            None, {IMAGE: np.ascontiguousarray(image[(slice(None), slice(None), *crop.slices)])}
        )
        own = own[(..., *[0] * len(cell))]
        differences.append(float(np.abs(own - cells[(..., *cell)]).max()))
        scale = max(scale, float(np.abs(own).max()))
    return max(differences) / scale
