"""Models with weights in a file beside them: what is read, and what is refused."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx.external_data_helper import uses_external_data

import onnxfcn
from tests.onnxfcn.files.external import DATA, set_location
from tests.onnxfcn.models import random_image, run_model

Fails = Callable[..., Any]


def test_external_data_is_found_from_any_current_folder(
    external: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert onnxfcn.rewrite(external, tmp_path / "fcn.onnx").validation
    monkeypatch.chdir(external.parent)
    assert onnxfcn.rewrite(external.name, "here.onnx").validation
    assert external.with_name("here.onnx.data").is_file()


def test_missing_external_data(external: Path, tmp_path: Path, fails: Fails) -> None:
    external.with_name(DATA).unlink()
    fails("rewrite", external, tmp_path / "out.onnx", code=4, says="missing")


def test_external_data_that_is_too_short(external: Path, tmp_path: Path, fails: Fails) -> None:
    os.truncate(external.with_name(DATA), 100_000)
    fails("rewrite", external, tmp_path / "out.onnx", code=4, says="too short")


def test_external_data_at_an_absolute_place(external: Path, tmp_path: Path, fails: Fails) -> None:
    set_location(external, str(external.with_name(DATA)))
    finished = fails("rewrite", external, tmp_path / "out.onnx", code=4, says="an absolute path")
    assert f"save the model again with the location '{DATA}'" in finished.err
    set_location(external, str(tmp_path / DATA))
    finished = fails("rewrite", external, tmp_path / "out.onnx", code=4, says="an absolute path")
    assert finished.err.endswith("save the model again\n")


def test_external_data_that_climbs_out(external: Path, tmp_path: Path, fails: Fails) -> None:
    external.with_name(DATA).rename(tmp_path / DATA)
    set_location(external, f"../{DATA}")
    fails("rewrite", external, tmp_path / "out.onnx", code=4, says="outside the model's folder")


def test_external_data_behind_a_link_that_leads_out(
    external: Path, tmp_path: Path, fails: Fails
) -> None:
    external.with_name(DATA).rename(tmp_path / DATA)
    external.with_name(DATA).symlink_to(tmp_path / DATA)
    fails("rewrite", external, tmp_path / "out.onnx", code=4, says="outside the model's folder")


def test_external_data_without_a_location(external: Path, tmp_path: Path, fails: Fails) -> None:
    set_location(external, "")
    fails("rewrite", external, tmp_path / "out.onnx", code=4, says="'conv2.weight' has no location")


@pytest.mark.parametrize(
    ("offset", "says"),
    [("-4096", "a bad entry"), ("many", "a bad entry"), (str(2**70), "too short")],
)
def test_external_data_with_a_bad_offset(
    offset: str, says: str, external: Path, tmp_path: Path, fails: Fails
) -> None:
    model = onnx.load(external, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "offset":
                entry.value = offset
    external.write_bytes(model.SerializeToString())
    fails("rewrite", external, tmp_path / "out.onnx", code=4, says=says)


def test_external_data_by_way_of_a_folder_that_is_not_there(
    external: Path, tmp_path: Path, fails: Fails
) -> None:
    set_location(external, f"sub/../{DATA}")
    fails("rewrite", external, tmp_path / "out.onnx", code=4, says="is missing")


def test_result_in_memory_needs_no_data_file(external: Path) -> None:
    report = onnxfcn.rewrite(external)
    assert report.validation
    external.with_name(DATA).rename(external.with_name("moved.bin"))
    (cells,) = run_model(report.model, random_image(1, 1, 28, 28))
    assert cells.shape == (1, 10, 1, 1)
    assert not any(map(uses_external_data, report.model.graph.initializer))


def test_model_in_memory_without_its_data_is_a_usage_error(external: Path) -> None:
    model = onnx.load(external, load_external_data=False)
    for call in (onnxfcn.rewrite, onnxfcn.inspect):
        with pytest.raises(onnxfcn.UsageError, match=r"'conv2\.weight' is in a file"):
            call(model)
