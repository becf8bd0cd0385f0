"""Promise 3: cells are measured against the original's answers on crops of the image."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto

import onnxfcn
import onnxfcn.proof.crops.meter
from onnxfcn.errors import OnnxfcnError
from tests.onnxfcn.model_texts import model
from tests.onnxfcn.models import random_image, run_model

Command = Callable[..., Any]
Fails = Callable[..., Any]
PADDED = """x = Conv<pads=[1, 1, 1, 1]>(image, kernel) a = Relu(x) v = Flatten(a)
[dense] out = Gemm(v, dense)"""
"""Cells of a pixel's stride whose receptive field is one pixel wider than their crop of 8x8."""


def padded(image: str = "float[1,3,8,8]", tail: str = "", output: str = "float[1,5] out") -> Any:
    return model(PADDED + tail, image, output)


def files_of(original: ModelProto, folder: Path, **options: Any) -> tuple[Path, Path]:
    onnx.save(original, folder / "in.onnx")
    onnxfcn.rewrite(folder / "in.onnx", folder / "out.onnx", **options)
    return folder / "in.onnx", folder / "out.onnx"


@pytest.mark.parametrize("batch", ["1", "N", "3"])
def test_numbers_are_those_of_runs_by_hand(batch: str, tmp_path: Path) -> None:
    image = f"float[{batch},3,8,8]"
    files = files_of(padded(image, output=f"float[{batch},5] out"), tmp_path)
    values = random_image(int(batch) if batch.isdecimal() else 2, 3, 10, 11)
    np.save(tmp_path / "image.npy", values)
    report = onnxfcn.validate(*files, inputs=[tmp_path / "image.npy"])
    assert report.crops is not None
    found = report.crops.results[-1]
    assert (found.output, found.size, found.map_size) == ("out", (10, 11), (3, 4))
    (cells,) = run_model(files[1], values)
    crops = np.empty_like(cells)
    for row, column in np.ndindex(3, 4):
        crop = np.ascontiguousarray(values[:, :, row : row + 8, column : column + 8])
        crops[:, :, row, column] = run_model(files[0], crop)[0]
    scale = np.abs(crops).max()
    deviations = np.abs(cells - crops).max(axis=1) / scale
    agree = cells.argmax(axis=1) == crops.argmax(axis=1)
    border = np.ones((3, 4), bool)
    border[1:2, 1:3] = False
    assert found.scale == pytest.approx(scale, rel=1e-5)
    for group, chosen in ((found.border, border), (found.inside, ~border)):
        assert group.cells == group.measured == chosen.sum()
        assert group.median == pytest.approx(np.median(deviations[:, chosen]), rel=1e-3)
        assert group.maximum == pytest.approx(deviations[:, chosen].max(), rel=1e-3)
        assert group.agreement == pytest.approx(agree[:, chosen].mean())
    assert found.beyond == 0
    assert not found.passed


def test_trunk_without_padding_has_cells_that_are_crops(
    lenet_file: Path, tmp_path: Path, command: Command
) -> None:
    onnxfcn.rewrite(lenet_file, tmp_path / "out.onnx")
    files = lenet_file, tmp_path / "out.onnx"
    finished = command("validate", *files, "--require-crops", "--json")
    assert (finished.code, finished.err) == (0, "")
    crops = json.loads(finished.out)["validation"]["crops"]
    assert {found["graph"] for found in crops["results"]} == {"exact"}
    assert [found["inside"]["measured"] for found in crops["results"]] == [12, 6]
    assert all(found["inside"]["maximum"] < 1e-5 for found in crops["results"])
    assert all(found["border"]["cells"] == 0 for found in crops["results"])


STRIDES = "x = Conv<strides=[2, 2]>(image, kernel) v = Flatten(x) [dense] out = Gemm(v, dense)"
"""The last row and column of 18 pixels are read by nothing."""


def test_cells_whose_crops_leave_the_image_are_named_and_not_compared(
    tmp_path: Path, command: Command
) -> None:
    files = files_of(model(STRIDES, "float[1,3,18,18]", "float[1,5] out"), tmp_path)
    finished = command("validate", *files, "--size", "19x18", "--require-crops")
    assert (finished.code, finished.err) == (0, "")
    says = "1 cell of 2 would stand for a crop that leaves the image: not measured"
    assert f"of 'out' at 19x18, {says}" in finished.out
    whole = command("validate", *files, "--size", "20x18", "--require-crops")
    assert whole.code == 0
    assert "not measured" not in whole.out


def test_only_cells_whose_crop_is_inside_are_called_crops(tmp_path: Path, command: Command) -> None:
    said = "'out': exact, every cell whose crop is inside the image is what the original says of it"
    files = files_of(model(STRIDES, "float[1,3,18,18]", "float[1,5] out"), tmp_path)
    assert said in command("inspect", files[1]).out
    # Of 17 pixels the last is read, and images of 18 have no cell more.
    files = files_of(model(STRIDES, "float[1,3,17,17]", "float[1,5] out"), tmp_path)
    said = "'out': exact, every cell is what the original says of its crop"
    assert said in command("inspect", files[1]).out


def test_map_of_the_original_is_no_answer_to_a_crop(tmp_path: Path, command: Command) -> None:
    files = files_of(
        model(f"{STRIDES} map = Relu(x)", "float[1,3,17,17]", "float[1,5] out, float[1,8,8,8] map"),
        tmp_path,
    )
    for finished in (command("inspect", file) for file in files):
        assert "8x8 cells at 17x17, cell (0,0) = first cell of crop (0,0)-(17,17)" in finished.out
        said = "exact, every cell whose crop is inside the image is the first cell of what the"
        assert f"'map': {said} original says of it" in finished.out
    image = random_image(1, 3, 19, 23)
    cells = run_model(files[1], image, "map")[0]
    assert cells.shape == (1, 8, 9, 11)
    for row, column in np.ndindex(2, 4):
        crop = np.ascontiguousarray(image[:, :, 2 * row :, 2 * column :][:, :, :17, :17])
        first = run_model(files[0], crop, "map")[0][:, :, 0, 0]
        np.testing.assert_allclose(cells[:, :, row, column], first, atol=1e-5)


def test_what_is_seen_of_a_map_of_the_original_is_said(tmp_path: Path, command: Command) -> None:
    text = f"{STRIDES} map = Relu(x) more = Neg(x)"
    outputs = "float[1,5] out, float[1,8,8,8] map, float[1,8,8,8] more"
    files = files_of(model(text, "float[1,3,17,17]", outputs), tmp_path)
    finished = command("validate", *files)
    assert "'map', 'more' are maps in the original already: on larger images their" in finished.out
    assert "cells are not compared with crops" in finished.out


def test_padded_trunk_is_a_finding_and_a_failure_if_crops_are_required(
    tmp_path: Path, command: Command, fails: Fails
) -> None:
    files = files_of(padded(), tmp_path)
    finished = command("validate", *files)
    assert (finished.code, finished.err) == (0, "")
    assert "by its graph, 'out' is approximate: Conv" in finished.out
    assert "distance from the original's answers on crops of the image" in finished.out
    says = "cells of 'out' are not what the original says of their crops"
    fails("validate", *files, "--require-crops", code=5, says=says)
    assert command("validate", *files, "--require-crops", "--rtol", "2").code == 0


def test_of_many_cells_some_of_each_kind_are_measured(tmp_path: Path, command: Command) -> None:
    files = files_of(padded(), tmp_path)
    finished = command("validate", *files, "--size", "40x50")
    assert "32 of 148" in finished.out
    assert "32 of 1271" in finished.out
    np.save(tmp_path / "image.npy", random_image(1, 3, 40, 50))
    options: dict[str, Any] = {"sizes": [(9, 8)], "inputs": [tmp_path / "image.npy"]}
    measured = []
    for seed in (1, 1, 2):
        crops = onnxfcn.validate(*files, seed=seed, **options).crops
        assert crops is not None
        measured.append(crops.results[-1])
    assert measured[0] == measured[1] != measured[2]
    assert measured[0].map_size == (33, 43)


def test_classes_agree_or_do_not(tmp_path: Path) -> None:
    tail = " class = ArgMax<axis=1, keepdims=0>(out)"
    files = files_of(padded(tail=tail, output="int64[1] class"), tmp_path)
    image = random_image(1, 3, 13, 13)
    np.save(tmp_path / "image.npy", image)
    report = onnxfcn.validate(*files, sizes=[(12, 12)], inputs=[tmp_path / "image.npy"])
    assert report.crops is not None
    found = report.crops.results[-1]
    crops = [
        np.ascontiguousarray(image[..., y : y + 8, x : x + 8])
        for y, x in np.ndindex(6, 6)
        if 0 < y < 5 and 0 < x < 5
    ]
    (cells,), (classes,) = run_model(files[1], image), run_model(files[0], crops)
    agreement = (cells[0, 1:-1, 1:-1].ravel() == classes).mean()
    assert found.inside.measured == len(crops) == 16
    assert found.inside.maximum is None
    assert found.inside.agreement == agreement
    assert 0 < agreement < 1


def test_answers_once_an_image_have_no_crops(tmp_path: Path, command: Command) -> None:
    body = "x = Conv<pads=[1, 1, 1, 1]>(image, kernel) p = GlobalAveragePool(x) out = Flatten(p)"
    original = model(body, "float[1,3,8,8]", "float[1,8] out")
    files = files_of(original, tmp_path, global_pool="keep")
    finished = command("validate", *files)
    assert finished.code == 0
    assert "crops" not in finished.out
    fails = command("validate", *files, "--require-crops")
    assert (fails.code, fails.err) == (5, "onnxfcn: no cell was compared with its crop\n")


def test_unknown_geometry_is_said_and_fails_only_if_crops_are_required(
    lenet_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise OnnxfcnError("where the cells of 'y' lie is lost at node 'n'")

    onnxfcn.rewrite(lenet_file, tmp_path / "out.onnx")
    monkeypatch.setattr(onnxfcn.proof.crops.meter, "ModelAnalysis", lost)
    finished = command("validate", lenet_file, tmp_path / "out.onnx")
    assert (finished.code, finished.err) == (0, "")
    assert "crops not measured: where the cells of 'y' lie is lost at node 'n'" in finished.out
    required = command("validate", lenet_file, tmp_path / "out.onnx", "--require-crops")
    assert required.code == 5
    assert "is lost at node 'n'" in required.err
