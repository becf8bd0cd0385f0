"""Promise 2: at a larger size, every cell is the untouched head on its window of the map."""

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod

import numpy as np

from passes.shapes import Shape

from ..comparison import CellCount, Comparison
from ..errors import UnusableModelError, ValidationFailedError
from ..report import SizeResult
from ..sizes import Size, size_text
from .cells import align_cells, check_cells, compare_all
from .compared_heads import ComparedHeads
from .drawn_cells import drawn_cells
from .head_windows import HeadWindows
from .interface import check_declared
from .samples import Answered, Sample

_CELLS_FOR_TWO_SAMPLES = 64
"""Maps of up to so many cells are compared for two samples, larger ones for one."""


class CannotTakeSizeError(Exception):
    """The rewritten model cannot take an image of some size."""


def run_larger(models: ComparedHeads, sample: Sample, generator: np.random.Generator) -> Answered:
    """Run the rewritten model on an image, or on two random ones.

    Args:
        models: the models.
        sample: the image.
        generator: makes random inputs.

    Raises:
        CannotTakeSizeError: the trunk does not fit together at this size, or does not run.
        UsageError: the image is too large, or there is no memory for it.
    """
    map_sizes = models.map_sizes(sample.size)
    size = size_text(sample.size)
    if map_sizes is None:
        raise CannotTakeSizeError(f"the rewritten trunk does not fit together at {size}")
    pair = models.pair
    small = all(prod(map_size) <= _CELLS_FOR_TWO_SAMPLES for map_size in map_sizes)
    own = pair.image.samples or 1
    if sample.image is None:
        batch = own * 2 if pair.any_batch and small else own
        feeds = pair.feeds(sample.size, batch, generator)
    else:
        feeds = pair.feeds_with(sample.image, generator)
    try:
        return Answered(sample, feeds, models.session.run(feeds))
    except UnusableModelError as error:
        raise CannotTakeSizeError(f"the rewritten model does not run at {size}: {error}") from error


def compare_windows(
    models: ComparedHeads, answered: Answered, generator: np.random.Generator
) -> SizeResult:
    """Compare every cell at a larger size, or those that are drawn, with the head on its window.

    Args:
        models: the models.
        answered: an image, and what the rewritten model says of it.
        generator: has a child that draws cells, so that its own numbers stay the same.

    Raises:
        ValidationFailedError: a map has another size than it should.
    """
    size, actual = answered.sample.size, answered.answers
    shapes, map_sizes = models.shapes_at(size), models.map_sizes(size) or []
    check_declared(models.pair.declared, actual)
    _check_maps(models, actual, shapes, size)
    (drawing,) = generator.spawn(1)
    comparisons: list[Comparison] = []
    counts: dict[str, CellCount] = {}
    for head, map_size in zip(models.heads, map_sizes, strict=True):
        cells = map_size if head.slides else ()
        drawn = drawn_cells(cells, models.settings.max_cells, drawing)
        comparisons += _compare_head(models, head, answered, cells, drawn)
        if head.slides:
            count = prod(cells) if drawn is None else len(drawn)
            counts |= dict.fromkeys(head.compared, CellCount(compared=count, in_all=prod(cells)))
    slides = bool(models.heads) and models.heads[0].slides
    return SizeResult(
        size=size,
        map_size=map_sizes[0] if slides else (1,) * len(size),
        comparisons=tuple(comparisons),
        maps={name: models.extents(name, shapes) or () for name in models.trunk_outputs},
        source=answered.sample.source,
        cells=counts,
    )


def _check_maps(
    models: ComparedHeads,
    actual: Mapping[str, np.ndarray],
    shapes: Mapping[str, Shape],
    size: Size,
) -> None:
    """The rewritten trunk's maps must have the size that the trunk's geometry gives."""
    feature_maps = {name for head in models.heads for name in head.feature_maps}
    for name in (*sorted(feature_maps), *models.trunk_outputs):
        if actual[name].shape[1:] != shapes.get(name, ())[1:]:
            raise ValidationFailedError(
                f"at {size_text(size)} the feature map '{name}' has shape"
                f" {list(actual[name].shape)}; the original's geometry gives {list(shapes[name])}"
            )


def _compare_head(
    models: ComparedHeads,
    head: HeadWindows,
    answered: Answered,
    cells: Size,
    drawn: Sequence[Size] | None,
) -> list[Comparison]:
    """Compare the outputs of a head with its answers on windows of the rewritten model's maps.

    Args:
        models: the models.
        head: the head.
        answered: an image, and what the rewritten model says of it.
        cells: cells of the map, an axis each; empty where the head answers once an image.
        drawn: places of the cells to compare; ``None`` for all.
    """
    actual = answered.answers
    spatial = {name: models.pair.growth.spatial(name) for name in head.compared}
    for name in head.compared if cells else ():
        # Before the windows are run: a map of another size may have very many of them.
        check_cells(name, actual[name], spatial[name], cells, models.step)
    places = list(product(*map(range, cells))) if drawn is None else drawn
    expected = _head_answers(models, head, answered, places)
    arrays = {
        name: align_cells(
            name,
            expected.pop(name),
            actual[name],
            spatial=spatial[name],
            map_size=cells,
            drawn=drawn,
        )
        for name in head.compared
    }
    return compare_all(arrays, head.output_of, head.ranked, models.settings)


def _head_answers(
    models: ComparedHeads, head: HeadWindows, answered: Answered, places: Sequence[Size]
) -> dict[str, list[np.ndarray]]:
    """The head's answers on the windows of some cells, by the compared tensor's name."""
    maps = {name: answered.answers[name] for name in head.feature_maps}
    collected: dict[str, list[np.ndarray]] = {name: [] for name in head.compared}
    what = f"windows at {size_text(answered.sample.size)}"
    try:
        for done, answer in enumerate(head.answers(maps, places), 1):
            models.settings.progress(what, done, len(places))
            for name, values in answer.items():
                collected[name].append(values)
    except UnusableModelError as error:
        raise ValidationFailedError(f"the original's head does not run: {error}") from error
    return collected
