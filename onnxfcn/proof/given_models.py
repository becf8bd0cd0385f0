"""The proof that fits two models of the user's, of which no passes are known."""

from collections.abc import Sequence
from os import PathLike

from ..errors import UsageError
from ..files.stored_model import StoredModel
from ..option_checks import checked_window_step
from ..report import ValidationReport
from ..settings import Settings
from ..sizes import Size, size_text
from .fixed_size import only_size, validate_fixed_size
from .validation import run_validation


def validate_given(
    original: StoredModel,
    rewritten: StoredModel,
    settings: Settings,
    *,
    sizes: Sequence[Size],
    inputs: Sequence[str | PathLike[str]],
    window_step: int | Sequence[int],
    feature_maps: Sequence[str],
    input_size: Size | None,
    require_crops: bool,
) -> ValidationReport:
    """Compare two models; see ``onnxfcn.validate``.

    Where both take images of the same size only, as after passes that free no axes, they are
    compared at that size.
    """
    size = only_size(original, rewritten)
    if size is None:
        return run_validation(
            original,
            rewritten,
            settings,
            sizes=sizes,
            inputs=inputs,
            window_step=window_step,
            feature_maps=feature_maps,
            input_size=input_size,
            crops=True,
            require_crops=require_crops,
        )
    given = {
        "sizes": any(each != size for each in sizes),
        "window_step": set(checked_window_step(window_step, len(size))) != {1},
        "feature_maps": bool(feature_maps),
        "require_crops": require_crops,
    }
    for option, means_more in given.items():
        if means_more:
            raise UsageError(
                f"{option}: both models take images of {size_text(size)} only, and are compared at"
                " that size alone; dynamic_spatial_axes frees it"
            )
    return validate_fixed_size(original, rewritten, settings, input_size, inputs)
