"""Commands on a model that is itself the result of a rewrite."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

import onnxfcn
from onnxfcn.geometry.metadata import PREFIX

Command = Callable[..., Any]
Fails = Callable[..., Any]


@pytest.fixture
def fcn(lenet_file: Path, tmp_path: Path) -> Path:
    """LeNet's fully convolutional form; its own size is in the metadata alone."""
    rewritten = tmp_path / "fcn.onnx"
    onnxfcn.rewrite(lenet_file, rewritten, validate=False)
    return rewritten


@pytest.fixture
def products(fcn: Path, tmp_path: Path) -> Path:
    """The same in matrix products."""
    path = tmp_path / "products.onnx"
    onnxfcn.rewrite(fcn, path, passes=["conv_to_gemm"], convolutions="heads", validate=False)
    return path


def forgetful(path: Path) -> Path:
    """The same model without metadata of where its cells lie."""
    model = onnx.load(path)
    kept = [entry for entry in model.metadata_props if not entry.key.startswith(PREFIX)]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, path)
    return path


def test_size_that_the_metadata_tell_is_not_asked_for(
    fcn: Path, products: Path, tmp_path: Path, command: Command
) -> None:
    again = command("rewrite", fcn, tmp_path / "again.onnx", "--pass", "conv_to_gemm")
    seen = command("validate", fcn, products)
    timed = command("bench", fcn, products, "--size", "32x28")
    for finished in (again, seen, timed):
        assert (finished.code, finished.err) == (0, "")
        assert "28x28" in finished.out
    assert "window 4x4 on feature map 'pool2'" in seen.out


def test_given_size_goes_before_the_one_that_is_told(fcn: Path, products: Path) -> None:
    report = onnxfcn.validate(fcn, products, input_size=(32, 36))
    assert report.identity.size == (32, 36)
    assert onnxfcn.validate(fcn, products).identity.size == (28, 28)


def test_size_that_nothing_tells_is_asked_for(
    fcn: Path, products: Path, tmp_path: Path, fails: Fails
) -> None:
    forgetful(fcn)
    fails("validate", fcn, products, code=2, says="--input-size")
    options = ("--pass", "conv_to_gemm")
    fails("rewrite", fcn, tmp_path / "again.onnx", *options, code=2, says="--input-size")


def test_size_of_the_metadata_is_nothing_to_a_model_with_a_size(fcn: Path, tmp_path: Path) -> None:
    model = onnx.load(fcn)
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = 32
    for axis in (2, 3):
        model.graph.output[0].type.tensor_type.shape.dim[axis].dim_value = 2
    report = onnxfcn.rewrite(model, passes=["conv_to_gemm"]).validation
    assert report
    assert report.passed
    assert report.identity.size == (32, 32)
