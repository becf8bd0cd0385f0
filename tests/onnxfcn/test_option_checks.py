"""Options that Python callers get wrong are named, not taken for something else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto

import onnxfcn

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"passes": "dynamic_spatial_axes"}, "passes is a list: ['dynamic_spatial_axes']"),
    ({"external_data": "Always"}, "external_data is one of auto, always, never, not Always"),
    ({"sizes": (40, 44)}, "a size is one positive number an axis, such as (224, 224), not 40"),
    ({"sizes": [(40, 0)]}, "such as (224, 224), not (40, 0)"),
    ({"sizes": [(40.0, 44)]}, "such as (224, 224), not (40.0, 44)"),
    ({"input_size": "28x28"}, "such as (224, 224), not 28x28"),
    ({"seed": -1}, "seed must not be negative, got -1"),
    ({"rtol": float("nan")}, "tolerances must not be negative, got rtol=nan, atol=0.0"),
    ({"max_cells": 0}, "max_cells must be a positive whole number, got 0"),
]


@pytest.mark.parametrize(("options", "says"), WRONG, ids=[says for _, says in WRONG])
def test_of_rewrite(options: dict[str, Any], says: str, lenet: ModelProto, tmp_path: Path) -> None:
    with pytest.raises(onnxfcn.UsageError) as error:
        onnxfcn.rewrite(lenet, tmp_path / "out.onnx", **options)
    assert says in str(error.value)
    assert not list(tmp_path.iterdir())


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


def test_sizes_may_be_numbers_of_numpy(lenet: ModelProto) -> None:
    report = onnxfcn.rewrite(lenet, sizes=[np.array([36, 40])])
    assert report.validation
    assert [size.size for size in report.validation.sizes] == [(36, 40)]
    assert all(type(extent) is int for extent in report.validation.sizes[0].size)
