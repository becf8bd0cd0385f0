"""Write a model into one file, or into one and a data file beside it, from weights in files."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from onnx import TensorProto
from onnx.external_data_helper import uses_external_data

from ..errors import UsageError
from .light_file import SMALLEST_LEFT_OUT, file_length, file_pieces
from .model_io import LARGEST_FILE
from .stored_model import StoredModel
from .synced_file import SyncedFile
from .tensor_data import external_range, refer, refer_no_more, take_in, tensors
from .weights import FileRange, Weight, size_of, stamp_of

_ALIGNMENT = 4096
"""Bytes; external tensors start on a page, so that runtimes can map them."""


class ModelWriter:
    """A model that is about to be written, once, and the large weights that were taken out of it.

    Attributes:
        has_weights: whether there is anything to put into a data file.
    """

    def __init__(self, model: StoredModel) -> None:
        """Take the large weights out of a model.

        Args:
            model: the model; its proto is changed from here on.
        """
        self._proto, self._folder = model.proto, model.folder or Path()
        self._initializers = list(model.proto.graph.initializer)
        self._weights = [_taken(t, model.weight(t)) for t in self._initializers]
        others = list(tensors(model.proto.graph))[len(self._initializers) :]
        # Readers of onnx look for no external data in sparse initializers.
        sparse = [
            t for each in model.proto.graph.sparse_initializer for t in (each.values, each.indices)
        ]
        self._others = [
            t
            for t in others
            if uses_external_data(t) or (_is_large(t) and all(t is not part for part in sparse))
        ]
        self.has_weights = bool(self._others) or any(w is not None for w in self._weights)

    @property
    def one_file_length(self) -> int:
        """Number of bytes of the model as one file."""
        return file_length(file_pieces(self._proto, self._lengths), self._lengths)

    @property
    def _lengths(self) -> list[int | None]:
        return [None if weight is None else size_of(weight) for weight in self._weights]

    def write_one_file(self, path: Path) -> StoredModel:
        """Write the model with all of its weights in it.

        Args:
            path: the file to make.

        Raises:
            OSError: it cannot be written.
            UsageError: it would be larger than such a file can be.
        """
        self._take_in()
        pieces = file_pieces(self._proto, self._lengths)
        length = file_length(pieces, self._lengths)
        if length > LARGEST_FILE:
            raise UsageError(
                f"the rewritten model has {length} bytes, and one .onnx file can have no more than"
                f" {LARGEST_FILE}; leave its weights to a data file: --external-data auto"
            )
        offsets: dict[int, int] = {}
        with SyncedFile(path) as file:
            for piece in pieces:
                if isinstance(piece, int):
                    offsets[piece] = file.position
                    file.add(self._weights[piece] or b"")
                else:
                    file.write(piece)
        stamp = stamp_of(path)
        weights = {
            self._initializers[index].name: FileRange(
                path, offset, self._lengths[index] or 0, stamp
            )
            for index, offset in offsets.items()
        }
        return StoredModel(self._proto, path.parent, weights)

    def write_pair(self, path: Path, data: Path) -> StoredModel:
        """Write the model, and its large weights into a file beside it.

        Args:
            path: the model file to make.
            data: the data file to make, in the same folder.

        Raises:
            OSError: one of them cannot be written.
        """
        with SyncedFile(data) as file:
            offsets: dict[FileRange, int] = {}
            for tensor, weight in self._outside():
                if isinstance(weight, FileRange) and weight in offsets:
                    offset = offsets[weight]  # weights that lay at one place still do
                else:
                    file.pad(_ALIGNMENT)
                    offset = file.position
                    file.add(weight)
                if isinstance(weight, FileRange):
                    offsets[weight] = offset
                refer(tensor, data.name, offset, size_of(weight))
        with SyncedFile(path) as file:
            file.write(self._proto.SerializeToString(deterministic=True))
        stamp = stamp_of(data)
        weights = {
            tensor.name: replace(external_range(tensor, data.parent), stamp=stamp)
            for tensor in self._initializers
            if uses_external_data(tensor)
        }
        return StoredModel(self._proto, data.parent, weights)

    def _outside(self) -> Iterator[tuple[TensorProto, Weight]]:
        """The tensors whose data goes into a data file."""
        for tensor, weight in zip(self._initializers, self._weights, strict=True):
            if weight is not None:
                yield tensor, weight
        for tensor in self._others:
            external = uses_external_data(tensor)
            yield tensor, external_range(tensor, self._folder) if external else tensor.raw_data

    def _take_in(self) -> None:
        """Turn tensors with external data into ones without it."""
        for tensor in self._others:
            if uses_external_data(tensor):
                take_in(tensor, self._folder)
        for tensor in filter(uses_external_data, self._initializers):
            refer_no_more(tensor)


def _taken(initializer: TensorProto, weight: Weight | None) -> Weight | None:
    """The data of an initializer, taken out of it; ``None`` where it may as well stay there."""
    if weight is None or (isinstance(weight, bytes) and len(weight) < SMALLEST_LEFT_OUT):
        return None
    initializer.ClearField("raw_data")
    return weight


def _is_large(tensor: TensorProto) -> bool:
    return len(tensor.raw_data) >= SMALLEST_LEFT_OUT
