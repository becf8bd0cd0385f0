"""Compare a model whose input size was not freed with its original (promise 1)."""

from ..files.graph_view import graph_view
from ..files.stored_model import StoredModel
from ..report import SizeResult, ValidationReport
from ..runtime.session import load_rewritten
from ..settings import Settings
from ..sizes import Size
from .cells import align_positions, compare_all, without_cells
from .head_windows import find_logits
from .identity import original_answers
from .image import image_inputs, random_feeds
from .interface import check_declared, check_interface
from .ties import find_ranked

SIZE_IS_FIXED = "the input size is the original's: dynamic_spatial_axes frees it"
"""What a report says where promise 1 is the only one."""


def validate_fixed_size(
    original: StoredModel,
    rewritten: StoredModel,
    settings: Settings,
    input_size: Size | None,
) -> ValidationReport:
    """Compare two models at the size that the original was made for.

    Args:
        original: the model before the rewrite.
        rewritten: the model after it; its outputs may have 1-sized axes more.
        settings: how validation is run.
        input_size: that size, where the original's own is symbolic.

    Raises:
        RefusedError: ONNX Runtime cannot load the rewritten model.
        UnusableModelError: ONNX Runtime cannot run the original.
        ValidationFailedError: the inputs or outputs are not the original's.
    """
    before, after = graph_view(original), graph_view(rewritten)
    check_interface(before, after)
    image = image_inputs(before, after, input_size)[0][0]
    outputs = [output.name for output in before.outputs]
    logits = find_logits(original.proto.graph.node, outputs, rewritten.proto)
    session = load_rewritten(rewritten, settings.provider, logits)
    feeds = random_feeds(before, image, image.size, image.batch, settings.generator())
    (expected,) = original_answers(original, logits, [feeds], settings)
    actual = session.run(feeds)
    check_declared({tensor.name: tensor.shape for tensor in after.outputs}, actual)
    arrays = {
        name: align_positions(name, values, without_cells(name, values, actual[name]), ())
        for name, values in expected.items()
    }
    ranked = find_ranked(original.proto.graph.node, arrays)
    comparisons = tuple(compare_all(arrays, logits, ranked, settings))
    identity = SizeResult(
        size=image.size,
        map_size=(1,) * len(image.size),
        comparisons=comparisons,
        against="original",
    )
    notes = (*settings.provider.notes, SIZE_IS_FIXED)
    return ValidationReport(windows={}, identity=identity, regions=(), sizes=(), notes=notes)
