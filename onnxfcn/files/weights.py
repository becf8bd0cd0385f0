"""Bytes of weights that stay where they are until they are written or asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import UnusableModelError

CHUNK = 2**24
"""Bytes that are held in memory at a time."""

Stamp = tuple[int, int, int]
"""What tells a file from one that was put in its place or written anew."""


def stamp_of(path: Path) -> Stamp:
    """The stamp of a file as it is now."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


@dataclass(frozen=True)
class FileRange:
    """Bytes that lie in a file.

    Attributes:
        path: the file.
        offset: the first of them.
        length: their number.
        stamp: of the file when the model was opened.
    """

    path: Path
    offset: int
    length: int
    stamp: Stamp

    def chunks(self) -> Iterator[bytes]:
        """The bytes in pieces of bounded size.

        Raises:
            UnusableModelError: the file is not the one that was opened any more.
        """
        with self.open() as file:
            left = self.length
            while left:
                chunk = file.read(min(left, CHUNK))
                if not chunk:
                    break
                left -= len(chunk)
                yield chunk
        self.check_unchanged()

    def read(self) -> bytes:
        """All of the bytes.

        Raises:
            UnusableModelError: the file is not the one that was opened any more.
        """
        with self.open() as file:
            content = file.read(self.length)
        self.check_unchanged()
        return content

    def open(self) -> BinaryIO:
        """The file, at the first of the bytes.

        Raises:
            UnusableModelError: it is gone, or another one.
        """
        self.check_unchanged()
        file = self.path.open("rb")
        file.seek(self.offset)
        return file

    def check_unchanged(self) -> None:
        """See that the file is still the one that was opened.

        Raises:
            UnusableModelError: it is not.
        """
        try:
            unchanged = stamp_of(self.path) == self.stamp
        except OSError:
            unchanged = False
        if not unchanged:
            raise UnusableModelError(f"{self.path} was changed while it was read; start again")


Weight = FileRange | bytes
"""The bytes of a weight, or the place where they lie."""


def size_of(weight: Weight) -> int:
    """Number of bytes of a weight."""
    return weight.length if isinstance(weight, FileRange) else len(weight)


def same_bytes(left: Weight, right: Weight) -> bool:
    """Whether two weights are equal, compared in pieces of bounded size."""
    if left == right:
        return True
    if size_of(left) != size_of(right):
        return False
    return all(a == b for a, b in zip(_chunks(left), _chunks(right), strict=True))


def _chunks(weight: Weight) -> Iterator[bytes | memoryview]:
    if isinstance(weight, FileRange):
        yield from weight.chunks()
    else:
        content = memoryview(weight)
        yield from (content[at : at + CHUNK] for at in range(0, len(content), CHUNK))
