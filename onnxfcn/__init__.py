"""Turn ONNX classifiers into fully convolutional networks, and prove it with ONNX Runtime."""

from .errors import (
    NothingToRewriteError,
    OnnxfcnError,
    RefusedError,
    UnusableModelError,
    UsageError,
    ValidationFailedError,
)
from .report import RegionResult, RewriteReport, SizeResult, ValidationReport
from .rewrite import rewrite, validate

__all__ = [
    "NothingToRewriteError",
    "OnnxfcnError",
    "RefusedError",
    "RegionResult",
    "RewriteReport",
    "SizeResult",
    "UnusableModelError",
    "UsageError",
    "ValidationFailedError",
    "ValidationReport",
    "rewrite",
    "validate",
]
