"""Promise 1: at the original size, the rewritten model answers as the original does."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from onnx import ValueInfoProto

from ..errors import UnusableModelError
from ..files.stored_model import StoredModel
from ..report import SizeResult
from ..runtime.session import Session
from ..settings import Settings
from .cells import align_cells, compare_all
from .compared_heads import ComparedHeads
from .interface import check_declared


def compare_identity(
    models: ComparedHeads, settings: Settings, feeds: Mapping[str, np.ndarray], source: str = ""
) -> SizeResult:
    """Compare two models at the original size.

    Args:
        models: the models.
        settings: how validation is run.
        feeds: the inputs, with a multiple of the original's own number of images.
        source: where the image came from; empty for a random one.

    Raises:
        UnusableModelError: ONNX Runtime cannot run the original.
        ValidationFailedError: an output has another shape than it should.
    """
    pair = models.pair
    answers = original_answers(pair.original, models.inner, pair.portions(feeds), settings)
    actual = models.session.run(feeds)
    check_declared(pair.declared, actual)
    one_cell = (1,) * len(pair.image.size)
    slides = {name for head in models.heads if head.slides for name in head.compared}
    arrays = {
        name: align_cells(
            name,
            [_joined([answer[name] for answer in answers], actual[name])],
            actual[name],
            spatial=pair.growth.spatial(name),
            map_size=one_cell if name in slides else (),
        )
        for name in answers[0]
    }
    output_of = {name: of for head in models.heads for name, of in head.output_of.items()}
    ranked = {name: of for head in models.heads for name, of in head.ranked.items()}
    return SizeResult(
        size=pair.image.size,
        map_size=one_cell if models.heads else models.output_size,
        comparisons=tuple(compare_all(arrays, output_of, ranked, settings)),
        source=source,
        against="original",
    )


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
    session = Session(original, settings.provider, [ValueInfoProto(name=name) for name in inner])
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
