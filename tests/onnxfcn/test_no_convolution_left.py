"""A rewritten model of matrix products alone: nothing in its graph tells which axes are spatial."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto

import onnxfcn
from tests.onnxfcn.model_texts import model

Command = Callable[..., Any]
Pair = tuple[Path, Path]

ALL = ["flatten_gemm_to_conv", "dynamic_spatial_axes", "conv_to_gemm"]
TEXTS = {
    "nchw": (
        "c = Conv<pads=[1, 1, 1, 1]>(image, kernel) r = Relu(c) f = Flatten(r)"
        " out = Gemm(f, dense)",
        "float[N,3,8,8]",
    ),
    "nhwc": (
        "t = Transpose<perm=[0, 3, 1, 2]>(image) c = Conv<pads=[1, 1, 1, 1]>(t, kernel)"
        " r = Relu(c) f = Flatten(r) out = Gemm(f, dense)",
        "float[N,8,8,3]",
    ),
}


@pytest.fixture(scope="module", params=TEXTS)
def models(request: pytest.FixtureRequest) -> tuple[ModelProto, ModelProto]:
    """A classifier without a pool, and its form without a convolution."""
    body, image = TEXTS[request.param]
    original = model(body, image, "float[N,5] out")
    rewritten = onnxfcn.rewrite(original, passes=ALL, validate=False).model
    assert "Conv" not in {node.op_type for node in rewritten.graph.node}
    return original, rewritten


@pytest.fixture
def pair(models: tuple[ModelProto, ModelProto], tmp_path: Path) -> Pair:
    """Files of the two."""
    paths = tmp_path / "in.onnx", tmp_path / "out.onnx"
    for each, path in zip(models, paths, strict=True):
        onnx.save(each, path)
    return paths


def forget(path: Path) -> None:
    """Take the metadata away, as other tools do."""
    rewritten = onnx.load(path)
    del rewritten.metadata_props[:]
    onnx.save(rewritten, path)


@pytest.mark.parametrize("told", [True, False])
def test_it_is_proven_and_timed_beside_its_original(
    told: bool, pair: Pair, command: Command
) -> None:
    if not told:
        forget(pair[1])
    seen = command("validate", *pair, "--size", "9x10", "--json")
    assert (seen.code, seen.err) == (0, "")
    content = json.loads(seen.out)["validation"]
    assert content["windows"] == {"r": [8, 8]}
    assert [region["output"] for region in content["regions"]] == ["c", "r"]
    assert content["proven"]
    assert content["crops"]["problems"] == []
    timed = command("bench", *pair, "--size", "9x10", "--batch", 1)
    assert (timed.code, timed.err) == (0, "")
    assert "9x10" in timed.out


def test_wrong_weights_are_found_out(pair: Pair, command: Command) -> None:
    spoiled = onnx.load(pair[1])
    weight = max(spoiled.graph.initializer, key=lambda tensor: int(np.prod(tensor.dims)))
    values = onnx.numpy_helper.to_array(weight)
    weight.CopyFrom(onnx.numpy_helper.from_array(values[::-1].copy(), weight.name))
    onnx.save(spoiled, pair[1])
    finished = command("validate", *pair, "--size", "9x10")
    assert finished.code == 5
    assert "differ" in finished.err


def test_map_in_both_layouts_is_one_map() -> None:
    original = model(
        """c = Conv<pads=[1, 1, 1, 1]>(image, kernel) r = Relu(c)
        d = Conv<pads=[1, 1, 1, 1]>(r, inner) p = MaxPool<kernel_shape=[3, 3], pads=[1, 1, 1, 1]>(c)
        s = Add(d, p) f = Flatten(s) out = Gemm(f, dense)""",
        "float[N,3,8,8]",
        "float[N,5] out",
    )
    rewritten = onnxfcn.rewrite(original, passes=ALL, validate=False).model
    read = {name for node in rewritten.graph.node for name in node.input}
    assert read >= {"c", "c_product", "r_channels_last"}
    report = onnxfcn.validate(original, rewritten, sizes=[(9, 10)])
    assert report.passed
    assert report.proven
    assert [region.output for region in report.regions] == ["c", "r", "d"]


def untold() -> ModelProto:
    return model(
        "r = Relu(image) f = Flatten(r) out = Gemm(f, dense)", "float[N,8,8,8]", "float[N,5] out"
    )


def test_layout_that_the_user_gave_is_in_the_metadata_alone(
    tmp_path: Path, command: Command
) -> None:
    onnx.save(untold(), tmp_path / "in.onnx")
    paths = tmp_path / "in.onnx", tmp_path / "out.onnx"
    onnxfcn.rewrite(*paths, passes=ALL, input_layout="nchw", validate=False)
    assert command("validate", *paths, "--size", "9x10").code == 0
    forget(paths[1])
    finished = command("validate", *paths)
    assert finished.code == 5
    assert "can be determined neither from the graphs of the two models nor from" in finished.err


def test_model_whose_size_was_not_freed_is_said_to_be_so(pair: Pair, command: Command) -> None:
    finished = command("validate", pair[0], pair[0])
    assert finished.code == 0
    assert "dynamic_spatial_axes frees it" in finished.out
    finished = command("bench", pair[0], pair[0])
    assert finished.code == 5
    assert "rewrite it with dynamic_spatial_axes" in finished.err
    assert "order ORIGINAL REWRITTEN" in finished.err
