"""Model files without their weights: what is read leaves them out, what is written puts them in.

The bytes of a large initializer are one field of its message, and messages compose: a model
without those fields is a model, and with them put back in their place it is the same file again.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, TensorProto

from .tensor_data import stored_bytes
from .wire import Field, MalformedError, delimited_head, fields

SMALLEST_LEFT_OUT = 2**16
"""Bytes; smaller weights are read with the graph."""

_GRAPH = ModelProto.GRAPH_FIELD_NUMBER
_INITIALIZER = GraphProto.INITIALIZER_FIELD_NUMBER
_RAW_DATA = TensorProto.RAW_DATA_FIELD_NUMBER


@dataclass(frozen=True)
class LightModel:
    """A model without the bytes of its large initializers.

    Attributes:
        proto: the model; those initializers have no data.
        places: first byte and number of bytes of their data in the file, by name.
    """

    proto: ModelProto
    places: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class _LeftOut:
    """An initializer whose data is left out.

    Attributes:
        start: first byte of its field in the file.
        end: first byte behind it.
        content: its message without the data.
        data: where the data lies.
    """

    start: int
    end: int
    content: bytes
    data: Field


def read_light(content: memoryview) -> LightModel | None:
    """Parse a model without the bytes of its large initializers.

    Args:
        content: a model file; of those bytes, none is touched.

    Returns:
        The model; ``None`` where the file is malformed or of an unusual form (its graph in several
        pieces, two initializers of one name, ...) and has to be parsed as a whole.
    """
    try:
        graphs = [field for field in fields(content) if field.number == _GRAPH]
        if len(graphs) != 1 or not graphs[0].is_delimited:
            return None
        found = {
            tensor.name: left_out
            for tensor, left_out in _large_initializers(content, graphs[0])
            if tensor.name and left_out.data.end - left_out.data.value == stored_bytes(tensor)
        }
        proto = ModelProto.FromString(_without(content, graphs[0], list(found.values())))
    except (MalformedError, DecodeError):
        return None
    count = Counter(tensor.name for tensor in proto.graph.initializer)
    places = {
        name: (each.data.value, each.data.end - each.data.value) for name, each in found.items()
    }
    return LightModel(proto, places) if all(count[name] == 1 for name in places) else None


def _large_initializers(
    content: memoryview, graph: Field
) -> Iterator[tuple[TensorProto, _LeftOut]]:
    for field in fields(content, graph.value, graph.end):
        if field.number != _INITIALIZER or not field.is_delimited:
            continue
        if field.end - field.value < SMALLEST_LEFT_OUT:
            continue
        data = [f for f in fields(content, field.value, field.end) if f.number == _RAW_DATA]
        if len(data) != 1 or data[0].end - data[0].value < SMALLEST_LEFT_OUT:
            continue
        rest = bytes(content[field.value : data[0].start]) + content[data[0].end : field.end]
        tensor = TensorProto.FromString(rest)
        if tensor.data_location != TensorProto.EXTERNAL:
            yield tensor, _LeftOut(field.start, field.end, rest, data[0])


def _without(content: memoryview, graph: Field, left_out: list[_LeftOut]) -> bytes:
    """The file without the data of some initializers."""
    kept: list[bytes | memoryview] = []
    at = graph.value
    for each in left_out:
        head = delimited_head(_INITIALIZER, len(each.content))
        kept += [content[at : each.start], head, each.content]
        at = each.end
    kept.append(content[at : graph.end])
    head = delimited_head(_GRAPH, sum(map(len, kept)))
    return b"".join([content[: graph.start], head, *kept, content[graph.end :]])


Piece = bytes | memoryview | int
"""Bytes of a model file, or the index of the initializer whose data stands there."""


def file_pieces(proto: ModelProto, lengths: Sequence[int | None]) -> list[Piece]:
    """A model file, as protobuf writes it, in pieces.

    Args:
        proto: a model, perhaps without the data of some initializers.
        lengths: for every initializer, the number of bytes of its data, if that is missing.
    """
    content = memoryview(proto.SerializeToString(deterministic=True))
    (graph,) = (field for field in fields(content) if field.number == _GRAPH)
    inner = fields(content, graph.value, graph.end)
    initializers = [field for field in inner if field.number == _INITIALIZER]
    pieces: list[Piece] = []
    at = graph.value
    for index, (field, length) in enumerate(zip(initializers, lengths, strict=True)):
        if length is None:
            continue
        place = _place_of_data(content, field)
        data_head = delimited_head(_RAW_DATA, length)
        whole = field.end - field.value + len(data_head) + length
        head = delimited_head(_INITIALIZER, whole)
        pieces += [content[at : field.start], head, content[field.value : place], data_head, index]
        at = place
    pieces.append(content[at : graph.end])
    graph_head = delimited_head(_GRAPH, file_length(pieces, lengths))
    return [content[: graph.start], graph_head, *pieces, content[graph.end :]]


def _place_of_data(content: memoryview, initializer: Field) -> int:
    """Where protobuf, which writes fields in the order of their numbers, puts the data."""
    for field in fields(content, initializer.value, initializer.end):
        if field.number > _RAW_DATA:
            return field.start
    return initializer.end


def file_length(pieces: Sequence[Piece], lengths: Sequence[int | None]) -> int:
    """Number of bytes of a file in pieces."""
    return sum((lengths[p] or 0) if isinstance(p, int) else len(p) for p in pieces)
