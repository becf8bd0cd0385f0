"""How a command ends that others end: who reads what it prints has gone, or it is terminated."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from typing import TextIO

_TERMINATED = 128 + 15
_READER_GONE = 128 + 13
"""What shells say of programs that SIGTERM and SIGPIPE end."""


@contextmanager
def ending_as_told() -> Iterator[None]:
    """Leave nothing half-written behind on SIGTERM, and print nothing where the reader has gone.

    Raises:
        SystemExit: always: with the code of what was run, or with one of the two above.
    """
    end = SystemExit(0)
    before = signal.getsignal(signal.SIGTERM)
    is_main = current_thread() is main_thread()  # Others may set no signals.
    if is_main:
        signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except SystemExit as error:
        end = error
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before)
    gone = [_reader_is_gone(stream) for stream in (sys.stdout, sys.stderr) if stream]
    if _is_of_a_closed_pipe(end) or (any(gone) and not end.code):
        raise SystemExit(_READER_GONE) from None
    raise end


def _terminate(*_: object) -> None:
    raise SystemExit(_TERMINATED)


def _reader_is_gone(stream: TextIO) -> bool:
    """Whether nobody takes what is still to be written to a stream; then nothing is, any more."""
    try:
        stream.flush()
    except BrokenPipeError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return True
    except OSError:  # whoever wrote has said so
        return False
    return False


def _is_of_a_closed_pipe(end: SystemExit) -> bool:
    """Whether other libraries made an end of a write to a closed pipe."""
    cause: BaseException | None = end
    while cause is not None and not isinstance(cause, BrokenPipeError):
        cause = cause.__context__
    return cause is not None
