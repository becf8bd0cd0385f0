"""Write a model so that a failure leaves everything as it was."""

import os
import re
import shutil
import tempfile
from contextlib import suppress
from itertools import chain, count
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

from onnx import ModelProto, TensorProto
from onnx.external_data_helper import set_external_data, uses_external_data

from .errors import UnusableModelError, UsageError
from .model_io import data_files, external_chunks, load, tensors
from .stored_model import StoredModel

_LARGEST_FILE = 2**31 - 2**20
"""Bytes of the largest model that protobuf can put into one file, with a margin for the graph."""
_SMALLEST_EXTERNAL = 2**16
"""Bytes; where a model keeps its weights in a file beside it, smaller new ones stay inside."""
_ALIGNMENT = 4096
"""Bytes; external tensors start on a page, so that runtimes can map them."""


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
                    for chunk in external_chunks(tensor, self._source.folder or Path()):
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


def _unwritable(destination: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{destination} cannot be written: {error.strerror or error}; nothing was changed there"
    )
