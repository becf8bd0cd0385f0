"""Turn ONNX classifiers into fully convolutional networks, and prove it with ONNX Runtime."""

from .cell_count import CellCount
from .crop_report import CropGroup, CropReport, CropResult
from .errors import (
    GeometryUnknownError,
    NothingToRewriteError,
    OnnxfcnError,
    RefusedError,
    SizeNotAcceptedError,
    UnusableModelError,
    UsageError,
    ValidationFailedError,
)
from .exactness import Exactness
from .geometry import Box, Geometry
from .report import RegionResult, RewriteReport, SizeResult, ValidationReport
from .rewrite import rewrite
from .validate import validate

__all__ = [
    "Box",
    "CellCount",
    "CropGroup",
    "CropReport",
    "CropResult",
    "Exactness",
    "Geometry",
    "GeometryUnknownError",
    "NothingToRewriteError",
    "OnnxfcnError",
    "RefusedError",
    "RegionResult",
    "RewriteReport",
    "SizeNotAcceptedError",
    "SizeResult",
    "UnusableModelError",
    "UsageError",
    "ValidationFailedError",
    "ValidationReport",
    "rewrite",
    "validate",
]
