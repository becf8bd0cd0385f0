"""A short version of ``python -m tests.fuzz``, and proof that it would find what it looks for."""

import os
import time
from pathlib import Path

import pytest

from .examine import LARGEST, LONGEST, Outcome, act, examine, examine_call
from .workers import Examine, run

_CASES = 150


def test_no_traceback_no_hang_no_memory() -> None:
    outcomes = list(run(0, range(_CASES), workers=1))
    assert [outcome for outcome in outcomes if outcome.failed] == []
    assert len(outcomes) == _CASES
    kinds = {outcome.kind for outcome in outcomes}
    assert kinds >= {"done", "RefusedError", "UnusableModelError"}


def test_a_case_is_the_same_every_time(tmp_path: Path) -> None:
    first, second = (examine(0, 7, tmp_path) for _ in range(2))
    assert (first.kind, first.detail) == (second.kind, second.detail)


def _hang(seed: int, case: int, folder: Path) -> Outcome:
    while True:
        time.sleep(1)


def _crash(seed: int, case: int, folder: Path) -> Outcome:
    os.abort()


def _allocate(seed: int, case: int, folder: Path) -> Outcome:
    return examine_call(lambda: bytes(1) * 2 + b"1" * (LARGEST + 2**24), case, "rewrite", "")


def _starve(seed: int, case: int, folder: Path) -> Outcome:
    return examine_call(lambda: bytearray(2**40), case, "rewrite", "")


def _fail(seed: int, case: int, folder: Path) -> Outcome:
    return examine_call(lambda: act("rewrite", Path("\0")), case, "rewrite", "")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (_hang, "hang"),
        (_crash, "crash"),
        (_allocate, "memory"),
        (_starve, "traceback"),
        (_fail, "traceback"),
    ],
)
def test_faults_are_found(fault: Examine, kind: str) -> None:
    longest = 2.0 if kind == "hang" else 6 * LONGEST
    outcomes = list(run(0, range(2), 1, fault, longest=longest))
    assert [(outcome.kind, outcome.failed) for outcome in outcomes] == [(kind, True)] * 2
