"""Open a model, from wherever it comes."""

from onnx import ModelProto
from onnx.external_data_helper import uses_external_data

from .errors import UnusableModelError, UsageError
from .files.model_faults import find_fault
from .files.model_io import ModelSource, stored_model
from .files.onnx_checker import check
from .files.stored_model import StoredModel
from .files.tensor_data import tensors


def open_model(model: ModelSource) -> StoredModel:
    """Load a model and have the checker look at it.

    Raises:
        UsageError: there is no such file, or it cannot be read; or a model in memory lacks data.
        UnusableModelError: it is no valid model.
    """
    if isinstance(model, ModelProto):
        _check_whole(model)
    stored = stored_model(model)
    complaint = find_fault(stored) or check(stored, infer_shapes=False)
    if complaint:
        name = "the model" if isinstance(model, ModelProto) else model
        raise UnusableModelError(f"{name} is not a valid ONNX model: {complaint}")
    return stored


def _check_whole(model: ModelProto) -> None:
    tensor = next(filter(uses_external_data, tensors(model.graph)), None)
    if tensor is not None:
        raise UsageError(
            f"the data of '{tensor.name}' is in a file, and a model in memory does not say where:"
            " give the path of the model, or load it with its data"
        )
