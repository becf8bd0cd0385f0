"""Convolutions as matrix products: what validation compares, and real networks at two sizes."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto

import onnxfcn
from passes import conv_to_gemm
from sample_models import light_models
from tests.model_texts import build
from tests.onnxfcn.model_texts import model
from tests.onnxfcn.models import random_image, run_model

BRANCHES, HEADS, AXES = "inline_branches", "flatten_gemm_to_conv", "dynamic_spatial_axes"
PRODUCTS = "conv_to_gemm"

Command = Callable[..., Any]

MAPS = """a = Conv<pads=[1, 1, 0, 0], strides=[2, 2]>(image, kernel) r = Relu(a)
b = Conv<pads=[1, 1, 1, 1]>(r, inner) coarse = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(b)"""


@pytest.fixture
def maps() -> ModelProto:
    return model(MAPS, "float[1,3,16,16]", "float[1,8,4,4] coarse")


def operators(model: ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_alone_keeps_the_interface_and_answers_as_the_original(lenet: ModelProto) -> None:
    report = onnxfcn.rewrite(lenet, passes=[PRODUCTS])
    assert report.validation
    assert report.validation.identity.against == "original"
    assert {c.output for c in report.validation.identity.comparisons} == {"probabilities", "fc5"}
    assert (report.model.graph.input, report.model.graph.output) == (
        lenet.graph.input,
        lenet.graph.output,
    )
    assert [rewrite.after for rewrite in report.rewrites] == ["MatMul 25 -> 6", "MatMul 150 -> 16"]
    assert "Conv" not in operators(report.model)


def test_alone_compares_at_larger_sizes_where_the_model_takes_them(maps: ModelProto) -> None:
    free = onnxfcn.rewrite(maps, passes=[AXES]).model
    report = onnxfcn.rewrite(free, passes=[PRODUCTS], input_size=(16, 16)).validation
    assert report
    assert report.proven
    assert [size.against for size in report.sizes] == ["original"] * 2
    assert all(min(size.size) > 16 for size in report.sizes)
    # The metadata of the freed model tell its own size, but without them nothing does.
    assert onnxfcn.rewrite(free, passes=[PRODUCTS]).validation == report
    del free.metadata_props[:]
    with pytest.raises(onnxfcn.UsageError, match="--input-size"):
        onnxfcn.rewrite(free, passes=[PRODUCTS])


def test_behind_freed_axes_the_form_with_convolutions_is_proven_too(maps: ModelProto) -> None:
    report = onnxfcn.rewrite(maps, passes=[AXES, PRODUCTS])
    assert report.validation
    assert report.validation.proven
    plain = onnxfcn.rewrite(maps, passes=[AXES]).validation
    assert plain
    compared = [size for size in report.validation.sizes if size.against == "convolutions"]
    assert [size.size for size in compared] == [(16, 16), *(size.size for size in plain.sizes)]
    assert "Conv" not in operators(report.model)


def test_wrong_products_are_found_out(maps: ModelProto, monkeypatch: pytest.MonkeyPatch) -> None:
    def mirrored(*given: Any) -> Any:
        read = real(*given)
        return replace(read, axes=tuple(replace(a, pads=a.pads[::-1]) for a in read.axes))

    real = conv_to_gemm.read_convolution
    monkeypatch.setattr(conv_to_gemm, "read_convolution", mirrored)
    for passes in ([PRODUCTS], [AXES, PRODUCTS]):
        with pytest.raises(onnxfcn.ValidationFailedError, match="answers differ"):
            onnxfcn.rewrite(maps, passes=passes)


def test_head_as_matrix_products_leaves_the_trunk(lenet: ModelProto) -> None:
    by_head = onnxfcn.rewrite(lenet, head="matmul")
    assert by_head.validation
    assert by_head.passes == (BRANCHES, HEADS, AXES, PRODUCTS)
    assert by_head.windows == {"pool2": (4, 4)}
    assert operators(by_head.model)[:6] == ["Conv", "Relu", "MaxPool"] * 2
    assert "Conv" not in operators(by_head.model)[6:]
    as_conv = onnxfcn.rewrite(lenet).model
    assert as_conv.graph.output == by_head.model.graph.output
    image = random_image(3, 1, 36, 33)
    (before,), (after,) = run_model(as_conv, image), run_model(by_head.model, image)
    assert after == pytest.approx(before, abs=1e-5)


def test_command_prints_both_proofs(lenet_file: Path, tmp_path: Path, command: Command) -> None:
    arguments = ("rewrite", lenet_file, tmp_path / "o.onnx", "--head", "matmul")
    finished = command(*arguments)
    assert finished.code == 0
    assert "Conv 4x4x16 -> 120     MatMul 256 -> 120" in finished.out
    assert finished.out.count("cell = window") == 4
    assert finished.out.count("as convolutions") == 6
    assert "nothing proven" not in finished.out
    content = json.loads(command(*arguments, "--json").out)
    assert content["validation"]["sizes"][-1]["against"] == "convolutions"


def test_names_of_no_convolution_are_a_usage_error(
    lenet_file: Path, precious: Path, fails: Callable[..., Any]
) -> None:
    arguments = ("rewrite", lenet_file, precious, "--pass", PRODUCTS, "--convolutions", "fc*")
    fails(*arguments, code=2, says="--convolutions: no Conv matches 'fc*'; the last one is 'conv2'")


def test_model_without_a_convolution_has_nothing_to_rewrite(
    tmp_path: Path, precious: Path, fails: Callable[..., Any]
) -> None:
    model = build("y = Relu(x)", inputs="float[1,4,8,8] x", outputs="float[1,4,8,8] y")
    onnx.save(model, tmp_path / "in.onnx")
    arguments = ("rewrite", tmp_path / "in.onnx", precious, "--pass", PRODUCTS)
    fails(*arguments, code=3, says="no such convolution")


@pytest.mark.parametrize("name", ["squeezenet", "shufflenet", "inception_v2", "densenet121"])
def test_light_model_without_a_convolution_answers_alike_at_288x320(name: str) -> None:
    original = light_models.with_random_weights(light_models.load(name))
    plain = onnxfcn.rewrite(original, validate=False).model
    for before, shape in ((original, (1, 3, 224, 224)), (plain, (1, 3, 288, 320))):
        after = onnxfcn.rewrite(before, passes=[PRODUCTS], validate=False).model
        assert "Conv" not in operators(after)
        assert {node.domain for node in after.graph.node} == {""}
        onnx.checker.check_model(after, full_check=True)
        image = random_image(*shape)
        (expected,), (actual,) = run_model(before, image), run_model(after, image)
        assert actual.shape == expected.shape
        assert np.abs(actual - expected).max() < 1e-4 * np.abs(expected).max()


def test_shipped_weights_stay_nodes_that_fill_them(tmp_path: Path) -> None:
    shipped = light_models.load("squeezenet")
    onnxfcn.rewrite(shipped, tmp_path / "o.onnx", passes=[PRODUCTS])
    assert (tmp_path / "o.onnx").stat().st_size < 100_000
