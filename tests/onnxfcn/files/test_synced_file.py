"""Weights are copied by the system where it can, and from a file that does not change."""

import errno
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onnxfcn
from tests.onnxfcn.files.external import DATA
from tests.onnxfcn.protos import arrays

Fails = Callable[..., Any]


def test_input_that_changes_while_it_is_copied_gives_no_output(
    external: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, copy = external.with_name(DATA), os.copy_file_range

    def meddle(*given: Any) -> int:
        done = copy(*given)
        if given[3] + done == data.stat().st_size:  # nothing is read after that
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


@pytest.mark.parametrize("gives_up", [False, True])
def test_system_that_copies_a_few_bytes_at_once_writes_the_same(
    gives_up: bool, external: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, calls = os.copy_file_range, itertools.count()

    def some(source: int, target: int, count: int, offset: int) -> int:
        if gives_up and next(calls) % 2:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return copy(source, target, min(count, 1000), offset)

    monkeypatch.setattr(os, "copy_file_range", some)
    onnxfcn.rewrite(external, tmp_path / "fcn.onnx", validate=False)
    old, new = arrays(external), arrays(tmp_path / "fcn.onnx")
    assert all(np.array_equal(new[name].ravel(), old[name].ravel()) for name in old)
