"""Read models and write them so that a failure leaves everything as it was."""

import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, count
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

import onnx
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, TensorProto
from onnx.external_data_helper import ExternalDataInfo, set_external_data, uses_external_data

from .errors import UnusableModelError, UsageError
from .stored_model import StoredModel

_LARGEST_FILE = 2**31 - 2**20
"""Bytes of the largest model that protobuf can put into one file, with a margin for the graph."""
_SMALLEST_EXTERNAL = 2**16
"""Bytes; where a model keeps its weights in a file beside it, smaller new ones stay inside."""
_ALIGNMENT = 4096
"""Bytes; external tensors start on a page, so that runtimes can map them."""
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


class StagedOutput:
    """A model that is written beside its place and moved into it when all is well.

    Use as a context manager: what was not published is removed at the end.
    """

    def __init__(self, destination: str | PathLike[str] | None, *, source: StoredModel) -> None:
        """Choose where the model is to go.

        Args:
            destination: the file to write; ``None`` writes nothing, for a model kept in memory.
            source: the model that it is made of, whose data files must not be overwritten.

        Raises:
            UsageError: the place is a folder, its folder does not exist, or it is a data file of
                the source.
        """
        self._source = source
        # A link is written through, as other programs do.
        self._destination = None if destination is None else Path(destination).resolve()
        self._folder: Path | None = None
        if self._destination is None:
            return
        if self._destination.is_dir():
            raise UsageError(f"{destination} is a folder; give the name of the file to write")
        if self._destination.exists() and not self._destination.is_file():
            raise UsageError(f"{destination} is no regular file; choose another output")
        if not self._destination.parent.is_dir():
            raise UsageError(f"the folder {self._destination.parent} does not exist; make it first")
        if self._destination in data_files(source):
            raise UsageError(f"{destination} holds weights of the input; choose another output")

    def __enter__(self) -> Self:
        if self._destination is not None:
            try:
                self._folder = Path(
                    tempfile.mkdtemp(
                        prefix=f".{self._destination.name}.", dir=self._destination.parent
                    )
                )
            except OSError as error:
                raise _unwritable(self._destination, error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def write(self, model: ModelProto) -> Path | None:
        """Write the model, and its external data into one file beside it.

        Args:
            model: the model; tensors that go to the data file are changed to point to it, and
                their bytes are cleared.

        Returns:
            The folder where the model's external data lies now, if it has any.

        Raises:
            UsageError: the disk is full, or the place not writable.
        """
        if self._destination is None or self._folder is None:
            return self._source.folder
        path = self._folder / self._destination.name
        stored = list(tensors(model.graph))
        total = sum(len(tensor.raw_data) for tensor in stored)
        external = total > _LARGEST_FILE or any(map(uses_external_data, stored))
        try:
            if external:
                self._write_data(stored, self._folder / _free_data_name(self._destination))
            with path.open("wb") as file:
                file.write(model.SerializeToString(deterministic=True))
                os.fsync(file.fileno())
        except OSError as error:
            raise _unwritable(self._destination, error) from error
        return self._folder if external else None

    def _write_data(self, stored: list[TensorProto], data: Path) -> None:
        with data.open("wb") as file:
            for tensor in stored:
                external = uses_external_data(tensor)
                if not external and len(tensor.raw_data) < _SMALLEST_EXTERNAL:
                    continue
                file.write(b"\0" * (-file.tell() % _ALIGNMENT))
                offset = file.tell()
                if external:
                    for chunk in _external_chunks(tensor, self._source.folder or Path()):
                        file.write(chunk)
                else:
                    file.write(tensor.raw_data)
                tensor.raw_data = b""  # set_external_data wants the field, the checker does not
                set_external_data(tensor, data.name, offset, file.tell() - offset)
                tensor.ClearField("raw_data")
            os.fsync(file.fileno())

    def publish(self) -> None:
        """Move the staged files into their place, the data before the model that points to it.

        Raises:
            UsageError: the place is not writable any more.
        """
        if self._destination is None or self._folder is None:
            return
        model = self._destination.name
        replaced = _own_data(self._destination) - data_files(self._source)
        moved: list[Path] = []
        try:
            if self._destination.exists():
                shutil.copymode(self._destination, self._folder / model)
            for staged in sorted(self._folder.iterdir(), key=lambda path: path.name == model):
                moved.append(staged.replace(self._destination.with_name(staged.name)))
        except OSError as error:
            for data in moved:
                data.unlink(missing_ok=True)
            raise _unwritable(self._destination, error) from error
        with suppress(OSError):  # the output is whole and in its place: the rest is tidying
            for data in replaced:
                data.unlink()
            _sync_folder(self._destination.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _free_data_name(model: Path) -> str:
    """Name of a data file that does not exist yet.

    A file that stands there may be the one of the model that is about to be replaced, and must
    stay whole until it is, or another model's.
    """
    names = (f"{model.name}{number}.data" for number in chain([""], (f".{i}" for i in count(1))))
    return next(name for name in names if not model.with_name(name).exists())


def _own_data(model: Path) -> set[Path]:
    """Data files that a model which is about to be replaced has to itself, by their names."""
    try:
        files = data_files(load(model))
    except (UsageError, UnusableModelError):
        return set()
    return {
        file for file in files if re.fullmatch(re.escape(model.name) + r"(\.\d+)?\.data", file.name)
    }


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
    return b"".join(_external_chunks(tensor, folder))


def _external_chunks(tensor: TensorProto, folder: Path) -> Iterator[bytes]:
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


def _unwritable(destination: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{destination} cannot be written: {error.strerror or error}; nothing was changed there"
    )
