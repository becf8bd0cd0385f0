"""Put a head's answers on single windows together as a map, and compare it with a model's."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..comparison import Comparison
from ..errors import ValidationFailedError
from ..settings import Settings
from ..sizes import Size, size_text
from .compare import Compared, compare
from .ties import without_ties


def compare_all(
    arrays: Mapping[str, Compared],
    output_of: Mapping[str, str],
    ranked: Mapping[str, str],
    settings: Settings,
) -> list[Comparison]:
    """Compare tensors, and count positions of equal values as equal.

    Args:
        arrays: what to compare, by the tensor's name.
        output_of: the model's output that each of them stands for, if it is not itself.
        ranked: what those that are positions of largest values say it of.
        settings: how validation is run.
    """
    comparisons = []
    for name, pair in arrays.items():
        ties = 0
        if name in ranked:
            pair, ties = without_ties(pair, arrays[ranked[name]])
        comparison = compare(
            name,
            pair.expected,
            pair.actual,
            spatial_rank=pair.rank,
            rtol=settings.rtol,
            atol=settings.atol,
        )
        stands_for = output_of.get(name, name)
        comparisons.append(replace(comparison, stands_for=stands_for, ties=ties))
    return comparisons


def align_cells(
    name: str,
    answers: Sequence[np.ndarray],
    actual: np.ndarray,
    *,
    spatial: tuple[int, ...],
    map_size: Size,
    drawn: Sequence[Size] | None = None,
) -> Compared:
    """The head's answers on single windows, put together as a map, beside a model's.

    Where some of the cells were drawn, those of both lie side by side, along one axis. The samples
    of an output that answers once an image take the place of cells.

    Args:
        name: the tensor's name.
        answers: ``[N, K]`` or the like, one a cell, in row-major order or as drawn.
        actual: the map.
        spatial: its spatial axes.
        map_size: cells of the map; empty for an output that answers once an image.
        drawn: places of the cells that the answers are for; ``None`` for all.

    Raises:
        ValidationFailedError: the map has other features or other cells than the answers.
    """
    if not map_size:
        return align_positions(name, answers[0], actual, ())
    check_cells(name, actual, spatial, map_size)
    actual = np.moveaxis(actual, spatial, range(-len(spatial), 0))
    one = actual.shape[: actual.ndim - len(spatial)]
    for answer in answers:
        if _features(answer) != [extent for extent in one if extent != 1]:
            raise _other_shape(name, actual, answer)
    if drawn is not None:
        actual = actual[(..., *np.transpose(drawn))]
    stacked = np.stack([answer.reshape(one) for answer in answers], axis=-1)
    return Compared(stacked.reshape(actual.shape), actual, actual.ndim - len(one))


def align_positions(
    name: str, expected: np.ndarray, actual: np.ndarray, spatial: tuple[int, ...]
) -> Compared:
    """Two maps, with the positions of all samples as their cells.

    Args:
        name: the tensor's name.
        expected: ``[N, C, *s]`` or the like.
        actual: the other one.
        spatial: the axes of the positions; none where the samples are all of the cells.

    Raises:
        ValidationFailedError: the other one has another shape.
    """
    if expected.shape != actual.shape:
        raise _other_shape(name, actual, expected)
    axes = (0, *spatial)[: expected.ndim]
    last = range(-len(axes), 0)
    return Compared(np.moveaxis(expected, axes, last), np.moveaxis(actual, axes, last), len(axes))


def without_cells(name: str, expected: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """A map of one cell in the shape of an answer of the original.

    Raises:
        ValidationFailedError: it has other features, or more cells.
    """
    if _features(actual) != _features(expected):
        raise _other_shape(name, actual, expected)
    return actual.reshape(expected.shape)


def check_cells(
    name: str,
    actual: np.ndarray,
    spatial: tuple[int, ...],
    map_size: Size,
    step: Size | None = None,
) -> None:
    """A map must have as many cells as it should, and its axes in the order of the image's.

    Args:
        name: the tensor's name.
        actual: the map.
        spatial: its spatial axes.
        map_size: cells that it should have.
        step: cells of the feature map from one window to the next, for the message.

    Raises:
        ValidationFailedError: it has others.
    """
    cells = tuple(actual.shape[axis] for axis in spatial)
    if list(spatial) != sorted(spatial):
        raise ValidationFailedError(
            f"'{name}' has its spatial axes in another order than the image: rows for columns"
        )
    if cells != map_size:
        apart = f" for a --window-step of {size_text(step)}" if step else ""
        raise ValidationFailedError(
            f"'{name}' has {size_text(cells)} cells, expected {size_text(map_size)}{apart}"
        )


def _features(values: np.ndarray) -> list[int]:
    return [extent for extent in values.shape if extent != 1]


def _other_shape(name: str, actual: np.ndarray, expected: np.ndarray) -> ValidationFailedError:
    return ValidationFailedError(
        f"'{name}' has shape {list(actual.shape)}, in the original {list(expected.shape)}"
    )
