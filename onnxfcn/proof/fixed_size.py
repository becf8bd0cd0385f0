"""Compare a model whose input size was not freed with its original (promise 1)."""

from collections.abc import Sequence
from os import PathLike

from ..errors import UsageError
from ..files.graph_view import graph_view
from ..files.stored_model import StoredModel
from ..geometry.program_source import layout_in_metadata
from ..report import SizeResult, ValidationReport
from ..runtime.session import load_rewritten
from ..settings import Settings
from ..sizes import Size, size_text
from .cells import align_positions, compare_all, without_cells
from .head_windows import find_logits
from .identity import original_answers
from .image import ImageInput, image_inputs, random_feeds
from .image_files import read_sample
from .interface import check_declared, check_interface
from .samples import Sample
from .ties import find_ranked

SIZE_IS_FIXED = "the input size is the original's: dynamic_spatial_axes frees it"
"""What a report says where promise 1 is the only one."""


def only_size(original: StoredModel, rewritten: StoredModel) -> Size | None:
    """The size of the images that two models take where that is the only one, else ``None``.

    Raises:
        ValidationFailedError: the inputs or outputs are not the original's.
    """
    for value in rewritten.proto.graph.input:
        # All but a first axis, which may be a batch.
        if not all(dim.HasField("dim_value") for dim in value.type.tensor_type.shape.dim[1:]):
            return None
    before, after = graph_view(original), graph_view(rewritten)
    check_interface(before, after)
    layout = layout_in_metadata(rewritten) or layout_in_metadata(original)
    images = image_inputs(before, after, None, layout)
    free = any(is_free for _, is_free in images)
    return None if free or not images else images[0][0].size


def validate_fixed_size(
    original: StoredModel,
    rewritten: StoredModel,
    settings: Settings,
    input_size: Size | None,
    inputs: Sequence[str | PathLike[str]] = (),
) -> ValidationReport:
    """Compare two models at the size that the original was made for.

    Args:
        original: the model before the rewrite.
        rewritten: the model after it; its outputs may have 1-sized axes more.
        settings: how validation is run.
        input_size: that size, where the original's own is symbolic.
        inputs: paths of images of that size to compare on beside a random one.

    Raises:
        RefusedError: ONNX Runtime cannot load the rewritten model.
        UnusableModelError: ONNX Runtime cannot run the original.
        UsageError: an image cannot be read, or has another size.
        ValidationFailedError: the inputs or outputs are not the original's.
    """
    before, after = graph_view(original), graph_view(rewritten)
    check_interface(before, after)
    layout = layout_in_metadata(rewritten) or layout_in_metadata(original)
    image = image_inputs(before, after, input_size, layout)[0][0]
    samples = [Sample(image.size), *(_sample(path, image) for path in inputs)]
    outputs = [output.name for output in before.outputs]
    logits = find_logits(original.proto.graph.node, outputs, rewritten.proto)
    session = load_rewritten(rewritten, settings.provider, logits)
    generator = settings.generator()
    feeds = [random_feeds(before, image, image.size, image.batch, generator) for _ in samples]
    for sample, each in zip(samples, feeds, strict=True):
        each |= {} if sample.image is None else {image.name: sample.image}
    ranked = find_ranked(original.proto.graph.node, (*outputs, *logits))
    found = []
    answers = original_answers(original, logits, feeds, settings)
    for sample, each, expected in zip(samples, feeds, answers, strict=True):
        actual = session.run(each)
        check_declared({tensor.name: tensor.shape for tensor in after.outputs}, actual)
        arrays = {
            name: align_positions(name, values, without_cells(name, values, actual[name]), ())
            for name, values in expected.items()
        }
        result = SizeResult(
            size=image.size,
            map_size=(1,) * len(image.size),
            comparisons=tuple(compare_all(arrays, logits, ranked, settings)),
            source=sample.source,
            against="original",
        )
        found.append(result)
    identity, *others = found
    notes = (*settings.provider.notes, SIZE_IS_FIXED)
    return ValidationReport(
        windows={}, identity=identity, regions=(), sizes=tuple(others), notes=notes
    )


def _sample(path: str | PathLike[str], image: ImageInput) -> Sample:
    """An image of the only size that there is."""
    sample = read_sample(path, image)
    if sample.size != image.size:
        raise UsageError(
            f"{path} has {size_text(sample.size)} pixels; the models take {size_text(image.size)}"
        )
    return sample
