"""Compare a model whose input size was not freed with its original (promise 1)."""

from collections.abc import Mapping, Sequence
from os import PathLike

import numpy as np

from ..errors import UsageError
from ..files.graph_view import graph_view
from ..files.stored_model import StoredModel
from ..report import SizeResult, ValidationReport
from ..runtime.session import load_rewritten
from ..settings import Scope, Settings
from ..sizes import Size, size_text
from .cells import align_positions, compare_all, without_cells
from .identity import original_answers
from .image import ImageInput, image_inputs, random_feeds, told_layout
from .image_files import read_sample
from .interface import check_declared, check_interface
from .logits import find_logits
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
    images = image_inputs(before, after, None, told_layout(original, rewritten))
    free = any(is_free for _, is_free in images)
    return None if free or not images else images[0][0].size


def validate_fixed_size(
    original: StoredModel, rewritten: StoredModel, settings: Settings, scope: Scope
) -> ValidationReport:
    """Compare two models at the size that the original was made for.

    Args:
        original: the model before the rewrite.
        rewritten: the model after it; its outputs may have 1-sized axes more.
        settings: how validation is run.
        scope: tells that size, where the original's own is symbolic, and images of the user's to
            compare on beside a random one.

    Raises:
        RefusedError: ONNX Runtime cannot load the rewritten model.
        UnusableModelError: ONNX Runtime cannot run the original.
        UsageError: an image cannot be read, or has another size.
        ValidationFailedError: the inputs or outputs are not the original's.
    """
    models = _FixedPair(original, rewritten, settings, scope.input_size)
    samples = [_sample(path, models.image) for path in scope.inputs]
    identity, *others = models.compared([Sample(models.image.size), *samples])
    notes = (*settings.provider.notes, SIZE_IS_FIXED)
    return ValidationReport(
        windows={}, identity=identity, regions=(), sizes=tuple(others), notes=notes
    )


class _FixedPair:
    """Two models that are compared at one size.

    Attributes:
        image: their image.
    """

    def __init__(
        self,
        original: StoredModel,
        rewritten: StoredModel,
        settings: Settings,
        input_size: Size | None,
    ) -> None:
        """Find the image.

        Args:
            original: the model before the rewrite.
            rewritten: the model after it.
            settings: how validation is run.
            input_size: that size, where the original's own is symbolic.

        Raises:
            ValidationFailedError: the inputs or outputs are not the original's.
        """
        self._original, self._rewritten, self._settings = original, rewritten, settings
        self._graph, after = graph_view(original), graph_view(rewritten)
        check_interface(self._graph, after)
        told = told_layout(original, rewritten)
        self.image = image_inputs(self._graph, after, input_size, told)[0][0]
        nodes, outputs = original.proto.graph.node, [each.name for each in self._graph.outputs]
        self._logits = find_logits(nodes, outputs, rewritten.proto)
        self._ranked = find_ranked(nodes, (*outputs, *self._logits))
        self._declared = {each.name: each.shape for each in after.outputs}

    def compared(self, samples: Sequence[Sample]) -> list[SizeResult]:
        """Compare all outputs, and the logits behind those that saturate, on some images.

        Raises:
            RefusedError: ONNX Runtime cannot load the rewritten model.
            UnusableModelError: ONNX Runtime cannot run the original.
            ValidationFailedError: an output has another shape than it should.
        """
        session = load_rewritten(self._rewritten, self._settings.provider, self._logits)
        generator = self._settings.generator()
        feeds = [self._feeds(sample, generator) for sample in samples]
        answers = original_answers(self._original, self._logits, feeds, self._settings)
        return [
            self._result(sample, expected, session.run(each))
            for sample, each, expected in zip(samples, feeds, answers, strict=True)
        ]

    def _feeds(self, sample: Sample, generator: np.random.Generator) -> dict[str, np.ndarray]:
        image = self.image
        feeds = random_feeds(self._graph, image, image.size, image.batch, generator)
        return feeds if sample.image is None else {**feeds, image.name: sample.image}

    def _result(
        self, sample: Sample, expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray]
    ) -> SizeResult:
        check_declared(self._declared, actual)
        arrays = {
            name: align_positions(name, values, without_cells(name, values, actual[name]), ())
            for name, values in expected.items()
        }
        size = self.image.size
        return SizeResult(
            size=size,
            map_size=(1,) * len(size),
            comparisons=tuple(compare_all(arrays, self._logits, self._ranked, self._settings)),
            source=sample.source,
            against="original",
        )


def _sample(path: str | PathLike[str], image: ImageInput) -> Sample:
    """An image of the only size that there is."""
    sample = read_sample(path, image)
    if sample.size != image.size:
        raise UsageError(
            f"{path} has {size_text(sample.size)} pixels; the models take {size_text(image.size)}"
        )
    return sample
