"""Ifs of which every image takes the same branch, from file to file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import GraphProto, ModelProto, TensorProto, numpy_helper
from onnx.external_data_helper import uses_external_data

import onnxfcn
from tests.onnxfcn.model_texts import model
from tests.onnxfcn.models import random_image, run_model

Command = Callable[..., Any]
Fails = Callable[..., Any]

ALONE = ("--pass", "inline_branches")
IF = """shape = Shape(x) channels = Gather<axis = 0>(shape, @(1)) yes = Equal(channels, @({}))
[if] r = If(yes) <
  then_branch = one () => (float[1,8,8,8] a)
    <float[1,8,1,1] scale = {{0.5, 2.0, -3.0, 1.5, 0.25, -1.0, 4.0, 0.75}}> {{ a = Mul(x, scale) }},
  else_branch = two () => (float[1,8,8,8] b) {{ b = Neg(x) }}
>"""


def branched(channels: int = 8) -> ModelProto:
    """A classifier that scales its map where it has so many channels; it has eight."""
    made = model(
        f"x = Conv<pads=[1, 1, 1, 1]>(image, kernel) {IF.format(channels)}"
        " f = Flatten(r) [fc] out = Gemm(f, dense)",
        "float[1,3,8,8]",
        "float[1,5] out",
    )
    for scale in branch_weights(made):
        scale.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(scale), scale.name))
    return made


def branch_graphs(made: ModelProto) -> Iterator[GraphProto]:
    for node in made.graph.node:
        yield from (attribute.g for attribute in node.attribute if attribute.HasField("g"))


def branch_weights(made: ModelProto) -> Iterator[TensorProto]:
    for branch in branch_graphs(made):
        yield from branch.initializer


@pytest.mark.parametrize("channels", [8, 7], ids=["then", "else"])
def test_head_behind_a_branch_slides(channels: int) -> None:
    original = branched(channels)
    report = onnxfcn.rewrite(original)
    assert report.rewrites[0].node == "if"
    assert report.model is not None
    assert "If" not in {node.op_type for node in report.model.graph.node}
    assert report.validation
    assert report.validation.passed
    image = random_image(1, 3, 8, 8)
    (before,), (after,) = (run_model(each, image) for each in (original, report.model))
    assert after.reshape(before.shape) == pytest.approx(before, rel=1e-4, abs=1e-4)


def test_branch_with_its_weights_in_a_data_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = tmp_path / "in" / "m.onnx", tmp_path / "out.onnx"
    source.parent.mkdir()
    original = branched()
    large = numpy_helper.from_array(np.ones(2048, np.float32), "large")
    next(branch_graphs(original)).initializer.append(large)
    onnx.save(original, source, save_as_external_data=True, location="m.data", size_threshold=0)
    stored = [*branch_weights(onnx.load(source, load_external_data=False))]
    assert [uses_external_data(weight) for weight in stored] == [True, True]
    monkeypatch.chdir(tmp_path)  # data is looked for beside the model, not here
    assert onnxfcn.rewrite(source, output).data_file
    image = random_image(1, 3, 8, 8)
    (before,), (after,) = (run_model(each, image) for each in (source, output))
    assert after.reshape(before.shape) == pytest.approx(before, rel=1e-4, abs=1e-4)


def test_inlining_alone_keeps_the_answers(tmp_path: Path, command: Command) -> None:
    onnx.save(branched(), tmp_path / "in.onnx")
    finished = command("rewrite", tmp_path / "in.onnx", tmp_path / "out.onnx", *ALONE)
    assert (finished.code, finished.err) == (0, "")
    assert "as original" in finished.out
    result = onnx.load(tmp_path / "out.onnx")
    assert [node.op_type for node in result.graph.node] == ["Conv", "Mul", "Flatten", "Gemm"]
    image = random_image(1, 3, 8, 8)
    (before,), (after,) = (run_model(each, image) for each in (branched(), result))
    np.testing.assert_array_equal(after, before)


def test_nothing_to_inline(tmp_path: Path, lenet_file: Path, fails: Fails) -> None:
    fails("rewrite", lenet_file, tmp_path / "o.onnx", *ALONE, code=3, says="no If after an image")


def test_the_other_branch_in_its_place_is_found_out(tmp_path: Path, command: Command) -> None:
    onnx.save(branched(8), tmp_path / "original.onnx")
    onnxfcn.rewrite(branched(7), tmp_path / "wrong.onnx")
    finished = command("validate", tmp_path / "original.onnx", tmp_path / "wrong.onnx")
    assert finished.code == 5
