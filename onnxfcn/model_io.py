"""Read models, and find the data that lies beside them."""

import math
from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, TensorProto
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from .errors import UnusableModelError, UsageError
from .stored_model import StoredModel

_CHUNK = 2**24


def tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Every tensor that a graph stores: initializers and attributes, in branches too."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for subgraph in (attribute.g, *attribute.graphs):
                yield from tensors(subgraph)


def load(path: Path) -> StoredModel:
    """Read a model, leaving external data where it lies.

    Args:
        path: an ``.onnx`` file.

    Raises:
        UsageError: there is no such file, or it cannot be read.
        UnusableModelError: the file is no ONNX model, or its external data is missing, too short
            or outside the model's folder.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the .onnx file in it")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist; check the path") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if not content:
        raise UnusableModelError(f"{path} is empty; export or download the model again")
    try:
        model: ModelProto = ModelProto.FromString(content)
    except DecodeError:
        raise UnusableModelError(
            f"{path} is no ONNX model, or a truncated one; export or download it again"
        ) from None
    if not model.ir_version or not model.HasField("graph"):
        raise UnusableModelError(f"{path} holds no graph: it is no ONNX model")
    external = [tensor for tensor in tensors(model.graph) if uses_external_data(tensor)]
    for tensor in external:
        _check_external(tensor, path)
    return StoredModel(model, path.parent if external else None)


def _check_external(tensor: TensorProto, path: Path) -> None:
    where = f"{path}: the data of '{tensor.name}'"
    try:
        info = ExternalDataInfo(tensor)
    except ValueError as error:
        raise UnusableModelError(f"{where} has a bad entry: {error}") from error
    folder = path.parent.resolve()
    data = (folder / info.location).resolve()
    if Path(info.location).is_absolute() or not data.is_relative_to(folder):
        raise UnusableModelError(
            f"{where} lies outside the model's folder ({info.location}); move it beside the model"
        )
    if not data.is_file():
        raise UnusableModelError(f"{where} is missing: there is no file {data}")
    length = _stored_bytes(tensor) if info.length is None else info.length
    end = (info.offset or 0) + length
    size = data.stat().st_size
    if size < end or length < _stored_bytes(tensor):
        raise UnusableModelError(
            f"{where} is too short: {data} has {size} bytes, {end} are needed; copy it again"
        )


def _stored_bytes(tensor: TensorProto) -> int:
    """Bytes that a tensor's dims and data type need; 0 where elements are smaller than a byte."""
    try:
        itemsize = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except KeyError:
        return 0
    packed = onnx.TensorProto.DataType.Name(tensor.data_type).endswith(("INT4", "FLOAT4E2M1"))
    return 0 if packed else math.prod(tensor.dims) * itemsize


def data_files(model: StoredModel) -> set[Path]:
    """Files that hold a model's external data."""
    folder = model.folder or Path()
    return {
        (folder / ExternalDataInfo(tensor).location).resolve()
        for tensor in tensors(model.proto.graph)
        if uses_external_data(tensor)
    }


def external_bytes(tensor: TensorProto, folder: Path) -> bytes:
    """The bytes of a tensor that lie in a file beside its model."""
    return b"".join(external_chunks(tensor, folder))


def external_chunks(tensor: TensorProto, folder: Path) -> Iterator[bytes]:
    """The same in pieces of bounded size."""
    info = ExternalDataInfo(tensor)
    with (folder / info.location).open("rb") as file:
        file.seek(info.offset or 0)
        left = _stored_bytes(tensor) if info.length is None else info.length
        while left > 0:
            chunk = file.read(min(left, _CHUNK))
            if not chunk:
                raise UnusableModelError(f"the data of '{tensor.name}' ended while it was copied")
            left -= len(chunk)
            yield chunk
