"""Write a model so that a failure leaves everything as it was."""

import errno
import os
import shutil
import tempfile
from contextlib import suppress
from itertools import chain, count
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from ..errors import UnusableModelError, UsageError
from .model_io import LARGEST_FILE, data_files, load
from .model_writer import ModelWriter
from .stored_model import StoredModel, is_text

ExternalData = Literal["auto", "always", "never"]
"""Whether weights go into a data file: ``auto`` where the input has one, or one file is too small
for them."""


class StagedOutput:
    """A model that is written beside its place and moved into it when all is well.

    Use as a context manager: what was not published is removed at the end.

    Attributes:
        data_file: path of the file for the weights; empty where there is none.
        outgrown: whether there is one because the model is too large for one file.
    """

    def __init__(
        self,
        destination: str | PathLike[str] | None,
        *,
        source: StoredModel,
        source_path: str | PathLike[str] | None = None,
        external_data: ExternalData = "auto",
    ) -> None:
        """Choose where the model is to go.

        Args:
            destination: the file to write; ``None`` writes nothing, for a model kept in memory.
            source: the model that it is made of, whose data files must not be overwritten.
            source_path: the file of that model, which may be the one to write; ``None`` for a
                model in memory.
            external_data: whether weights go into a data file.

        Raises:
            UsageError: the place is a folder, its folder does not exist, or it is a data file of
                the source.
        """
        self._source, self._source_path = source, source_path
        self._external_data = external_data
        self.data_file, self.outgrown = "", False
        self._destination: Path | None = None
        self._folder: Path | None = None
        if destination is not None:
            self._destination, self._shown_folder = _place(Path(destination))
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

    def write(self, model: StoredModel) -> StoredModel:
        """Write the model, and perhaps its weights into one file beside it.

        Args:
            model: the model; its proto is changed where it is written.

        Returns:
            The model as it was written; the given one where it is not to be.

        Raises:
            UsageError: the disk is full, the place not writable, or the model too large.
        """
        if self._destination is None or self._folder is None:
            return model
        path, writer = self._folder / self._destination.name, ModelWriter(model)
        try:
            if not self._needs_data_file(writer):
                return writer.write_one_file(path)
            data = _free_data_name(self._destination)
            if not is_text(Path(data)):
                raise UsageError(f"{data!r} cannot stand in a model; choose another output")
            self.data_file = str(self._shown_folder / data)
            return writer.write_pair(path, self._folder / data)
        except OSError as error:
            raise _unwritable(self._destination, error) from error

    def _needs_data_file(self, writer: ModelWriter) -> bool:
        if self._external_data == "auto":
            as_source = bool(data_files(self._source))
            self.outgrown = not as_source and writer.one_file_length > LARGEST_FILE
            return writer.has_weights and (as_source or self.outgrown)
        return writer.has_weights and self._external_data == "always"

    def left_behind(self) -> tuple[str, ...]:
        """Data files of the model that is about to be replaced, which no model may need then.

        They stay: a copy of that model may read them.
        """
        if self._destination is None:
            return ()
        try:
            read = data_files(load(self._destination))
        except (UsageError, UnusableModelError):
            return ()
        if self._source_path is None or Path(self._source_path).resolve() != self._destination:
            read -= data_files(self._source)  # The source still stands, and reads them.
        return tuple(sorted(str(self._shown_folder / path.name) for path in read))

    def publish(self) -> None:
        """Move the staged files into their place, the data before the model that points to it.

        Raises:
            UsageError: the place is not writable any more.
        """
        if self._destination is None or self._folder is None:
            return
        model = self._destination.name
        moved: list[Path] = []
        try:
            if self._destination.exists():
                shutil.copymode(self._destination, self._folder / model)
            for staged in sorted(self._folder.iterdir(), key=lambda path: path.name == model):
                target = self._destination.with_name(staged.name)
                if target.exists() and target != self._destination:
                    raise FileExistsError(errno.EEXIST, f"{target.name} has come to be meanwhile")
                moved.append(staged.replace(target))
        except OSError as error:
            for data in moved:
                data.unlink(missing_ok=True)
            raise _unwritable(self._destination, error) from error
        with suppress(OSError):  # the output is whole and in its place
            _sync_folder(self._destination.parent)


def _place(shown: Path) -> tuple[Path, Path]:
    """The file to write for a path as the user gives it, and its folder as the user knows it.

    Raises:
        UsageError: no file can be written there.
    """
    try:
        place = shown.resolve()  # A link is written through, as other programs do.
        folder = place.parent if shown.is_symlink() else shown.parent
        if place.is_dir():
            raise UsageError(f"{shown} is a folder; give the name of the file to write")
        if shown.exists() and not shown.is_file():
            raise UsageError(f"{shown} is not a regular file; choose another output")
        if not place.parent.is_dir():
            raise UsageError(f"there is no folder {place.parent}; make it first")
    except (OSError, RuntimeError) as error:  # RuntimeError: before Python 3.13, links in a circle
        reason = getattr(error, "strerror", error)
        raise UsageError(f"{shown} leads nowhere: {reason}") from error
    return place, folder


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


def _unwritable(destination: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{destination} cannot be written: {error.strerror or error}; nothing was changed there"
    )
