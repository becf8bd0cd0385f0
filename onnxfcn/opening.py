"""Open a model, from wherever it comes."""

from os import PathLike
from pathlib import Path

from onnx import ModelProto

from .errors import UnusableModelError
from .files.model_faults import find_fault
from .files.model_io import load
from .files.onnx_checker import check
from .files.stored_model import StoredModel

ModelSource = str | PathLike[str] | ModelProto
"""A path to an ``.onnx`` file, or a model in memory without external data."""


def open_model(model: ModelSource) -> StoredModel:
    """Load a model and have the checker look at it.

    Raises:
        UsageError: there is no such file, or it cannot be read.
        UnusableModelError: it is no valid model.
    """
    if isinstance(model, ModelProto):
        stored, name = StoredModel(model), "the model"
    else:
        path = Path(model)
        stored, name = load(path), str(path)
    complaint = find_fault(stored) or check(stored.proto, infer_shapes=False)
    if complaint:
        raise UnusableModelError(f"{name} is no valid ONNX model: {complaint}")
    return stored
