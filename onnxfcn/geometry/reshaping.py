"""The same positions in row-major order under another shape."""

from functools import partial
from itertools import accumulate
from math import prod
from operator import mul

import numpy as np

from .errors import DoesNotFitError
from .seen import Seen, Shape, check_few, moved


def reshaped(seen: Seen, shape: Shape) -> Seen:
    """A tensor's elements in row-major order, under another shape.

    Only axes that are split or merged beside one that makes a difference are spread out.

    Raises:
        DoesNotFitError: there are not as many elements.
        UnknownError: too many positions would have to be told apart.
    """
    if prod(shape) != prod(seen.shape):
        raise DoesNotFitError(f"{list(seen.shape)} does not reshape to {list(shape)}")
    spread: list[int] = []
    stored: list[int] = []
    for old, new in _groups(seen.shape, shape):
        own = [seen.shape[axis] for axis in old]
        if all(seen.first.shape[axis] == 1 for axis in old):
            own = [1] * len(old)
            stored += [1] * len(new)
        else:
            stored += [shape[axis] for axis in new]
        spread += own
    check_few(prod(spread))
    found = moved(seen, shape, lambda array: np.broadcast_to(array, spread).reshape(stored))
    return _compressed(found)


def _groups(old: Shape, new: Shape) -> list[tuple[list[int], list[int]]]:
    """The smallest runs of axes of both shapes with the same number of elements."""
    ends = [list(accumulate(shape, mul)) for shape in (old, new)]
    groups: list[tuple[list[int], list[int]]] = []
    starts = [0, 0]
    for common in sorted({*ends[0]} & {*ends[1]}):
        stops = [max(place for place, end in enumerate(own) if end == common) + 1 for own in ends]
        groups.append((list(range(starts[0], stops[0])), list(range(starts[1], stops[1]))))
        starts = stops
    rest = (list(range(starts[0], len(old))), list(range(starts[1], len(new))))
    return [*groups, rest] if any(rest) else groups


def _compressed(seen: Seen) -> Seen:
    """The same, stored with extent 1 along axes that make no difference."""
    for axis in seen.varies:
        one = moved(seen, seen.shape, partial(np.take, indices=[0], axis=axis))
        pairs = ((seen.first, one.first), (seen.last, one.last), (seen.mark, one.mark))
        if all(part is None or bool(np.all(whole == part)) for whole, part in pairs):
            seen = one
    return seen
