"""Time and memory are those of the script alone."""

import subprocess

import numpy as np
import pytest

from benchmarks.processes import run_apart


def test_seconds_and_what_was_printed() -> None:
    cost, printed = run_apart("import sys, time\ntime.sleep(0.3)\nprint(sys.argv[1:])", "a", "b")
    assert cost.seconds >= 0.3
    assert printed == "['a', 'b']"


def test_peak_is_the_scripts_own() -> None:
    held = np.ones(40_000_000)  # 320 MB, of which the small script must not be told.
    small, _ = run_apart("")
    large, _ = run_apart("held = bytearray(200_000_000)\ndel held")
    assert held.any()
    assert 1 < small.megabytes < 100
    assert 200 < large.megabytes < 300


def test_failure_is_raised(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        run_apart("raise SystemExit('broken')")
    assert "broken" in capfd.readouterr().err
