"""What the passes make of a model, and what the cells of the result mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from passes import Rewrite, conv_to_gemm, dynamic_spatial_axes, flatten_gemm_to_conv
from passes.images import Image

from .errors import NothingToRewriteError, RefusedError, ValidationFailedError
from .files.document import Document
from .files.onnx_checker import check
from .files.stored_model import StoredModel
from .meaning import OutputMeaning, find_meanings_if_small
from .pipeline import run_passes
from .report import windows_of
from .result_metadata import is_result, windows_in_metadata, write_meanings

_DONE = "the model was rewritten already: its heads slide, there is nothing to rewrite"


@dataclass(frozen=True)
class RewrittenModel:
    """What the passes made of a model.

    Attributes:
        model: the result, with what its cells mean in its metadata.
        plain: the model before ``conv_to_gemm``, which changes no answer; ``None`` where that did
            not run.
        rewrites: what was changed, in graph order for each pass.
        outputs: what the cells of the outputs mean; none where the image keeps its size.
    """

    model: StoredModel
    plain: StoredModel | None
    rewrites: tuple[Rewrite, ...]
    outputs: tuple[OutputMeaning, ...]


def after_passes(
    original: StoredModel,
    chosen: Sequence[ModuleType],
    options: Mapping[str, Any],
    images: Sequence[Image],
) -> RewrittenModel:
    """Run passes on a copy of a model.

    Args:
        original: the model.
        chosen: the passes; ``conv_to_gemm`` last, if it is one of them.
        options: their options.
        images: the model's images.

    Raises:
        RefusedError: a pass refused, or the maps that meet in a head lie differently.
        NothingToRewriteError: there is nothing to do, or it was done by another rewrite.
        ValidationFailedError: the checker rejects the result.
    """
    plain, rewrites, outputs = original, tuple[Rewrite, ...](), tuple[OutputMeaning, ...]()
    others = [module for module in chosen if module is not conv_to_gemm]
    if others:
        plain, rewrites = _after(original, others, options, images)
    if dynamic_spatial_axes in chosen:
        # Told before conv_to_gemm runs, which makes many nodes and changes no answer.
        outputs = find_meanings_if_small(plain, images[0])
        torn = [found.refusal for found in outputs if found.refusal]
        if torn and flatten_gemm_to_conv in chosen:
            raise RefusedError(torn)
        write_meanings(plain.proto, outputs, windows_of(rewrites))
    model = plain
    if conv_to_gemm in chosen:
        model, products = _after(plain, [conv_to_gemm], options, images)
        rewrites += products
    _check_result(original, model)
    return RewrittenModel(model, None if model is plain else plain, rewrites, outputs)


def _after(
    model: StoredModel,
    chosen: Sequence[ModuleType],
    options: Mapping[str, Any],
    images: Sequence[Image],
) -> tuple[StoredModel, tuple[Rewrite, ...]]:
    """A model after some passes, and what they changed; the model itself stays as it is.

    Raises:
        RefusedError: a pass refused.
        NothingToRewriteError: there is nothing to do, or it was done by another rewrite.
    """
    document, told = Document(model.copy()), model.metadata
    is_done = any(is_result(image, told) for image in images) and bool(windows_in_metadata(told))
    if is_done and flatten_gemm_to_conv in chosen and options["batch"] == "keep":
        # At the size that its metadata tell, pools of windows look like pools of whole maps.
        raise NothingToRewriteError(_DONE)
    try:
        rewrites = run_passes(document.graph, chosen, options)
    except NothingToRewriteError as error:
        if not is_done or conv_to_gemm in chosen:
            raise
        raise NothingToRewriteError(_DONE) from error
    except RefusedError as error:
        # Matrix products in place of convolutions are no form that the passes take.
        if not is_done or conv_to_gemm in chosen or options["batch"] == "free":
            raise
        raise NothingToRewriteError(f"{_DONE} (again: {error.refusals[0]})") from error
    document.commit()
    return document.stored, rewrites


def _check_result(original: StoredModel, result: StoredModel) -> None:
    complaint = check(result, infer_shapes=True)
    if complaint and check(original, infer_shapes=True):
        # A model whose declared shapes were wrong from the start is not ours to mend.
        complaint = check(result, infer_shapes=False)
    if complaint:
        raise ValidationFailedError(f"the checker rejects the rewritten model: {complaint}")
