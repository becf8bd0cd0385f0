"""Give one fuzzed model to the tool, and say what became of it."""

import os
import random
import re
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnxfcn
from onnxfcn.inspection import inspect

from .mutate import SOURCES, fuzzed

ACTIONS = ("rewrite", "inspect", "geometry", "prove", "validate")
_WEIGHTS = (55, 20, 10, 10, 5)
LONGEST = 10.0
"""Seconds of the processor's that a case may take; a busy machine makes them longer."""
LARGEST = 2**30
"""Bytes of memory that a case may add to those of a process that has everything imported."""


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Attributes:
        case: its number.
        kind: ``done``, the name of the error, or ``hang``, ``memory``, ``crash``, ``traceback``.
        failed: whether that is a defect.
        action: what was asked of the tool.
        key: the same for cases that fail in the same way.
        detail: the message or the traceback.
        seconds: how long it took the processor.
        memory: bytes that were added to the memory of the process at most.
    """

    case: int
    kind: str
    action: str
    failed: bool = False
    key: str = ""
    detail: str = ""
    seconds: float = 0.0
    memory: int = 0


def action_of(seed: int, case: int) -> str:
    """What a case asks of the tool."""
    return random.Random(f"action {seed} {case}").choices(ACTIONS, _WEIGHTS)[0]


def examine(seed: int, case: int, folder: Path) -> Outcome:
    """Run a case of a seed in a folder; what is written there is removed again."""
    what, content = fuzzed(seed, case)
    return examine_file(content, action_of(seed, case), folder, case=case, what=what)


def examine_file(
    content: bytes, action: str, folder: Path, *, case: int = 0, what: str = ""
) -> Outcome:
    """Run one action on a model file."""
    path = folder / "model.onnx"
    path.write_bytes(content)
    try:
        return examine_call(lambda: act(action, path), case, action, what)
    finally:
        for written in folder.glob("*out.onnx*"):
            written.unlink()


def examine_call(call: Callable[[], object], case: int, action: str, what: str) -> Outcome:
    """Call a function of the tool's, and say what became of that."""
    before, started = _reset_peak(), time.process_time()
    kind, key, detail = "done", "", what
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            call()
    except onnxfcn.OnnxfcnError as error:
        kind, detail = type(error).__name__, f"{what}: {error}"
    except Exception as error:
        kind, key = "traceback", f"{type(error).__name__} at {_place(error)}"
        detail = f"{what}: {traceback.format_exc()}"
    seconds, memory = time.process_time() - started, _peak() - before
    reason = key or f"{kind} {re.sub('[0-9]+', '', detail)}"
    if memory > LARGEST:
        kind, key = "memory", f"memory in {action}: {reason}"
    elif seconds > LONGEST:
        kind, key = "hang", f"time in {action}: {reason}"
    return Outcome(case, kind, action, bool(key), key[:300], detail, seconds, memory)


def act(action: str, path: Path) -> None:
    """Ask the tool for something."""
    if action in ("rewrite", "prove"):
        onnxfcn.rewrite(path, path.with_name("out.onnx"), validate=action == "prove")
    elif action == "inspect":
        inspect(path)
    elif action == "geometry":
        onnxfcn.Geometry.from_model(path)
    else:
        onnxfcn.validate(SOURCES[len(path.read_bytes()) % len(SOURCES)], path)


def _place(error: BaseException) -> str:
    """The innermost line of the tool's own, and the innermost of all."""
    frames = traceback.extract_tb(error.__traceback__)
    root = str(Path(onnxfcn.__file__).parents[1])
    own = [f for f in frames if f.filename.startswith(root) and "/tests/" not in f.filename]
    places = [(own or frames)[-1], frames[-1]]
    return " in ".join(dict.fromkeys(f"{Path(f.filename).name}:{f.name}" for f in places))


def _reset_peak() -> int:
    """Forget the largest resident set; gives the present one in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _resident("VmRSS")


def _peak() -> int:
    return _resident("VmHWM")


def _resident(entry: str) -> int:
    status = Path(f"/proc/{os.getpid()}/status").read_text()
    found = re.search(rf"{entry}:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0
