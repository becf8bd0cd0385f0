"""How fast a fully convolutional model is beside its original.

At the original size both answer for the same images. On a larger image, one pass of the
fully convolutional model stands against a run of the original on the crop of every cell, unless
the original's answer on a crop is a map itself. Runs take turns, and ratios are medians of the
ratios of the rounds.
"""

from collections.abc import Sequence

from .costs import default_sizes
from .files.contradictory_models import blaming
from .files.model_io import ModelSource
from .geometry.program_source import size_and_layout
from .opening import open_model
from .option_checks import checked_batches, checked_input_size, checked_sizes
from .settings import Progress, Settings, no_progress
from .sizes import Size
from .speed_report import SpeedReport

_BATCHES = (1, 8)


def bench(
    original: ModelSource,
    rewritten: ModelSource,
    *,
    sizes: Sequence[Size] = (),
    batches: Sequence[int] = (),
    input_size: Sequence[int] | None = None,
    provider: str = "cpu",
    progress: Progress = no_progress,
) -> SpeedReport:
    """Time a fully convolutional model beside its original. What they answer is not compared.

    Args:
        original: the classifier.
        rewritten: its fully convolutional form.
        sizes: sizes of larger images, in pixels an axis; by default one of about twice the
            original extents.
        batches: numbers of images of the original size; by default 1 and 8, or the only one that
            the original takes.
        input_size: the image size that an original with symbolic axes was made for; by default
            what its metadata tell, where a rewrite made it.
        provider: ``cpu``, ``cuda`` or the name of another execution provider of ONNX Runtime,
            with options such as ``cuda:device_id=1``.
        progress: called with what is being done, the steps done and the steps in all.

    Raises:
        UsageError: an option or a path is wrong.
        SizeNotAcceptedError: the rewritten model takes no images of a size.
        UnusableModelError: a model is not valid, or ONNX Runtime cannot run it.
        ValidationFailedError: the second model is not the first with free spatial axes.
        GeometryUnknownError: it cannot be told which crop a cell stands for.
        RefusedError: what an input or a tensor is cannot be told; names the node.
    """
    # Only here: the other commands need not wait until ONNX Runtime and the proof are loaded.
    from .proof.model_pair import ModelPair
    from .runtime.providers import parse_provider
    from .stopwatch import Stopwatch

    sizes = checked_sizes(sizes)
    batches, input_size = checked_batches(batches), checked_input_size(input_size)
    settings = Settings(provider=parse_provider(provider), progress=progress)
    first, second = open_model(original), open_model(rewritten)
    with blaming(first, second):
        pair = ModelPair(first, second, size_and_layout(first, input_size)[0])
        models = Stopwatch(pair, settings)
        counts = batches or ([pair.image.samples] if pair.image.samples else _BATCHES)
        models.check(counts)
        limits = {}
        if not models.geometry.answers_maps:
            limits = models.limits(sizes or [default_sizes(models.geometry)[1]])
        return SpeedReport(
            provider=str(settings.provider),
            output=models.geometry.output,
            batches=tuple(models.time_batch(batch) for batch in counts),
            sizes=tuple(models.time_crops(size, limit) for size, limit in limits.items()),
        )
