"""What can go wrong, and the exit code that the command line gives it.

OnnxfcnError
    UsageError              2  an option, or a place that cannot be read from or written to
    NothingToRewriteError   3  a pass found nothing to do
    SizeNotAcceptedError    2  a model takes no images of this size
    UnusableModelError      4  no model that ONNX accepts, or that ONNX Runtime can run
    RefusedError            4  the rewrite would not be complete or correct
    GeometryUnknownError    4  where the cells of a map lie cannot be told
    ValidationFailedError   5  ONNX Runtime did not confirm the rewritten model
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from passes import Refusal

if TYPE_CHECKING:
    from .report import RewriteReport


class OnnxfcnError(Exception):
    """Base of all errors that onnxfcn raises on purpose.

    Attributes:
        exit_code: exit code of the command line for this error.
    """

    exit_code = 1


class UsageError(OnnxfcnError):
    """An option or a path is wrong, or a place cannot be read from or written to."""

    exit_code = 2


class SizeNotAcceptedError(OnnxfcnError):
    """The model takes no images of this size."""

    exit_code = 2


class NothingToRewriteError(OnnxfcnError):
    """A pass found nothing to do, such as no dense layer behind a map; the model was left alone."""

    exit_code = 3


class UnusableModelError(OnnxfcnError):
    """The input is no valid ONNX model, or ONNX Runtime cannot run it."""

    exit_code = 4


class RefusedError(OnnxfcnError):
    """A pass refused; the message names the node.

    Attributes:
        refusals: all reasons, at least one.
    """

    exit_code = 4

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("; ".join(map(str, refusals)))
        self.refusals = tuple(refusals)


class GeometryUnknownError(OnnxfcnError):
    """Where the cells of an output lie in the image cannot be told; the message names the node.

    Attributes:
        refusal: why no cell can stand for a place in the image; ``None`` where it may.
    """

    exit_code = 4

    def __init__(self, message: str, refusal: Refusal | None = None) -> None:
        super().__init__(message)
        self.refusal = refusal


class ValidationFailedError(OnnxfcnError):
    """The rewritten model's answers differ from the original's, or it does not run.

    Attributes:
        report: what was seen, where the comparison came to an end.
    """

    exit_code = 5

    def __init__(self, message: str, report: "RewriteReport | None" = None) -> None:
        super().__init__(message)
        self.report = report
