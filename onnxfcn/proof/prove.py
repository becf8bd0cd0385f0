"""The proof that fits: the passes that ran tell which, or two models of the user's do."""

from collections.abc import Sequence
from types import ModuleType

from passes import conv_to_gemm, dynamic_spatial_axes, inline_branches

from ..errors import UsageError
from ..files.stored_model import StoredModel
from ..option_checks import checked_window_step
from ..report import ValidationReport
from ..settings import Scope, Settings
from ..sizes import Size, size_text
from .equal_functions import extended, validate_equal
from .fixed_size import only_size, validate_fixed_size
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


def prove_given(
    original: StoredModel, rewritten: StoredModel, settings: Settings, scope: Scope
) -> ValidationReport:
    """Compare two models of which no passes are known; see ``onnxfcn.validate``.

    Where both take images of the same size only, as after passes that free no axes, they are
    compared at that size.
    """
    size = only_size(original, rewritten)
    if size is None:
        return run_validation(original, rewritten, settings, scope)
    _check_one_size(size, scope)
    return validate_fixed_size(original, rewritten, settings, scope)


def _check_one_size(size: Size, scope: Scope) -> None:
    """Refuse what has no meaning for models that take images of one size only.

    Raises:
        UsageError: it was asked for.
    """
    asked = {
        "sizes": any(each != size for each in scope.sizes),
        "window_step": set(checked_window_step(scope.window_step, len(size))) != {1},
        "feature_maps": bool(scope.feature_maps),
        "require_crops": scope.require_crops,
    }
    for option, means_more in asked.items():
        if means_more:
            raise UsageError(
                f"{option}: both models take images of {size_text(size)} only, and are compared at"
                " that size alone; dynamic_spatial_axes frees it"
            )
