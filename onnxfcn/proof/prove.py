"""The proof that fits the passes that ran."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

from onnx import ModelProto

from passes import conv_to_gemm, dynamic_spatial_axes

from ..files.document import Document
from ..files.stored_model import StoredModel
from ..pipeline import run_passes
from ..report import ValidationReport
from ..settings import Settings
from ..sizes import Size
from .equal_functions import extended, validate_equal
from .fixed_size import validate_fixed_size
from .validation import run_validation


def prove(
    original: StoredModel,
    rewritten: StoredModel,
    chosen: Sequence[ModuleType],
    options: Mapping[str, Any],
    settings: Settings,
    sizes: Sequence[Size],
) -> ValidationReport:
    """Hold a rewritten model to what its passes promise.

    Behind other passes, ``conv_to_gemm`` changes no answer: the model without it is proven, and
    then that the two answer the same.

    Args:
        original: the model before the passes.
        rewritten: the model after them.
        chosen: the passes.
        options: their options.
        settings: how validation is run.
        sizes: image sizes beside the original one, where the user asks for some.

    Raises:
        OnnxfcnError: as ``onnxfcn.rewrite`` has it.
    """
    input_size = options["input_size"]
    others = [module for module in chosen if module is not conv_to_gemm]
    if not others:
        return validate_equal(original, rewritten, settings, input_size)
    complete = len(others) == len(chosen)
    plain = rewritten if complete else _after_passes(original, others, options)
    if dynamic_spatial_axes in chosen:
        report = run_validation(
            original,
            plain,
            settings,
            sizes=sizes,
            window_step=options["window_step"],
            input_size=input_size,
        )
    else:
        report = validate_fixed_size(original, plain, settings, input_size)
    if complete or not report.passed:
        return report
    return extended(report, plain, rewritten, settings, input_size)


def _after_passes(
    original: StoredModel, chosen: Sequence[ModuleType], options: Mapping[str, Any]
) -> StoredModel:
    """A model after some passes, its weights where the original's are.

    Raises:
        OnnxfcnError: as ``run_passes`` has it.
    """
    copy = ModelProto()
    copy.CopyFrom(original.proto)
    document = Document(replace(original, proto=copy))
    run_passes(document.graph, chosen, options)
    document.commit()
    return document.stored
