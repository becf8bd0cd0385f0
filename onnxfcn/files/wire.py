"""The fields of a protobuf message, found without reading what they hold.

A message is a run of fields: a tag, which is the field's number and wire type, and a value. Source:
Protocol Buffers documentation, "Encoding".
"""

from collections.abc import Iterator
from dataclasses import dataclass

_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10
"""Bytes of a 64-bit number, seven bits each."""


class MalformedError(Exception):
    """These bytes are no protobuf message, or one of a kind that ONNX does not use."""


@dataclass(frozen=True, slots=True)
class Field:
    """Where a field lies, in bytes from the beginning of what it was found in.

    Attributes:
        number: the field's number.
        is_delimited: whether it is a string, bytes or a message, with its length before it.
        start: first byte of its tag.
        value: first byte of its value, behind the length.
        end: first byte behind it.
    """

    number: int
    is_delimited: bool
    start: int
    value: int
    end: int


def fields(content: memoryview, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of a message, in the order in which they lie.

    Args:
        content: bytes that the message lies in.
        start: its first byte.
        end: the first byte behind it; by default the end of ``content``.

    Raises:
        MalformedError: a field reaches beyond the message, or its wire type is none that ONNX has.
    """
    end = len(content) if end is None else end
    at = start
    while at < end:
        tag, value = _read_varint(content, at, end)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _LENGTH_DELIMITED:
            length, value = _read_varint(content, value, end)
            behind = value + length
        elif wire_type == _VARINT:
            behind = _read_varint(content, value, end)[1]
        elif wire_type in _FIXED_BYTES:
            behind = value + _FIXED_BYTES[wire_type]
        else:
            raise MalformedError(f"wire type {wire_type} at byte {at}")
        if behind > end:
            raise MalformedError(f"the field at byte {at} reaches beyond its message")
        yield Field(number, wire_type == _LENGTH_DELIMITED, at, value, behind)
        at = behind


def delimited_head(number: int, length: int) -> bytes:
    """What stands before the value of a string, bytes or message field of ``length`` bytes."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(length)


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last byte have their highest bit set."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def _read_varint(content: memoryview, at: int, end: int) -> tuple[int, int]:
    """A number, and the place behind it."""
    number = 0
    for place in range(at, min(end, at + _LONGEST_VARINT)):
        byte = content[place]
        number |= (byte & 0x7F) << 7 * (place - at)
        if byte < 0x80:
            return number, place + 1
    raise MalformedError(f"the number at byte {at} does not end")
