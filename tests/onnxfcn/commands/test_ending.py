"""A command that others end leaves nothing half-written, and says nothing."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from onnxfcn.commands.output import Bar
from tests.onnxfcn.conftest import contents
from tests.onnxfcn.processes import run_python

READER_GONE = 141

Command = Callable[..., Any]


@pytest.fixture
def closed() -> Iterator[int]:
    """A pipe that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect"],
        ["inspect", "--json"],
        ["passes"],
        ["--version"],
        ["--help"],
        ["bench", "--help"],
    ],
)
def test_closed_pipe(arguments: list[str], lenet_file: Path, closed: int) -> None:
    model = [lenet_file] if arguments[0] == "inspect" else []
    finished = run_python("-m", "onnxfcn", *arguments, *model, stdout=closed)
    assert (finished.returncode, finished.stderr) == (READER_GONE, "")


def test_closed_pipe_behind_a_rewrite(lenet_file: Path, tmp_path: Path, closed: int) -> None:
    arguments = ("-m", "onnxfcn", "rewrite", lenet_file, tmp_path / "out.onnx", "--no-validate")
    for options in ((), ("--json",)):
        finished = run_python(*arguments, *options, stdout=closed)
        assert (finished.returncode, finished.stderr) == (READER_GONE, "")
        assert (tmp_path / "out.onnx").is_file()


def test_failure_before_a_closed_pipe_is_told(
    lenet_file: Path, tmp_path: Path, closed: int
) -> None:
    arguments = ("-m", "onnxfcn", "rewrite", lenet_file, tmp_path / "out.onnx", "--rtol", "1e-12")
    for options in ((), ("--json",)):
        finished = run_python(*arguments, *options, stdout=closed)
        assert finished.returncode == 5
        assert len(finished.stderr.splitlines()) == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_while_a_rewrite_is_proven_leaves_everything_as_it_was(
    number: signal.Signals,
    code: int,
    lenet_file: Path,
    precious: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, stages = contents(precious.parent), []

    def send(*_: object) -> None:
        stages.extend(path for path in precious.parent.iterdir() if path.is_dir())
        os.kill(os.getpid(), number)

    monkeypatch.setattr(Bar, "advance", send)
    own = signal.getsignal(signal.SIGTERM)
    finished = command("rewrite", lenet_file, precious)
    assert (finished.code, finished.out, finished.err) == (code, "", "")
    assert stages
    assert contents(precious.parent) == before
    assert signal.getsignal(signal.SIGTERM) is own
