"""Commands on a model that is itself the result of a rewrite."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import ModelProto

import onnxfcn
from onnxfcn.geometry.metadata import PREFIX
from sample_models import lenet as lenet_sample
from sample_models import light_models
from tests.model_texts import build

Command = Callable[..., Any]
Fails = Callable[..., Any]
POOLED = Path(__file__).parents[2] / "sample_models" / "exports" / "average_max.dynamo.onnx"


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


def convolutions_alone() -> ModelProto:
    """A classifier in which nothing but its convolutions tells which axes its image has."""
    return build(
        """[first] a = Conv<strides=[2,2]>(image, kernel) b = Relu(a)
        [second] c = Conv<strides=[2,2]>(b, kernel2) d = Relu(c)
        v = Flatten(d) [dense] out = Gemm(v, weight)""",
        inputs="float[N,3,16,16] image",
        outputs="float[N,5] out",
        kernel=(8, 3, 3, 3),
        kernel2=(8, 8, 3, 3),
        weight=(72, 5),
    )


def test_image_that_only_convolutions_told_is_asked_for(
    tmp_path: Path, command: Command, fails: Fails
) -> None:
    products, output = tmp_path / "products.onnx", tmp_path / "out.onnx"
    onnxfcn.rewrite(convolutions_alone(), products, passes=["conv_to_gemm"])
    asked = command("inspect", products)
    assert asked.code == 0
    assert "if 'image' is an image" in asked.out
    assert "--input-layout nchw" in asked.out
    told = command("inspect", products, "--input-layout", "nchw")
    assert "window 3x3 on feature map 'd'" in told.out
    fails("rewrite", products, output, code=4, says="--input-layout, such as nchw")
    assert command("rewrite", products, output, "--input-layout", "nchw").code == 0


ALREADY = "the model was rewritten already"


@pytest.mark.parametrize("head", ["conv", "matmul"])
@pytest.mark.parametrize("again", ["conv", "matmul"])
@pytest.mark.parametrize("make", [lenet_sample.build, convolutions_alone])
def test_model_that_was_rewritten_is_said_to_be_so(
    head: Any, again: Any, make: Callable[[], ModelProto], tmp_path: Path, fails: Fails
) -> None:
    rewritten, output = tmp_path / "fcn.onnx", tmp_path / "again.onnx"
    onnxfcn.rewrite(make(), rewritten, head=head, validate=False)
    fails("rewrite", rewritten, output, "--head", again, code=3, says=ALREADY)


def test_pool_that_slides_is_not_taken_for_one_of_the_whole_map(
    tmp_path: Path, fails: Fails
) -> None:
    rewritten = tmp_path / "fcn.onnx"
    onnxfcn.rewrite(light_models.load("squeezenet"), rewritten, validate=False)
    fails("rewrite", rewritten, tmp_path / "again.onnx", code=3, says=ALREADY)


def test_passes_say_themselves_why_they_do_nothing_more(
    fcn: Path, tmp_path: Path, fails: Fails
) -> None:
    products, output = tmp_path / "products.onnx", tmp_path / "again.onnx"
    onnxfcn.rewrite(fcn, products, passes=["conv_to_gemm"], validate=False)
    free, gemm = (("--pass", name) for name in ("dynamic_spatial_axes", "conv_to_gemm"))
    fails("rewrite", products, output, *free, code=3, says=ALREADY)
    fails("rewrite", products, output, *free, "--batch", "free", code=4, says="[baked-extent]")
    fails("rewrite", products, output, *gemm, code=3, says="there is no such convolution")


def test_model_of_another_tool_was_not_rewritten_already(fcn: Path, fails: Fails) -> None:
    model = onnx.load(fcn)
    del model.metadata_props[:]
    onnx.save(model, fcn)
    finished = fails("rewrite", fcn, fcn.with_name("again.onnx"), code=3, says="no dense layer")
    assert ALREADY not in finished.err


def test_pool_that_was_kept_slides_later(tmp_path: Path, command: Command) -> None:
    kept, slid = tmp_path / "kept.onnx", tmp_path / "slid.onnx"
    assert command("rewrite", POOLED, kept, "--global-pool", "keep").code == 0
    assert command("rewrite", kept, slid).code == 0
    assert command("validate", POOLED, slid).code == 0
