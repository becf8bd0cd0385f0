"""Options that Python callers get wrong are named, not taken for something else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto

import onnxfcn
from tests.model_texts import build

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"passes": "dynamic_spatial_axes"}, "passes is a list: ['dynamic_spatial_axes']"),
    ({"external_data": "Always"}, "external_data is one of auto, always, never, not Always"),
    ({"sizes": (40, 44)}, "a size is one positive number per axis, such as (224, 224), not 40"),
    ({"sizes": [(40, 0)]}, "such as (224, 224), not (40, 0)"),
    ({"sizes": [(40.0, 44)]}, "such as (224, 224), not (40.0, 44)"),
    ({"input_size": "28x28"}, "such as (224, 224), not 28x28"),
    ({"sizes": 5}, "sizes is a list of sizes, such as [(288, 320)], not 5"),
    ({"seed": -1}, "seed must be a whole number, and not negative, got -1"),
    ({"seed": 1.5}, "seed must be a whole number, and not negative, got 1.5"),
    ({"window_step": 1.5}, "window_step takes one positive number, or 2; got 1.5"),
    ({"window_step": (1.5, 2)}, "window_step takes one positive number, or 2; got 1.5,2"),
    ({"rtol": float("nan")}, "rtol: a tolerance is a number from 0 on, not nan"),
    ({"max_cells": 0}, "max_cells must be a positive whole number, got 0"),
    ({"max_cells": 2.0}, "max_cells must be a positive whole number, got 2.0"),
]


@pytest.mark.parametrize(("options", "says"), WRONG, ids=[says for _, says in WRONG])
def test_of_rewrite(options: dict[str, Any], says: str, lenet: ModelProto, tmp_path: Path) -> None:
    with pytest.raises(onnxfcn.UsageError) as error:
        onnxfcn.rewrite(lenet, tmp_path / "out.onnx", **options)
    assert says in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "option",
    [
        {"sizes": [(36, 40)]},
        {"provider": "cuda"},
        {"rtol": 1e-4},
        {"atol": 1e-9},
        {"max_cells": 4},
        {"seed": 1},
    ],
    ids=lambda option: next(iter(option)),
)
def test_of_a_proof_that_does_not_run(option: dict[str, Any], lenet: ModelProto) -> None:
    (name,) = option
    with pytest.raises(onnxfcn.UsageError, match=f"^{name} is an option of the proof, which does"):
        onnxfcn.rewrite(lenet, validate=False, **option)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"feature_maps": "pool2"}, "feature_maps is a list: ['pool2']"),
        ({"inputs": Path("a.npy")}, "inputs is a list: [PosixPath('a.npy')]"),
    ],
)
def test_of_validate(options: dict[str, Any], says: str, lenet: ModelProto) -> None:
    with pytest.raises(onnxfcn.UsageError) as error:
        onnxfcn.validate(lenet, lenet, **options)
    assert says in str(error.value)


def test_of_a_pass_that_does_not_run(tmp_path: Path) -> None:
    image, mask = "float[1,1,8,8] image", "float[1,1,8,8] mask"
    segmenter = build("mask = Relu(image)", inputs=image, outputs=mask)
    with pytest.raises(onnxfcn.UsageError, match="window_step takes one positive number, or 2"):
        onnxfcn.rewrite(
            segmenter,
            tmp_path / "out.onnx",
            passes=["dynamic_spatial_axes"],
            window_step=(1, 1, 1),
            input_layout="nchw",
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("batches", [5, [1.0]])
def test_of_bench(batches: Any, lenet: ModelProto) -> None:
    with pytest.raises(onnxfcn.UsageError, match="batches is a list of numbers, such as"):
        onnxfcn.bench(lenet, lenet, batches=batches)


@pytest.mark.parametrize("step", [np.int64(2), np.array([2, 2])])
def test_numbers_may_be_numpy_s(step: Any, lenet: ModelProto) -> None:
    report = onnxfcn.rewrite(
        lenet, window_step=step, sizes=[np.array([36, 40])], max_cells=np.int64(3)
    )
    assert report.window_step == (2, 2)
    assert report.validation
    assert [size.size for size in report.validation.sizes] == [(36, 40)]
    assert all(type(extent) is int for extent in report.validation.sizes[0].size)
