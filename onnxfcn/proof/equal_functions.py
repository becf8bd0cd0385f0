"""Prove that two models are the same function, at several image sizes.

A pass that writes the same computation in other operators changes no answer at any size, so its
result is compared with the model that it would be without the pass.
"""

from dataclasses import replace

import numpy as np

from ..comparison import Comparison
from ..errors import UnusableModelError, UsageError, ValidationFailedError
from ..files.graph_view import graph_view
from ..files.stored_model import StoredModel
from ..report import Against, SizeResult, ValidationReport
from ..runtime.session import Session, load_rewritten
from ..settings import Settings
from ..sizes import Size, larger_sizes
from .compare import compare
from .fixed_size import SIZE_IS_FIXED
from .image import ImageInput, image_inputs, random_feeds
from .interface import check_declared, check_interface
from .logits import find_logits

_PITCH = 32
"""Pixels by which larger images differ: the stride of most networks."""


class EqualFunctions:
    """Two models that should answer alike.

    Attributes:
        image: the image of the reference.
        any_size: whether its spatial axes are symbolic.
    """

    def __init__(
        self,
        reference: StoredModel,
        rewritten: StoredModel,
        settings: Settings,
        input_size: Size | None,
    ) -> None:
        """Load both models.

        Args:
            reference: the model without the pass.
            rewritten: the model with it.
            settings: how validation is run.
            input_size: the size that the model was made for, where its own is symbolic.

        Raises:
            RefusedError: ONNX Runtime cannot load the rewritten model.
            UnusableModelError: ONNX Runtime cannot load the reference.
            UsageError: the size that the model was made for is not known, or there is no image.
            ValidationFailedError: the inputs or outputs of the two differ.
        """
        self._graph, after = graph_view(reference), graph_view(rewritten)
        check_interface(self._graph, after)
        images = image_inputs(self._graph, self._graph, input_size)
        if not images:
            raise UsageError(
                "no input has spatial axes that can be determined: there is nothing to validate"
                " with; --no-validate checks the result, but does not run it"
            )
        self.image: ImageInput = images[0][0]
        self.any_size = images[0][1]
        self._settings, self._generator = settings, settings.generator()
        outputs = [output.name for output in self._graph.outputs]
        self._stands_for = find_logits(reference.proto.graph.node, outputs, rewritten.proto)
        self._declared = {tensor.name: tensor.shape for tensor in after.outputs}
        self._reference = Session(reference, settings.provider, self._stands_for)
        self._rewritten = load_rewritten(rewritten, settings.provider, self._stands_for)

    def at(self, size: Size, against: Against) -> SizeResult:
        """Compare all outputs, and the logits behind those that saturate, at an image size.

        Args:
            size: the size.
            against: what the reference is.

        Raises:
            UnusableModelError: the reference does not run at this size.
            ValidationFailedError: the rewritten model does not, or its outputs have other shapes.
        """
        feeds = random_feeds(self._graph, self.image, size, self.image.batch, self._generator)
        expected = self._reference.run(feeds)
        try:
            actual = self._rewritten.run(feeds)
        except UnusableModelError as error:
            raise ValidationFailedError(f"the rewritten model does not run: {error}") from error
        check_declared(self._declared, actual)
        comparisons = [self._compared(name, expected[name], actual[name]) for name in expected]
        rank = len(size)
        maps = [values.shape[-rank:] for values in actual.values() if values.ndim > rank + 1]
        return SizeResult(
            size=size,
            map_size=maps[0] if maps else (1,) * rank,
            comparisons=tuple(comparisons),
            against=against,
        )

    def _compared(self, name: str, expected: np.ndarray, actual: np.ndarray) -> Comparison:
        if expected.shape != actual.shape:
            raise ValidationFailedError(
                f"'{name}' has shape {list(actual.shape)}, without the pass {list(expected.shape)}"
            )
        rtol, atol = self._settings.rtol, self._settings.atol
        cells = max(expected.ndim - 2, 0)
        found = compare(name, expected, actual, spatial_rank=cells, rtol=rtol, atol=atol)
        return replace(found, stands_for=self._stands_for.get(name, name))


def validate_equal(
    reference: StoredModel,
    rewritten: StoredModel,
    settings: Settings,
    input_size: Size | None,
) -> ValidationReport:
    """Compare a model with its original, at the original size and, where it takes them, others.

    Args:
        reference: the original.
        rewritten: the model with the pass that writes it in other operators.
        settings: how validation is run.
        input_size: the size that the original was made for, where its own is symbolic.

    Raises:
        OnnxfcnError: as ``EqualFunctions`` and its ``at`` have it.
    """
    models = EqualFunctions(reference, rewritten, settings, input_size)
    own = models.image.size
    identity = models.at(own, "original")
    larger = _larger(models, own) if models.any_size else ()
    notes = (*settings.provider.notes, *(() if models.any_size else (SIZE_IS_FIXED,)))
    return ValidationReport(windows={}, identity=identity, regions=(), sizes=larger, notes=notes)


def _larger(models: EqualFunctions, own: Size) -> tuple[SizeResult, ...]:
    """Compare at two larger sizes, the second no multiple of the pitch where the model takes it."""
    aligned, shifted, instead = larger_sizes(own, (_PITCH,) * len(own), (1,) * len(own))
    try:
        second = models.at(shifted, "original")
    except UnusableModelError:
        second = models.at(instead, "original")
    return models.at(aligned, "original"), second


def extended(
    report: ValidationReport,
    reference: StoredModel,
    rewritten: StoredModel,
    settings: Settings,
    input_size: Size | None,
) -> ValidationReport:
    """A validation of a model, and a comparison of its other form with it at the same sizes.

    Args:
        report: what was seen of ``reference``.
        reference: the model without the pass that writes it in other operators.
        rewritten: the model with it.
        settings: how validation is run.
        input_size: the size that the model was made for, where its own is symbolic.

    Raises:
        OnnxfcnError: as ``EqualFunctions`` and its ``at`` have it.
    """
    models = EqualFunctions(reference, rewritten, settings, input_size or report.identity.size)
    sizes = dict.fromkeys(result.size for result in (report.identity, *report.sizes))
    found = tuple(models.at(size, "convolutions") for size in sizes)
    return replace(report, sizes=(*report.sizes, *found))
