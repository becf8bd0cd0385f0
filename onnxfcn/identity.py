"""Promise 1: at the original size, the rewritten model answers as the original does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from onnx import ValueInfoProto

from .cells import compare_cells
from .compared_heads import ComparedHeads
from .errors import UnusableModelError
from .interface import check_declared
from .report import SizeResult
from .runtime import Session
from .settings import Settings
from .stored_model import StoredModel


def compare_identity(
    models: ComparedHeads, settings: Settings, generator: np.random.Generator
) -> SizeResult:
    """Compare two models at the original size.

    Where the rewrite freed the batch, the rewritten model gets as many images again, or it would
    not show that it mixes them.

    Args:
        models: the models.
        settings: how validation is run.
        generator: makes the image.

    Raises:
        UnusableModelError: ONNX Runtime cannot run the original.
        ValidationFailedError: an output has another shape than it should.
    """
    pair = models.pair
    output_of = {name: of for head in models.heads for name, of in head.output_of.items()}
    logits = [name for name, output in output_of.items() if name != output]
    own = pair.image.batch or 2
    portions = 2 if pair.image.batch and pair.any_batch else 1
    feeds = pair.feeds(pair.image.size, own * portions, generator)
    answers = original_answers(pair.original, logits, pair.split(feeds, portions), settings)
    actual = models.session.run(feeds)
    check_declared(pair.declared, actual)
    one_cell = (1,) * len(pair.image.size)
    slides = {name for head in models.heads if head.slides for name in head.compared}
    comparisons = []
    for name in answers[0]:
        comparison = compare_cells(
            name,
            [_joined([answer[name] for answer in answers], actual[name])],
            actual[name],
            spatial=pair.growth.spatial(name),
            map_size=one_cell if name in slides else (),
            rtol=settings.rtol,
            atol=settings.atol,
        )
        comparisons.append(replace(comparison, stands_for=output_of.get(name, name)))
    map_size = one_cell if models.heads else models.output_size
    return SizeResult(size=pair.image.size, map_size=map_size, comparisons=tuple(comparisons))


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
    if not actual.ndim or sum(len(part) for part in parts) != len(actual):
        return parts[0]
    return np.concatenate(parts)
