"""The proof alone, for any two models."""

from collections.abc import Sequence
from os import PathLike

from passes import RefusalCode

from .errors import RefusedError, UnusableModelError
from .files.contradictory_models import blaming
from .files.model_io import ModelSource
from .geometry.program_source import size_and_layout
from .opening import open_model
from .option_checks import (
    check_comparison,
    check_list,
    checked_input_size,
    checked_sizes,
)
from .report import ValidationReport
from .settings import Progress, Scope, exact_settings, no_progress
from .sizes import Size


def validate(
    original: ModelSource,
    rewritten: ModelSource,
    *,
    sizes: Sequence[Size] = (),
    inputs: Sequence[str | PathLike[str]] = (),
    window_step: int | Sequence[int] = 1,
    feature_maps: Sequence[str] = (),
    input_size: Sequence[int] | None = None,
    require_crops: bool = False,
    provider: str = "cpu",
    rtol: float | None = None,
    atol: float = 0.0,
    max_cells: int | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> ValidationReport:
    """Compare a rewritten model with its original.

    Two models that take images of one size only, the same, are compared at that size alone.

    Args:
        original: the classifier.
        rewritten: its fully convolutional form, by this tool or another.
        sizes: image sizes to validate at beside the original one, in pixels an axis (height,
            width); by default two larger ones.
        inputs: paths of images to validate on in addition, of the original size or larger:
            ``.npy`` arrays, or image files; ``onnxfcn.proof.image_files`` says how pixels are fed.
        window_step: the windows that the map should take of the feature map, every so-many-th.
        feature_maps: names of the tensors where the trunk ends, needed only where the models have
            no other names in common; ``NAME=OTHER`` where the rewritten model has another name.
            What cannot be told of the trunk before them is no failure then, but not proven.
        input_size: the image size that an original with symbolic axes was made for; by default
            what its metadata tell, where a rewrite made it.
        require_crops: whether it is a failure that cells are not the original's answers on crops
            of the image, or that this cannot be measured; else it is a finding.
        provider: ``cpu``, ``cuda`` or the name of another execution provider of ONNX Runtime,
            with options such as ``cuda:device_id=1``.
        rtol: largest error relative to the output's scale; by default 1e-4, more for float16.
        atol: largest absolute error, in addition.
        max_cells: cells of a larger map that are compared with the head on their windows at most,
            its corners and others drawn with ``seed``; by default all.
        seed: seed of the random images, and of the cells that are drawn.
        progress: called with what is being done, the steps done and the steps in all.

    Returns:
        What was seen; false where a comparison failed.

    Raises:
        UsageError: an option or a path is wrong.
        UnusableModelError: a model is not valid, or ONNX Runtime cannot run it.
        ValidationFailedError: the models cannot be compared, do not run at a larger size, or a map
            has another size than the original's geometry gives.
    """
    # Only here: the other commands need not wait until ONNX Runtime and the proof are loaded.
    from .proof.prove import prove_given

    check_list("inputs", inputs)
    check_list("feature_maps", feature_maps)
    sizes = checked_sizes(sizes)
    input_size = checked_input_size(input_size)
    check_comparison(rtol, atol, seed, max_cells)
    settings = exact_settings(
        provider, rtol=rtol, atol=atol, seed=seed, max_cells=max_cells, progress=progress
    )
    models = open_model(original), open_model(rewritten)
    try:
        with blaming(*models):
            input_size, _ = size_and_layout(models[0], input_size)
            scope = Scope(
                sizes=sizes,
                inputs=inputs,
                window_step=window_step,
                feature_maps=feature_maps,
                input_size=input_size,
                crops=True,
                require_crops=require_crops,
            )
            return prove_given(*models, settings, scope)
    except RefusedError as error:
        for refusal in error.refusals:
            if refusal.code is RefusalCode.RUNTIME_LACKS:
                # What a rewrite would refuse to make was given here.
                raise UnusableModelError(f"the rewritten model: {refusal.found}") from error
        raise
