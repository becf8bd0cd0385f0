"""SIGKILL while a rewrite writes over an output that stands: it, or the new one, is whole."""

import os
import shutil
import signal
import time
from collections import Counter
from itertools import count, product
from multiprocessing.synchronize import Event
from random import Random

from .stages import MAKES, REMOVES, at_stage
from .workplace import PLACES, Changes, Workplace, event, start

_ROUNDS = 3
"""A kill comes within the time that so many rewrites take."""


def kill_at_random(workplace: Workplace, kills: int, seed: int) -> Counter[str]:
    """Let a process write over the output again and again, and kill it.

    Returns:
        What was found, and how often.

    Raises:
        ValueError: an output was lost.
    """
    workplace.write("old", "always")
    began = time.perf_counter()
    workplace.write("old", "always")
    rewrite_s = time.perf_counter() - began
    moments, found = Random(seed), Counter[str]()
    for number in range(kills):
        started = event()
        process = start(_write_for_ever, workplace, number, started)
        started.wait()
        time.sleep(moments.uniform(0, _ROUNDS * rewrite_s))
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        found["kills"] += process.exitcode == -signal.SIGKILL
        _examine(workplace, found)
    return found


def _write_for_ever(workplace: Workplace, first: int, started: Event) -> None:
    started.set()
    writes = list(product(workplace.sources, PLACES))
    for number in count(first):
        workplace.write(*writes[number % len(writes)])


def kill_at_every_stage(workplace: Workplace, changes: Changes) -> Counter[str]:
    """Kill a process before each thing that it does to the output's folder.

    Returns:
        What was found, and how often.

    Raises:
        ValueError: an output was lost.
    """
    found = Counter[str]()
    for before, place in changes:
        for stage in count():
            workplace.write("old", before)
            process = start(_write_until, workplace, place, stage)
            process.join()
            if process.exitcode == 0:
                break
            found["kills"] += process.exitcode == -signal.SIGKILL
            _examine(workplace, found)
    return found


def _write_until(workplace: Workplace, place: str, stage: int) -> None:
    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    at_stage(stage, MAKES | REMOVES, workplace.output.parent, die)
    workplace.write("new", place)


def _examine(workplace: Workplace, found: Counter[str]) -> None:
    """See which model stands, and what else does; remove that."""
    found[f"the {workplace.standing()} model stands, whole"] += 1
    for path in workplace.output.parent.iterdir():
        if path.is_dir():
            found["left a half-written folder"] += 1
            shutil.rmtree(path)
    data = [p for p in workplace.output.parent.iterdir() if p.name.endswith(".data")]
    read = [p for p in data if p.name.encode() in workplace.output.read_bytes()]
    for path in {*data} - {*read}:
        found["left a data file that no model reads"] += 1
        path.unlink()
