"""Prove with ONNX Runtime that a rewritten model keeps its promises.

Identity: at the original size it answers as the original does. Trunk: where the rewrite changed
it, it does on a larger map what the original does on every window. Window: at a larger size every
cell, or every one that is drawn, is the original's untouched head on that window of the feature
map. Crop: how far cells are from the original's answers on crops of the image is measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import UsageError, ValidationFailedError
from ..files.stored_model import StoredModel
from ..option_checks import checked_window_step
from ..region_report import failure_of
from ..report import SizeResult, ValidationReport
from ..settings import Scope, Settings
from ..sizes import Size, larger_sizes, size_text
from .channels_first import with_channels_first
from .compared_heads import ComparedHeads
from .crops.meter import CropMeter
from .identity import compare_identity
from .image_files import read_sample
from .model_pair import ModelPair
from .named_maps import check_named, parse_names, with_original_names
from .regions.trunk_proof import prove_trunk
from .samples import Sample
from .window_proof import CannotTakeSizeError, compare_windows, run_larger

_NOTHING_BAKED = (
    "no node has the image size baked in: only the shapes of inputs and outputs were changed"
)


def run_validation(
    original: StoredModel, rewritten: StoredModel, settings: Settings, scope: Scope
) -> ValidationReport:
    """Compare two models at the original size and at larger ones; see ``onnxfcn.validate``."""
    names = parse_names(scope.feature_maps)
    pair = _model_pair(original, rewritten, names, scope.input_size)
    step = checked_window_step(scope.window_step, len(pair.image.size))
    samples = [read_sample(path, pair.image) for path in scope.inputs]
    trunk, regions = prove_trunk(pair, settings, names.keys())
    failed = failure_of(regions)
    generator = settings.generator()
    try:
        models = ComparedHeads(pair, trunk, step, settings, names.keys())
        models.check_trunk()
        identity = compare_identity(models, pair.identity_feeds(generator))
    except ValidationFailedError as error:
        # What is wrong with the trunk is why the models cannot be compared.
        raise ValidationFailedError(failed or str(error)) from error
    larger: list[SizeResult] = []
    notes: list[str] = []
    meter = None
    # Where the trunk is wrong, its maps are, and nothing can be said of windows of them.
    if not failed:
        meter = CropMeter(models) if scope.crops else None
        larger, notes = _Larger(models, generator, meter).compare(scope.sizes, samples)
    return ValidationReport(
        windows={name: window for head in models.heads for name, window in head.windows.items()},
        identity=identity,
        regions=tuple(regions),
        sizes=tuple(larger),
        notes=(*settings.provider.notes, *notes),
        crops=meter.report if meter else None,
        crops_required=scope.require_crops,
    )


def _model_pair(
    original: StoredModel, rewritten: StoredModel, names: Mapping[str, str], input_size: Size | None
) -> ModelPair:
    """Two models, the tensors of the second as far as possible as the original has them.

    Args:
        original: the model before the rewrite.
        rewritten: the model after it.
        names: names of feature maps in it, by those in the original, where the user gives them.
        input_size: the size that the original was made for, where its own is symbolic.
    """
    rewritten = with_channels_first(original, with_original_names(rewritten, names))
    pair = ModelPair(original, rewritten, input_size)
    check_named(pair, names.keys())
    return pair


@dataclass(frozen=True)
class _Larger:
    """Comparisons at larger sizes.

    Attributes:
        models: the models.
        generator: makes random inputs.
        meter: measures crops, if anything does.
    """

    models: ComparedHeads
    generator: np.random.Generator
    meter: CropMeter | None

    def compare(
        self, sizes: Sequence[Size], samples: Sequence[Sample]
    ) -> tuple[list[SizeResult], list[str]]:
        """Compare at some sizes, or at default ones, and on some images.

        Returns:
            What was seen, and what a user of the rewritten model should know.

        Raises:
            UsageError: the model cannot take a size.
            ValidationFailedError: the rewritten model does not run, or has maps of a wrong size.
        """
        _check_sizes(self.models, [*sizes, *(sample.size for sample in samples)])
        notes: list[str] = []
        try:
            if sizes:
                found = [self._compared(Sample(size)) for size in sizes]
            else:
                found, notes = self._at_default_sizes()
            found += [self._compared(sample) for sample in samples]
        except CannotTakeSizeError as error:
            raise ValidationFailedError(str(error)) from error
        settings = self.models.settings
        if any(result.sampled for result in found):
            notes.append(
                f"with --max-cells {settings.max_cells}, cells of larger maps were drawn with the"
                f" seed {settings.seed}: the others were not compared"
            )
        if self.models.trunk.is_whole:
            notes.append(_NOTHING_BAKED)
        maps = self.models.trunk_outputs
        if maps:
            notes.append(_maps_note(maps))
        return found, notes

    def _compared(self, sample: Sample) -> SizeResult:
        pair = self.models.pair
        if sample.image is not None and sample.size == pair.image.size:
            feeds = pair.feeds_with(sample.image, self.generator)
            return compare_identity(self.models, feeds, sample.source)
        answered = run_larger(self.models, sample, self.generator)
        result = compare_windows(self.models, answered, self.generator)
        if not all(result.comparisons):
            self.models.check_windows()
        if self.meter:
            self.meter.measure(answered)
        return result

    def _at_default_sizes(self) -> tuple[list[SizeResult], list[str]]:
        """Compare at two larger sizes, the second no multiple of the stride beyond the original.

        Returns:
            What was seen, and a note where the trunk takes only sizes in steps of its stride.
        """
        own, pitch = self.models.pair.image.size, self.models.pitch
        aligned, shifted, instead = larger_sizes(own, pitch, self.models.step)
        larger = [self._compared(Sample(aligned))]
        try:
            return [*larger, self._compared(Sample(shifted))], []
        except CannotTakeSizeError:
            note = (
                f"images of {size_text(shifted)} do not go through the trunk: take sizes that"
                f" differ from {size_text(own)} by multiples of {size_text(pitch)}"
            )
            return [*larger, self._compared(Sample(instead))], [note]


def _maps_note(names: Sequence[str]) -> str:
    """What is seen of outputs that are maps in the original already."""
    listed = ", ".join(f"'{name}'" for name in names)
    what = "is a map" if len(names) == 1 else "are maps"
    its = "its" if len(names) == 1 else "their"
    return (
        f"{listed} {what} in the original already: on larger images {its} size is compared, and"
        f" {its} values through the nodes that make them; cells are not compared with crops"
    )


def _check_sizes(models: ComparedHeads, sizes: Sequence[Size]) -> None:
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
        if models.map_sizes(size) is None:
            raise UsageError(
                f"the model cannot take an image of {size_text(size)}: it was made for"
                f" {size_text(own)} and takes images at least as large on every"
                " axis, where its trunk allows"
            )
