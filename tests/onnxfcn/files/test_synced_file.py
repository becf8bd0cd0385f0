"""Weights are copied by the system where it can, and from a file that does not change."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import onnxfcn
from tests.onnxfcn.files.external import DATA

Fails = Callable[..., Any]


def test_input_that_changes_while_it_is_copied_gives_no_output(
    external: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, copy = external.with_name(DATA), os.copy_file_range

    def meddle(*given: Any) -> int:
        done = copy(*given)
        os.utime(data, ns=(1, 1))
        return done

    monkeypatch.setattr(os, "copy_file_range", meddle)
    with pytest.raises(onnxfcn.UnusableModelError, match="was changed while it was read"):
        onnxfcn.rewrite(external, tmp_path / "fcn.onnx", validate=False)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EXDEV])
def test_system_that_cannot_copy_by_itself_writes_the_same(
    error: int, external: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> int:
        raise OSError(error, os.strerror(error))

    (tmp_path / "other").mkdir()
    outputs = tmp_path / "fcn.onnx", tmp_path / "other" / "fcn.onnx"
    onnxfcn.rewrite(external, outputs[0], validate=False)
    monkeypatch.setattr(os, "copy_file_range", refuse)
    onnxfcn.rewrite(external, outputs[1], validate=False)
    first, second = (Path(f"{output}.data").read_bytes() for output in outputs)
    assert first == second
