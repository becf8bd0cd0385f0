"""A new file whose bytes are on the disk when it is closed."""

import errno
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import UnusableModelError
from .weights import CHUNK, FileRange, Weight

_NOT_IN_KERNEL = frozenset(
    {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ETXTBSY}
)
"""What a system says that cannot copy between two files by itself."""


class SyncedFile:
    """A file that is written from its beginning to its end; use as a context manager.

    Attributes:
        position: number of bytes that were written.
    """

    def __init__(self, path: Path) -> None:
        """Make the file.

        Raises:
            OSError: it cannot be made, or is there already.
        """
        self.position = 0
        self._file = path.open("xb", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._file:
            if error is None:
                os.fsync(self._file.fileno())

    def pad(self, alignment: int) -> None:
        """Go on at the next multiple of ``alignment`` bytes."""
        self.write(bytes(-self.position % alignment))

    def add(self, weight: Weight) -> None:
        """Write the bytes of a weight."""
        if isinstance(weight, FileRange):
            self._copy(weight)
        else:
            self.write(weight)

    def write(self, content: bytes | memoryview) -> None:
        """Write bytes."""
        left = memoryview(content)
        while left:
            written = self._file.write(left[:CHUNK])
            self._send(written)
            left = left[written:]

    def _copy(self, place: FileRange) -> None:
        """Copy bytes of another file, without taking them into memory where the system can.

        File systems that share blocks between files do so here.
        """
        with place.open() as source:
            done = self._copy_in_kernel(source.fileno(), place)
            source.seek(place.offset + done)
            while done < place.length:
                chunk = source.read(min(CHUNK, place.length - done))
                if not chunk:
                    raise UnusableModelError(f"{place.path} ended while it was copied")
                self.write(chunk)
                done += len(chunk)
        place.check_unchanged()

    def _copy_in_kernel(self, source: int, place: FileRange) -> int:
        """Copy what the system can copy by itself; returns the number of bytes."""
        done = 0
        while hasattr(os, "copy_file_range") and done < place.length:
            count = min(CHUNK, place.length - done)
            try:
                copied = os.copy_file_range(source, self._file.fileno(), count, place.offset + done)
            except OSError as error:
                if error.errno in _NOT_IN_KERNEL:
                    break
                raise
            if not copied:
                break
            done += copied
            self._send(copied)
        return done

    def _send(self, count: int) -> None:
        """Have the last bytes written to the disk by now: the end has less to wait for then."""
        if hasattr(os, "posix_fadvise"):
            # On Linux, advice that they are not needed starts that, and they stay readable.
            os.posix_fadvise(self._file.fileno(), self.position, count, os.POSIX_FADV_DONTNEED)
        self.position += count
