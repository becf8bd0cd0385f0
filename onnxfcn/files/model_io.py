"""Read models, and see that the data that lies beside them is there."""

from dataclasses import replace
from mmap import ACCESS_READ, mmap
from os import PathLike
from pathlib import Path

from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from ..errors import UnusableModelError, UsageError
from .light_file import read_light
from .stored_model import StoredModel, is_text
from .tensor_data import external_range, stored_bytes, take_in, tensors
from .weights import FileRange, stamp_of

LARGEST_FILE = 2**31 - 1
"""Bytes of the largest message that protobuf reads and writes."""

ModelSource = str | PathLike[str] | ModelProto
"""A path to an ``.onnx`` file, or a model in memory without external data."""


def stored_model(model: ModelSource) -> StoredModel:
    """A model from wherever it is; see ``load``."""
    return StoredModel(model) if isinstance(model, ModelProto) else load(Path(model))


def load(path: Path) -> StoredModel:
    """Read a model, leaving large weights where they lie: in the file, or in one beside it.

    Args:
        path: an ``.onnx`` file.

    Raises:
        UsageError: there is no such file, or it cannot be read.
        UnusableModelError: the file is not an ONNX model, or its external data is missing, too
            short or outside the model's folder.
    """
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a folder; give the .onnx file in it")
        model = _load_light(path) or StoredModel(_load_whole(path))
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist; check the path") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: before Python 3.13, links in a circle
        reason = getattr(error, "strerror", error)
        raise UsageError(f"{path} cannot be read: {reason}") from error
    graph = model.proto.graph
    if not model.proto.ir_version or not model.proto.HasField("graph"):
        raise UnusableModelError(f"{path} holds no graph: it is not an ONNX model")
    external = [tensor for tensor in tensors(graph) if uses_external_data(tensor)]
    if not external:
        return model
    for tensor in external:
        _check_external(tensor, path)
    if model.folder is not None and model.folder != path.parent.resolve():
        # The file is a link to one in another folder, while its data lies beside the link.
        model = StoredModel(model.whole())
    outside = {
        tensor.name: external_range(tensor, path.parent)
        for tensor in filter(uses_external_data, graph.initializer)
    }
    return replace(model, folder=path.parent, weights={**model.weights, **outside})


def _load_light(path: Path) -> StoredModel | None:
    """A model without the bytes of its large weights; ``None`` where it must be read as a whole."""
    if not path.is_file():  # missing, or a pipe, which has no path of its own to resolve
        return None
    real = path.resolve(strict=True)
    if not real.stat().st_size:
        return None
    stamp = stamp_of(real)
    with real.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        if len(content) > LARGEST_FILE:
            raise UnusableModelError(
                f"{path} has {len(content)} bytes, and no ONNX file can have more than"
                f" {LARGEST_FILE}; save the model with external data"
            )
        with memoryview(content) as view:
            light = read_light(view)
    if light is None or not is_text(real):
        return None
    weights = {n: FileRange(real, *place, stamp) for n, place in light.places.items()}
    return StoredModel(light.proto, real.parent if weights else None, weights)


def _load_whole(path: Path) -> ModelProto:
    content = path.read_bytes()
    if not content:
        raise UnusableModelError(f"{path} is empty; export or download the model again")
    try:
        model: ModelProto = ModelProto.FromString(content)
    except DecodeError:
        raise UnusableModelError(
            f"{path} is not an ONNX model, or a truncated one; export or download it again"
        ) from None
    return model


def check_runs_from_memory(model: ModelProto) -> None:
    """See that a model in memory can be handed to a runtime, which takes one message.

    Raises:
        UsageError: it is too large.
    """
    held = (tensor for tensor in tensors(model.graph) if tensor.HasField("raw_data"))
    size = sum(map(stored_bytes, held))
    if size > LARGEST_FILE:
        raise UsageError(
            f"{size} bytes of weights in memory are more than ONNX Runtime takes from there:"
            " save the model with external data and give its path, or do not validate"
        )


def _check_external(tensor: TensorProto, path: Path) -> None:
    where = f"{path}: the data of '{tensor.name}'"
    try:
        info = ExternalDataInfo(tensor)
        folder = path.parent.resolve()
        data = (folder / info.location).resolve()
        is_file = (folder / info.location).is_file()
    except (ValueError, AttributeError) as error:
        raise UnusableModelError(f"{where} has a bad entry: {error}") from error
    except (OSError, RuntimeError) as error:  # too long a name, or links in a circle
        raise UnusableModelError(f"{where} cannot be found: {str(error)[:200]}") from error
    if not info.location:
        raise UnusableModelError(f"{where} has no location: it names no file")
    if Path(info.location).is_absolute():
        beside = f" with the location '{data.name}'" if data.parent == folder else ""
        raise UnusableModelError(
            f"{where} lies at an absolute path ({info.location}), and ONNX allows only paths from"
            f" the model's folder on; save the model again{beside}"
        )
    if not data.is_relative_to(folder):
        raise UnusableModelError(
            f"{where} lies outside the model's folder ({info.location}); move it next to the model"
        )
    if not is_file:
        raise UnusableModelError(f"{where} is missing: there is no file {data}; put it there")
    _check_range(tensor, info, data, where)


def _check_range(tensor: TensorProto, info: ExternalDataInfo, data: Path, where: str) -> None:
    """See that a tensor's place in its data file is there, and of the right length."""
    needed = stored_bytes(tensor)
    length, offset = needed if info.length is None else info.length, info.offset or 0
    if min(length, offset, *tensor.dims, 0) < 0:
        raise UnusableModelError(
            f"{where} has a negative length: {length} bytes from {offset}, dims {[*tensor.dims]}"
        )
    size = data.stat().st_size
    if size < offset + length or length < needed:
        raise UnusableModelError(
            f"{where} is too short: {data} has {size} bytes, {offset + max(length, needed)} are"
            " needed; copy it again"
        )
    if needed and length > needed:
        raise UnusableModelError(
            f"{where} is too long: it has {length} bytes, its dims and data type need {needed}"
        )


def data_files(model: StoredModel) -> set[Path]:
    """Files that hold a model's external data."""
    folder = model.folder or Path()
    return {
        (folder / ExternalDataInfo(tensor).location).resolve()
        for tensor in tensors(model.proto.graph)
        if uses_external_data(tensor)
    }


def in_memory(model: StoredModel) -> ModelProto:
    """A copy of a model with all of its data in it.

    Raises:
        UnusableModelError: a file of it is not the one that was opened any more.
    """
    copy = model.whole()
    for tensor in filter(uses_external_data, tensors(copy.graph)):
        take_in(tensor, model.folder or Path())
    return copy
