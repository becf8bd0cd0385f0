"""The proof that fits the passes that ran."""

from collections.abc import Sequence
from types import ModuleType

from passes import conv_to_gemm, dynamic_spatial_axes, inline_branches

from ..files.stored_model import StoredModel
from ..report import ValidationReport
from ..settings import Scope, Settings
from .equal_functions import extended, validate_equal
from .fixed_size import validate_fixed_size
from .validation import run_validation


def prove(
    original: StoredModel,
    plain: StoredModel,
    rewritten: StoredModel,
    chosen: Sequence[ModuleType],
    settings: Settings,
    scope: Scope,
) -> ValidationReport:
    """Hold a rewritten model to what its passes promise.

    Behind other passes, ``conv_to_gemm`` changes no answer: the model without it is proven, and
    then that the two answer the same.

    Args:
        original: the model before the passes.
        plain: the model after all of them but ``conv_to_gemm``.
        rewritten: the model after all of them; ``plain`` itself where that one did not run.
        chosen: the passes.
        settings: how validation is run.
        scope: what it looks at.

    Raises:
        OnnxfcnError: as ``onnxfcn.rewrite`` has it.
    """
    if all(module in (conv_to_gemm, inline_branches) for module in chosen):
        return validate_equal(original, rewritten, settings, scope.input_size)
    if dynamic_spatial_axes in chosen:
        report = run_validation(original, plain, settings, scope)
    else:
        report = validate_fixed_size(original, plain, settings, scope)
    if plain is rewritten or not report.passed:
        return report
    return extended(report, plain, rewritten, settings, scope.input_size)
