"""What comes of a random case, and a key that tells one cause from another."""

import re
import traceback
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from passes import Refusal


class Failure(StrEnum):
    """How the code under test, or the test itself, fails."""

    WRONG = "wrong"
    CRASHED = "crashed"
    UNUSABLE = "unusable"


@dataclass(frozen=True)
class Outcome:
    """What came of a case.

    Attributes:
        kind: a ``Failure``, or a kind of the test's own.
        key: cases with the same key have the same cause, as far as can be told; empty where all
            went well.
        detail: the message, the traceback or the numbers.
    """

    kind: StrEnum
    key: str = ""
    detail: str = ""

    @property
    def failed(self) -> bool:
        """Whether the code under test, or the test itself, has a fault."""
        return isinstance(self.kind, Failure)


class Wrong(Exception):
    """What was examined is wrong; the first argument is short and has no numbers."""


def failure(error: Exception) -> Outcome:
    """What an exception says of a case: that something is wrong, or where the code crashed."""
    if isinstance(error, Wrong):
        detail = "\n".join(map(str, error.args))
        return Outcome(Failure.WRONG, f"wrong: {error.args[0]}", detail)
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/passes/" in f.filename or "/onnxfcn/" in f.filename]
    at = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    key = f"crashed: {type(error).__name__}{at}: {without_numbers(str(error))[:160]}"
    return Outcome(Failure.CRASHED, key, "".join(traceback.format_exception(error)))


def unusable(error: Exception) -> Outcome:
    """A case that ONNX or ONNX Runtime rejects before anything is done to it."""
    return Outcome(Failure.UNUSABLE, f"unusable: {without_numbers(str(error))}", str(error))


def refused(kind: StrEnum, refusal: Refusal) -> Outcome:
    """A case that a pass refuses."""
    key = f"{refusal.code} {refusal.operator}: {without_numbers(refusal.found)[:100]}"
    return Outcome(kind, key, str(refusal))


def without_numbers(text: str) -> str:
    """The first line of a message, without what differs between two cases of one cause."""
    text = re.sub(r"'[^']*'", "'…'", text.splitlines()[0] if text else "")
    text = re.sub(r"Node \([^)]*\)|node:\s*\w+|Name:'[^']*'", "node", text)
    return re.sub(r"\b[a-z]+\d+\b", "x", re.sub(r"-?\d+(, ?-?\d+)*", "#", text))
