"""Do something at the n-th thing that a rewrite does to the folder of its output."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

MAKES = frozenset({"open", "os.mkdir", "os.rename", "fsync", "copy"})
"""What may need room on the disk."""
REMOVES = frozenset({"os.remove", "os.rmdir", "shutil.rmtree"})


def at_stage(number: int, kinds: frozenset[str], folder: Path, act: Callable[[], None]) -> None:
    """From now on, call ``act`` before the n-th of these things is done in a folder.

    It cannot be undone: for processes that end soon.

    Args:
        number: which of them, from 0.
        kinds: names of audit events; ``fsync`` and ``copy`` for what Python does not audit.
        folder: only what happens to files in it counts, and every ``fsync`` and ``copy``.
        act: what to do.
    """
    left = number

    def see(kind: str, *arguments: Any) -> None:
        nonlocal left
        if kind in kinds and (kind in {"fsync", "copy"} or _within(folder, arguments)):
            left -= 1
            if left == -1:
                act()

    def watched(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            see(kind)
            return function(*arguments)

        return call

    os.fsync = watched("fsync", os.fsync)
    os.copy_file_range = watched("copy", os.copy_file_range)
    sys.addaudithook(lambda kind, arguments: see(kind, *arguments))


def _within(folder: Path, arguments: tuple[Any, ...]) -> bool:
    return any(str(folder) in str(argument) for argument in arguments)
