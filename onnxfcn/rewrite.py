"""The whole job: load, rewrite, check, validate, save."""

import time
from collections.abc import Sequence
from os import PathLike
from types import ModuleType
from typing import Literal, get_args

from onnx import ModelProto

from passes import dynamic_spatial_axes
from passes.images import Image, find_images

from .errors import UsageError, ValidationFailedError
from .files.contradictory_models import blaming
from .files.graph_view import graph_view
from .files.model_io import ModelSource, check_runs_from_memory, in_memory
from .files.staged_output import ExternalData, StagedOutput
from .geometry.program_source import size_and_layout
from .opening import open_model
from .option_checks import (
    check_comparison,
    check_list,
    check_no_proof,
    check_word,
    checked_input_size,
    checked_sizes,
    checked_window_step,
)
from .pipeline import chosen_passes, passes_for_head
from .report import RewriteReport
from .rewritten_model import after_passes
from .settings import Progress, Scope, exact_settings, no_progress
from .sizes import Size, size_text


def rewrite(
    model: ModelSource,
    output: str | PathLike[str] | None = None,
    *,
    passes: Sequence[str] | None = None,
    sizes: Sequence[Size] = (),
    window_step: int | Sequence[int] = 1,
    batch: Literal["keep", "free"] = "keep",
    global_pool: Literal["slide", "keep"] = "slide",
    output_layout: Literal["input", "nchw", "nhwc"] = "input",
    head: Literal["conv", "matmul"] = "conv",
    convolutions: str = "all",
    input_size: Sequence[int] | None = None,
    input_layout: str | None = None,
    provider: str = "cpu",
    rtol: float | None = None,
    atol: float = 0.0,
    max_cells: int | None = None,
    seed: int = 0,
    validate: bool = True,
    external_data: ExternalData = "auto",
    progress: Progress = no_progress,
) -> RewriteReport:
    """Turn a classifier into a fully convolutional network, and prove it.

    Args:
        model: the classifier; never changed.
        output: where to write the result; ``None`` keeps it in memory (``report.model``).
        passes: names of the passes to run, in order; by default ``inline_branches``,
            ``flatten_gemm_to_conv`` and ``dynamic_spatial_axes``. Options of passes that do not
            run are refused.
        sizes: image sizes to validate at beside the original one, in pixels an axis (height,
            width); by default two larger ones.
        window_step: the map takes every so-many-th window of the feature map, one number or an
            axis each.
        batch: ``keep`` leaves the batch axis as it is, ``free`` makes it symbolic.
        global_pool: ``slide`` turns a pool over the whole map into one over a window of the
            original extent, ``keep`` leaves it whole: its head answers once an image.
        output_layout: where the outputs' maps have their features: behind the batch (``nchw``),
            last (``nhwc``), or (``input``) where the original output has 1-sized axes for them,
            else where the image has its channels.
        head: the form of the lifted dense layers: ``conv``, or ``matmul`` for the pass
            ``conv_to_gemm`` on them, which is faster on batches of images of the original size.
        convolutions: those that ``conv_to_gemm`` rewrites: ``all``, ``heads``, or names with
            wildcards, such as ``conv1*,fc?``.
        input_size: the image size that a model with symbolic axes was made for; by default what
            the metadata of a rewritten model tell.
        input_layout: one letter an axis, such as ``nchw`` or ``nhw``, for an image that reaches no
            convolution or pool; likewise.
        provider: ``cpu``, ``cuda`` or the name of another execution provider of ONNX Runtime,
            with options such as ``cuda:device_id=1``.
        rtol: largest error relative to the output's scale; by default 1e-4, more for float16.
        atol: largest absolute error, in addition.
        max_cells: cells of a larger map that are compared with the head on their windows at most,
            its corners and others drawn with ``seed``; by default all.
        seed: seed of the random images, and of the cells to compare.
        validate: whether to run the proof; without it the result is checked, not run, and options
            of the proof are refused.
        external_data: whether weights of 64 KiB or more are written into a data file beside
            ``output``: ``always``, ``never``, or (``auto``) where the input has one and where they
            outgrow one file.
        progress: called with what is being done, the steps done and the steps in all.

    Returns:
        What was changed and what was seen. Where it is returned, the result was complete, valid
        and, unless switched off, confirmed by ONNX Runtime.

    Raises:
        UsageError: an option or a path is wrong, or a place cannot be read from or written to.
        NothingToRewriteError: no dense layer and no whole-map pool reads a feature map, or
            another pass found nothing to do.
        UnusableModelError: the model is not valid, or ONNX Runtime cannot run it.
        RefusedError: the rewrite would not be complete or correct; names the node.
        ValidationFailedError: the result's answers are not the original's.
    """
    started = time.perf_counter()
    check_list("passes", passes)
    sizes = checked_sizes(sizes)
    input_size = checked_input_size(input_size)
    check_comparison(rtol, atol, seed, max_cells)
    if not validate:
        check_no_proof(
            sizes=sizes, provider=provider, rtol=rtol, atol=atol, max_cells=max_cells, seed=seed
        )
    check_word("external_data", external_data, get_args(ExternalData))
    passes, convolutions = passes_for_head(passes, head, convolutions)
    options = {
        "batch": batch,
        "window_step": window_step,
        "global_pool": global_pool,
        "output_layout": output_layout,
        "convolutions": convolutions,
        "input_size": input_size,
        "input_layout": input_layout,
    }
    chosen = chosen_passes(passes, options)
    _check_larger_sizes(sizes, chosen)
    settings = None
    if validate:
        settings = exact_settings(
            provider, rtol=rtol, atol=atol, seed=seed, max_cells=max_cells, progress=progress
        )
    original = open_model(model)
    if validate:
        check_runs_from_memory(original.proto)
    output_stage = StagedOutput(
        output,
        source=original,
        source_path=None if isinstance(model, ModelProto) else model,
        external_data=external_data,
    )
    with blaming(original), output_stage as staged:
        input_size, input_layout = size_and_layout(original, input_size, input_layout)
        options |= {"input_size": input_size, "input_layout": input_layout}
        images = find_images(graph_view(original), input_size, input_layout)
        made = after_passes(original, chosen, options, images)
        step = checked_window_step(window_step, _spatial_rank(images))
        rewritten = staged.write(made.model)
        seconds = {"rewrite": time.perf_counter() - started}
        validation = None
        if settings is not None:
            # Only here: loading ONNX Runtime takes a good part of a rewrite that does without.
            from .proof.prove import prove

            plain = made.plain or rewritten
            scope = Scope(sizes=sizes, window_step=window_step, input_size=input_size)
            validation = prove(original, plain, rewritten, chosen, settings, scope)
            seconds["validation"] = time.perf_counter() - started - seconds["rewrite"]
        report = RewriteReport(
            source="" if isinstance(model, ModelProto) else str(model),
            output="" if output is None else str(output),
            passes=tuple(module.NAME for module in chosen),
            window_step=step,
            rewrites=made.rewrites,
            outputs=made.outputs,
            validation=validation,
            seconds=seconds,
            data_file=staged.data_file,
            outgrown=staged.outgrown,
            left_behind=staged.left_behind(),
            kept=in_memory(rewritten) if output is None else None,
        )
        if validation is not None and not validation.passed:
            raise ValidationFailedError(f"{validation.failure}; nothing was written", report)
        staged.publish()
    return report


def _check_larger_sizes(sizes: Sequence[Size], chosen: Sequence[ModuleType]) -> None:
    """Refuse sizes to validate at where no pass frees that of the image.

    Raises:
        UsageError: there are some.
    """
    if sizes and dynamic_spatial_axes not in chosen:
        raise UsageError(
            f"sizes: without the pass {dynamic_spatial_axes.NAME} the image keeps its size, and"
            f" there is none of {size_text(sizes[0])} to validate at"
        )


def _spatial_rank(images: Sequence[Image]) -> int:
    return max((len(image.spatial_axes) for image in images), default=0)
