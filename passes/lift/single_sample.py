"""A batch of one sample for good: a view may drop its axis, and the map has it still."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from ..window import Scattered, Window
from .lifted import Cells


def without_batch(scattered: Scattered) -> Cells | None:
    """The map of a vector whose only sample lost its axis; ``None`` for any other tensor.

    Args:
        scattered: a tensor without an axis of samples.
    """
    cells, numbers = scattered.window.origin, scattered.numbers
    if not isinstance(cells, Cells) or scattered.window.samples != 1:
        return None
    if not np.array_equal(numbers.ravel(), np.arange(prod(cells.features))):
        return None
    axes, left = match_axes(cells.features, numbers.shape)
    return None if left is None else Cells(cells.tensor, axes[1:], cells.features, cells.grid)


def cell_of(scattered: Scattered) -> Window | None:
    """The window of one cell whose only sample lost its axis; ``None`` for any other tensor."""
    window = scattered.window
    alone = window.samples == 1 and window.is_cell and window.feature_map
    return replace(window, order=scattered.numbers) if alone and not window.is_affine else None


def match_axes(
    features: Sequence[int], shape: Sequence[int]
) -> tuple[tuple[int | None, ...], list[int] | None]:
    """Which feature axis every axis of a shape is.

    Args:
        features: extents of the map's feature axes.
        shape: another shape of as many elements.

    Returns:
        The map's axis of every original axis, batch included, and the map's axes of extent 1
        that the shape lacks; ``None`` for those where the shape groups the features otherwise.
    """
    axes: list[int | None] = [0]
    waiting = list(enumerate(features, 1))
    left: list[int] = []
    for extent in shape:
        while waiting and waiting[0][1] == 1 != extent:
            left.append(waiting.pop(0)[0])
        # An extent that is none of the features' leaves one of theirs over.
        axes.append(waiting.pop(0)[0] if waiting and waiting[0][1] == extent else None)
    left += [axis for axis, _ in waiting]
    return tuple(axes), left if all(extent == 1 for _, extent in waiting) else None
