"""Models, ONNX Runtime and the command line, as the tests of onnxfcn share them."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import ModelProto

import onnxfcn
from onnxfcn.cli import main
from sample_models import lenet as lenet_sample
from tests.onnxfcn.schemas import schema_of

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Finished:
    """What a run of the command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def lenet() -> ModelProto:
    return lenet_sample.build()


@pytest.fixture
def lenet_file(lenet: ModelProto, tmp_path: Path) -> Path:
    path = tmp_path / "lenet.onnx"
    onnx.save(lenet, path)
    return path


@pytest.fixture
def fcn(lenet_file: Path, tmp_path: Path) -> Path:
    """LeNet's fully convolutional form; its own size is in the metadata alone."""
    rewritten = tmp_path / "fcn.onnx"
    onnxfcn.rewrite(lenet_file, rewritten, validate=False)
    return rewritten


@pytest.fixture
def pair(lenet_file: Path, fcn: Path) -> tuple[Path, Path]:
    """Files of LeNet and of its fully convolutional form."""
    return lenet_file, fcn


@pytest.fixture(scope="module")
def models() -> tuple[ModelProto, ModelProto]:
    """LeNet and its fully convolutional form, which no test may change."""
    original = lenet_sample.build()
    return original, onnxfcn.rewrite(original, validate=False).model


@pytest.fixture
def external(lenet: ModelProto, tmp_path: Path) -> Path:
    """LeNet with the larger weights in a file beside it."""
    path = tmp_path / "in" / "external.onnx"
    path.parent.mkdir()
    onnx.save(lenet, path, save_as_external_data=True, location="weights.bin", size_threshold=1024)
    return path


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """An output that stands already."""
    path = tmp_path / "out.onnx"
    path.write_bytes(b"precious")
    return path


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Finished]:
    """Run ``onnxfcn`` in this process, and see what it writes to the real file descriptors."""

    def run(*arguments: object) -> Finished:
        monkeypatch.setattr(sys, "argv", ["onnxfcn", *map(str, arguments)])
        capfd.readouterr()
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code or 0
        written = capfd.readouterr()
        assert isinstance(code, int)
        return Finished(code, written.out, written.err)

    return run


@pytest.fixture
def checked(command: Callable[..., Finished]) -> Callable[..., dict[str, Any]]:
    """Run a command with ``--json``, and check its standard output against the schema."""

    def run(name: str, *arguments: object, code: int = 0) -> dict[str, Any]:
        finished = command(name, *arguments, "--json")
        assert finished.code == code, finished
        content: dict[str, Any] = json.loads(finished.out)
        jsonschema.Draft202012Validator(schema_of(name)).validate(content)
        return content

    return run


@pytest.fixture
def fails(command: Callable[..., Finished], tmp_path: Path) -> Callable[..., Finished]:
    """Run a command that must fail: with a code, one line on standard error, nothing changed."""

    def run(*arguments: object, code: int, says: str) -> Finished:
        before = contents(tmp_path)
        finished = command(*arguments)
        assert finished.code == code, finished
        assert says in finished.err
        assert "Traceback" not in finished.err
        lines = finished.err.splitlines()
        # Typer reminds of the usage before it says what is wrong with an option.
        reminded = lines[0].startswith("Usage: ") and lines[-1].startswith("Error: ")
        assert reminded or (len(lines) == 1 and lines[0].startswith("onnxfcn: ")), finished.err
        assert contents(tmp_path) == before
        return finished

    return run


def contents(folder: Path) -> dict[str, bytes | str]:
    """Everything in a folder: bytes of files, targets of links, ``folder`` for folders."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path)] = f"link to {path.readlink()}"
        else:
            found[str(path)] = "folder" if path.is_dir() else path.read_bytes()
    return found
