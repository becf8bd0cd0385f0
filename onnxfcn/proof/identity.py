"""Promise 1: at the original size, the rewritten model answers as the original does."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ..errors import UnusableModelError
from ..files.stored_model import StoredModel
from ..report import SizeResult
from ..runtime.session import Session
from ..settings import Settings
from ..sizes import Size
from .cells import align_cells, align_positions, compare_all
from .compare import Compared
from .compared_heads import ComparedHeads
from .interface import check_declared


def compare_identity(
    models: ComparedHeads, feeds: Mapping[str, np.ndarray], source: str = ""
) -> SizeResult:
    """Compare two models at the original size.

    Args:
        models: the models.
        feeds: the inputs, with a multiple of the original's own number of images.
        source: where the image came from; empty for a random one.

    Raises:
        UnusableModelError: ONNX Runtime cannot run the original.
        ValidationFailedError: an output has another shape than it should.
    """
    pair, settings = models.pair, models.settings
    answers = original_answers(pair.original, models.inner, pair.portions(feeds), settings)
    actual = models.session.run(feeds)
    check_declared(pair.declared, actual)
    arrays = {
        name: _aligned(models, name, [answer[name] for answer in answers], actual[name])
        for name in answers[0]
    }
    output_of = {name: of for head in models.heads for name, of in head.output_of.items()}
    ranked = {name: of for head in models.heads for name, of in head.ranked.items()}
    return SizeResult(
        size=pair.image.size,
        map_size=_one_cell(models) if models.heads else models.output_size,
        comparisons=tuple(compare_all(arrays, output_of, ranked, settings)),
        maps={
            name: models.extents(name, pair.growth.shapes) or ()
            for name in arrays
            if name in _maps(models)
        },
        source=source,
        against="original",
    )


def _aligned(
    models: ComparedHeads, name: str, parts: Sequence[np.ndarray], actual: np.ndarray
) -> Compared:
    """What two models compute under one name, so that it can be compared.

    Args:
        models: the models.
        name: the name.
        parts: what the original computes, a portion of the images each.
        actual: what the rewritten model computes of all images.
    """
    expected, spatial = _joined(parts, actual), models.pair.growth.spatial(name)
    if name in _maps(models) and name not in models.pair.declared:
        # Many more values than answers: single ones of them are less sure than a channel is.
        return align_positions(name, expected, actual, spatial)
    slides = any(head.slides and name in head.compared for head in models.heads)
    cells = _one_cell(models) if slides else ()
    return align_cells(name, [expected], actual, spatial=spatial, map_size=cells)


def _maps(models: ComparedHeads) -> set[str]:
    """Names of the maps of the trunk that may be compared: outputs, and what heads read."""
    return {*models.trunk_outputs, *(n for head in models.heads for n in head.feature_maps)}


def _one_cell(models: ComparedHeads) -> Size:
    return (1,) * len(models.pair.image.size)


def original_answers(
    original: StoredModel,
    inner: Iterable[str],
    feeds: Sequence[Mapping[str, np.ndarray]],
    settings: Settings,
) -> list[dict[str, np.ndarray]]:
    """Outputs of the original on each of several inputs, and some of its inner tensors.

    Raises:
        UnusableModelError: ONNX Runtime cannot run it.
    """
    session = Session(original, settings.provider, inner)
    settings.progress("original model", 0, 1)
    try:
        answers = [session.run(each) for each in feeds]
    except UnusableModelError as error:
        raise UnusableModelError(f"the original model itself does not run: {error}") from error
    settings.progress("original model", 1, 1)
    return answers


def _joined(parts: Sequence[np.ndarray], actual: np.ndarray) -> np.ndarray:
    """Answers on several inputs as one, where the answer on all of them has as many samples."""
    if not actual.ndim or actual.shape == parts[0].shape:
        return parts[0]
    if parts[0].ndim and sum(len(part) for part in parts) == len(actual):
        return np.concatenate(parts)
    # Answers on single samples may lack their axis.
    return np.stack(parts) if len(parts) == len(actual) else parts[0]
