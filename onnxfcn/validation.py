"""Prove with ONNX Runtime that a rewritten model keeps its promises.

Identity: at the original size it answers as the original does. Trunk: where the rewrite changed
it, it does on a larger map what the original does on every window. Window: at a larger size every
cell is the original's untouched head on that window of the feature map.
"""

from collections.abc import Callable, Sequence
from functools import partial

from passes.options import OptionError, per_axis

from .compared_heads import ComparedHeads
from .errors import UsageError, ValidationFailedError
from .identity import compare_identity
from .model_pair import ModelPair
from .report import SizeResult, ValidationReport
from .settings import Settings
from .sizes import Size, default_sizes, size_text
from .stored_model import StoredModel
from .trunk_proof import prove_trunk
from .window_proof import DoesNotFitError, compare_windows

_NOTHING_BAKED = (
    "no node has the image size baked in: only the shapes of inputs and outputs were changed"
)


def run_validation(
    original: StoredModel,
    rewritten: StoredModel,
    settings: Settings,
    *,
    sizes: Sequence[Size] = (),
    window_step: int | Sequence[int] = 1,
    input_size: Sequence[int] | None = None,
) -> ValidationReport:
    """Compare two models at the original size and at larger ones; see ``onnxfcn.validate``."""
    pair = ModelPair(original, rewritten, input_size)
    step = _window_step(window_step, len(pair.image.size))
    trunk, regions = prove_trunk(pair, settings)
    failed = "; ".join(region.failure for region in regions if not region.passed)
    try:
        models = ComparedHeads(pair, trunk, settings.provider)
    except ValidationFailedError as error:
        raise ValidationFailedError(failed or str(error)) from error
    generator = settings.generator()
    identity = compare_identity(models, settings, generator)
    larger: list[SizeResult] = []
    notes: list[str] = []
    # Where the trunk is wrong, its maps are, and nothing can be said of windows of them.
    if not failed:
        comparing = partial(
            compare_windows, models, step=step, settings=settings, generator=generator
        )
        _check_sizes(models, sizes, step)
        try:
            if sizes:
                larger = [comparing(size) for size in sizes]
            else:
                larger, notes = _at_default_sizes(models, step, comparing)
        except DoesNotFitError as error:
            raise ValidationFailedError(str(error)) from error
        if models.trunk.is_whole:
            notes.append(_NOTHING_BAKED)
    return ValidationReport(
        windows={name: window for head in models.heads for name, window in head.windows.items()},
        identity=identity,
        regions=tuple(regions),
        sizes=tuple(larger),
        notes=tuple(notes),
    )


def _check_sizes(models: ComparedHeads, sizes: Sequence[Size], step: Size) -> None:
    """Sizes that the user asks for must be ones that the model can take.

    Raises:
        UsageError: one is not.
    """
    own = models.pair.image.size
    for size in sizes:
        if len(size) != len(own):
            raise UsageError(
                f"the model's images have {len(own)} spatial axes; give a size such"
                f" as {size_text(own)}, not {size_text(size)}"
            )
        if models.map_sizes(size, step) is None:
            raise UsageError(
                f"the model cannot take an image of {size_text(size)}: it was made for"
                f" {size_text(own)} and takes images at least as large on every"
                " axis, where its trunk allows"
            )


def _at_default_sizes(
    models: ComparedHeads, step: Size, comparing: Callable[[Size], SizeResult]
) -> tuple[list[SizeResult], list[str]]:
    """Compare at two larger sizes, the second no multiple of the stride beyond the original.

    Returns:
        What was seen, and a note where the trunk takes only sizes in steps of its stride.
    """
    own, pitch = models.pair.image.size, models.pitch
    aligned, shifted, instead = default_sizes(own, pitch, step)
    larger = [comparing(aligned)]
    try:
        return [*larger, comparing(shifted)], []
    except DoesNotFitError:
        note = (
            f"images of {size_text(shifted)} do not go through the trunk: take sizes that differ"
            f" from {size_text(own)} by multiples of {size_text(pitch)}"
        )
        return [*larger, comparing(instead)], [note]


def _window_step(window_step: int | Sequence[int], rank: int) -> Size:
    try:
        return per_axis("window_step", window_step, rank)
    except OptionError as error:
        raise UsageError(str(error)) from error
