"""What every position of a tensor has seen of the image, along one axis of it.

A tensor's positions carry the first and the last pixel that went into them, and a mark: a number
that stands for the computation of that position. Equal marks mean the same computation of the same
pixels. The arrays are stored with extent 1 along axes that make no difference, so that the
channels and the other axes of the image cost nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from .errors import DoesNotFitError, UnknownError

Shape = tuple[int, ...]

FIRST_OF_NONE = 1 << 30
"""First pixel of positions that have seen none; the last one is ``-FIRST_OF_NONE``."""


_MOST = 1 << 24
"""Positions of one tensor that are told apart, at most."""


@dataclass(frozen=True)
class Seen:
    """What the positions of a tensor have seen.

    Attributes:
        shape: the tensor's shape.
        first: first pixel that each position has seen, int32; of the tensor's rank, every extent
            the tensor's own or 1.
        last: its last pixel, of the same shape; less than ``first`` where nothing was seen.
        mark: the computation, uint64, of the same shape; ``None`` where nobody asks for it.
        whole: names of the nodes through which positions may see the whole axis; ``first`` and
            ``last`` leave out what came through them.
    """

    shape: Shape
    first: np.ndarray
    last: np.ndarray
    mark: np.ndarray | None
    whole: frozenset[str] = frozenset()

    @property
    def widest(self) -> int:
        """Pixels from the first to the last that a position has seen, at most."""
        return max(0, 1 + int((self.last.astype(np.int64) - self.first).max()))

    @property
    def varies(self) -> tuple[int, ...]:
        """Axes along which positions differ."""
        return tuple(axis for axis, extent in enumerate(self.first.shape) if extent > 1)


def image(shape: Shape, axis: int, start: int | None, *, marked: bool) -> Seen:
    """The image itself, or a crop of one.

    Args:
        shape: its shape.
        axis: the axis that is looked at.
        start: the pixel where the crop begins; ``None`` to know shapes only.
        marked: whether positions carry marks.
    """
    if start is None:
        return nothing(shape)
    along = [1] * len(shape)
    along[axis] = shape[axis]
    pixels = np.arange(start, start + shape[axis], dtype=np.int32).reshape(along)
    return Seen(shape, pixels, pixels, mixed(pixels.astype(np.uint64), 1) if marked else None)


def nothing(shape: Shape, mark: np.ndarray | None = None) -> Seen:
    """A tensor that does not depend on the image.

    Args:
        shape: its shape.
        mark: marks that broadcast to it.
    """
    ones = (1,) * len(shape)
    marks = None if mark is None else mark.reshape((*ones[mark.ndim :], *mark.shape))
    full = np.full(ones if marks is None else marks.shape, FIRST_OF_NONE, np.int32)
    return Seen(shape, full, -full, marks)


def mixed(mark: np.ndarray | None, salt: int | np.ndarray) -> np.ndarray | None:
    """Marks of a step that depends on ``salt``, by the finalizer of SplitMix64."""
    if mark is None:
        return None
    step = np.atleast_1d(np.asarray(salt)).astype(np.uint64) + np.uint64(1)
    salted = mark + step * np.uint64(0x9E3779B97F4A7C15)
    salted = (salted ^ (salted >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    salted = (salted ^ (salted >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: np.ndarray = salted ^ (salted >> np.uint64(31))
    return found


def moved(seen: Seen, shape: Shape, move: Callable[[np.ndarray], np.ndarray]) -> Seen:
    """A tensor of the same positions at other places.

    Args:
        seen: the tensor.
        shape: its shape afterwards.
        move: moves what is stored of each position.
    """
    mark = None if seen.mark is None else move(seen.mark)
    return Seen(shape, move(seen.first), move(seen.last), mark, seen.whole)


def dropped(seen: Seen, axes: Sequence[int]) -> Seen:
    """A tensor without some axes of extent 1."""
    shape = tuple(extent for axis, extent in enumerate(seen.shape) if axis not in axes)
    return moved(seen, shape, lambda array: np.squeeze(array, tuple(axes)))


def with_extent(seen: Seen, axis: int, extent: int) -> Seen:
    """A tensor with another extent along an axis that makes no difference."""
    shape = (*seen.shape[:axis], extent, *seen.shape[axis + 1 :])
    return Seen(shape, seen.first, seen.last, seen.mark, seen.whole)


def taken(
    seen: Seen, axis: int, count: int, index: Callable[[], np.ndarray], filler: int = 0
) -> Seen:
    """Positions picked along an axis.

    Args:
        seen: the tensor.
        axis: the axis.
        count: how many are picked.
        index: makes which position each one of them is, one-dimensional; -1 for a filler.
        filler: mark of fillers, which see nothing.
    """
    found = with_extent(seen, axis, count)
    if seen.first.shape[axis] == 1:
        # Along other axes than the one looked at, borders are not told apart.
        return found
    picked = index()
    absent = (picked < 0).reshape([-1 if place == axis else 1 for place in range(len(seen.shape))])

    def with_fillers(array: np.ndarray, none: int) -> np.ndarray:
        return np.where(absent, array.dtype.type(none), array.take(picked, axis, mode="clip"))

    return replace(
        found,
        first=with_fillers(seen.first, FIRST_OF_NONE),
        last=with_fillers(seen.last, -FIRST_OF_NONE),
        mark=None if seen.mark is None else with_fillers(seen.mark, filler),
    )


Windows = tuple[np.ndarray, np.ndarray]
"""Positions that each one of a result reads ``[positions, taps]``, -1 for none, and a label for
what is done with each, of a shape that broadcasts to that."""


def read(seen: Seen, axis: int, count: int, windows: Callable[[], Windows], salt: int) -> Seen:
    """Windows along an axis: every position of the result reads several.

    Args:
        seen: the tensor.
        axis: the axis.
        count: positions of the result.
        windows: makes what they read.
        salt: which step of the model this is.

    Raises:
        UnknownError: there are too many positions.
    """
    if seen.first.shape[axis] == 1:
        found = with_extent(seen, axis, count)
        if seen.mark is None:
            return found
        # As a window amid equal positions: a crop may have one position where the image has many.
        mark = np.expand_dims(seen.mark, axis)
        return replace(found, mark=_of_windows(mark, axis, windows()[1][:1], salt))
    index, labels = windows()
    check_few(index.size * (seen.first.size // seen.first.shape[axis]))
    # Taps before positions: numpy is several times as fast along long inner axes.
    flat = taken(seen, axis, index.size, index.T.ravel)
    split = (*flat.first.shape[:axis], *index.T.shape, *flat.first.shape[axis + 1 :])
    marks = None if flat.mark is None else flat.mark.reshape(split)
    return Seen(
        (*seen.shape[:axis], count, *seen.shape[axis + 1 :]),
        flat.first.reshape(split).min(axis),
        flat.last.reshape(split).max(axis),
        _of_windows(marks, axis, labels, salt),
        seen.whole,
    )


def _of_windows(
    marks: np.ndarray | None, axis: int, labels: np.ndarray, salt: int
) -> np.ndarray | None:
    """Marks of windows whose taps lie along ``axis``, and whose positions behind it."""
    if marks is None:
        return None
    inner = [*[1] * axis, *labels.T.shape, *[1] * (marks.ndim - axis - 2)]
    found: np.ndarray = _added(mixed(marks, salt * 4099 + labels.T.reshape(inner)), axis)
    return found


def joined(parts: Sequence[Seen], salt: int) -> Seen:
    """Positions computed from those of several tensors that are broadcast against one another.

    Raises:
        DoesNotFitError: their shapes do not broadcast.
        UnknownError: there are too many positions.
    """
    try:
        shape = np.broadcast_shapes(*(part.shape for part in parts))
    except ValueError as error:
        raise DoesNotFitError(str(error)) from error
    check_few(prod(np.broadcast_shapes(*(part.first.shape for part in parts))))
    first = reduce(np.minimum, (part.first for part in parts))
    last = reduce(np.maximum, (part.last for part in parts))
    marks = [mixed(part.mark, salt + place * 7919) for place, part in enumerate(parts)]
    mark = None
    if all(found is not None for found in marks):
        mark = reduce(np.add, (found for found in marks if found is not None))
        first, last = np.broadcast_to(first, mark.shape), np.broadcast_to(last, mark.shape)
    return Seen(shape, first, last, mark, frozenset().union(*(part.whole for part in parts)))


def check_few(count: int) -> None:
    """Raise ``UnknownError`` where so many positions would be told apart."""
    if count > _MOST:
        raise UnknownError(f"{count} positions are too many to tell apart")


def _added(marks: np.ndarray | None, axis: int | tuple[int, ...], *, keep: bool = False) -> Any:
    return None if marks is None else marks.sum(axis, dtype=np.uint64, keepdims=keep)


def reduced(seen: Seen, axes: Sequence[int], salt: int, name: str) -> Seen:
    """One position for all along some axes, which keep extent 1.

    Where that lets every position see all that the tensor has seen, the whole axis is seen.

    Args:
        seen: the tensor.
        axes: the axes.
        salt: which step of the model this is.
        name: name of the node.
    """
    shape = tuple(1 if axis in axes else extent for axis, extent in enumerate(seen.shape))
    mark = mixed(seen.mark, prod(seen.shape[axis] for axis in axes))
    inner = [axis for axis in seen.varies if axis in axes]
    if not inner:
        return Seen(shape, seen.first, seen.last, mixed(mark, salt), seen.whole)
    place = np.zeros((1,) * len(shape), np.int64)
    for axis in inner:
        along = [1] * len(shape)
        along[axis] = seen.shape[axis]
        place = place * seen.shape[axis] + np.arange(seen.shape[axis]).reshape(along)
    over = tuple(inner)
    mark = _added(mixed(mark, salt * 4099 + place), over, keep=True)
    first, last = seen.first.min(over, keepdims=True), seen.last.max(over, keepdims=True)
    start, stop = seen.first.min(), seen.last.max()
    covers = (seen.first == start) & (seen.last == stop)
    if start < stop and not covers.all() and ((first == start) & (last == stop)).all():
        none = np.full_like(first, FIRST_OF_NONE)
        return Seen(shape, none, -none, mark, seen.whole | {name})
    return Seen(shape, first, last, mark, seen.whole)
