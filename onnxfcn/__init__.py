"""Turn ONNX classifiers into fully convolutional networks, and prove it with ONNX Runtime."""

from passes import Refusal, RefusalCode, Rewrite

from .comparison import CellCount, Comparison
from .costs import Cost
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
from .exactness import Cause, Exactness
from .files.document import Document
from .geometry import AxisGeometry, Box, Geometry
from .geometry.blame import Reason
from .inspection import Inspection, inspect
from .meaning import OutputMeaning
from .region_report import RegionResult
from .report import RewriteReport, SizeResult, ValidationReport
from .rewrite import rewrite
from .speed import bench
from .speed_report import BatchSpeed, CropSpeed, SpeedReport
from .timing import Timed
from .validate import validate

__version__ = "0.1.0"

__all__ = [
    "AxisGeometry",
    "BatchSpeed",
    "Box",
    "Cause",
    "CellCount",
    "Comparison",
    "Cost",
    "CropGroup",
    "CropReport",
    "CropResult",
    "CropSpeed",
    "Document",
    "Exactness",
    "Geometry",
    "GeometryUnknownError",
    "Inspection",
    "NothingToRewriteError",
    "OnnxfcnError",
    "OutputMeaning",
    "Reason",
    "Refusal",
    "RefusalCode",
    "RefusedError",
    "RegionResult",
    "Rewrite",
    "RewriteReport",
    "SizeNotAcceptedError",
    "SizeResult",
    "SpeedReport",
    "Timed",
    "UnusableModelError",
    "UsageError",
    "ValidationFailedError",
    "ValidationReport",
    "bench",
    "inspect",
    "rewrite",
    "validate",
]
