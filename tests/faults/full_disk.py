"""A full disk at every write: what stood before stands as it was, and nothing else does."""

import errno
import os
import resource
import shutil
from collections import Counter
from collections.abc import Callable
from itertools import count

import onnxfcn

from .stages import MAKES, at_stage
from .workplace import CHANGES, Changes, Workplace, start

_REFUSED = 2
_PAGE = 4096


def limit_every_size(workplace: Workplace, changes: Changes, steps: int) -> Counter[str]:
    """Let no file grow beyond a size, for as many sizes from nothing to all that is needed.

    Raises:
        ValueError: something was lost, or left behind.
    """
    found = Counter[str]()
    for before, place in changes:
        workplace.write("new", place)
        largest = max(map(len, workplace.files().values()))
        for step in range(steps):
            _fail(workplace, before, found, _write_limited, place, largest * step // steps)
    return found


def _write_limited(workplace: Workplace, place: str, largest: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    _write(workplace, place)


def fail_every_call(workplace: Workplace, changes: Changes) -> Counter[str]:
    """Let each call fail that may need room on the disk, one a time.

    Raises:
        ValueError: something was lost, or left behind.
    """
    found = Counter[str]()
    for before, place in changes:
        for stage in count():
            if not _fail(workplace, before, found, _write_until_full, place, stage):
                break
    return found


def _write_until_full(workplace: Workplace, place: str, stage: int) -> None:
    def fail() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    at_stage(stage, MAKES, workplace.output.parent, fail)
    _write(workplace, place)


def fill_disk(workplace: Workplace, steps: int) -> Counter[str]:
    """Fill the disk of the output up to every page of what a rewrite needs at the end.

    Args:
        workplace: one whose outputs are on a small disk of their own.
        steps: number of sizes beside those.

    Raises:
        ValueError: something was lost, or left behind.
    """
    found, ballast = Counter[str](), workplace.output.parent.parent / "ballast"
    for before, place in CHANGES:
        workplace.write("new", place)
        needed = sum(map(len, workplace.files().values()))
        rooms = [needed * step // steps for step in range(steps)]
        rooms += [needed - page * _PAGE for page in range(-4, 4)]
        for room in rooms:
            workplace.clear()
            workplace.write("old", before)
            free = shutil.disk_usage(ballast.parent).free
            ballast.write_bytes(bytes(max(0, free - room)))
            _fail(workplace, None, found, _write, place)
            ballast.unlink()
    return found


def _write(workplace: Workplace, place: str) -> None:
    try:
        workplace.write("new", place)
    except onnxfcn.UsageError:
        raise SystemExit(_REFUSED) from None


def _fail(
    workplace: Workplace,
    before: str | None,
    found: Counter[str],
    target: Callable[..., None],
    *arguments: object,
) -> bool:
    """Write in a process of its own, in which something fails.

    Args:
        workplace: where.
        before: how the old model is to stand there first; ``None`` where it does.
        found: what was found, and how often; added to.
        target: what writes.
        arguments: for it.

    Returns:
        Whether it failed.

    Raises:
        ValueError: something was lost, or left behind.
    """
    if before is not None:
        workplace.write("old", before)
    files = workplace.files()
    process = start(target, workplace, *arguments)
    process.join()
    if process.exitcode == _REFUSED:
        if workplace.files() != files:
            raise ValueError(f"a write that failed changed {workplace.output.parent}")
        found["failed, and everything is as it was"] += 1
    elif process.exitcode == 0 and workplace.standing() == "new":
        found["did not fail, and the new model stands, whole"] += 1
    else:
        raise ValueError(f"the process ended with {process.exitcode}")
    return process.exitcode == _REFUSED
