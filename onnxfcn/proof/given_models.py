"""The proof that fits two models of the user's, of which no passes are known."""

from ..errors import UsageError
from ..files.stored_model import StoredModel
from ..option_checks import checked_window_step
from ..report import ValidationReport
from ..settings import Scope, Settings
from ..sizes import Size, size_text
from .fixed_size import only_size, validate_fixed_size
from .validation import run_validation


def validate_given(
    original: StoredModel, rewritten: StoredModel, settings: Settings, scope: Scope
) -> ValidationReport:
    """Compare two models; see ``onnxfcn.validate``.

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
