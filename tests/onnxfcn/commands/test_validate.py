"""``onnxfcn validate``: what it proves, what it catches, and what it prints."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import GraphProto, ModelProto

import onnxfcn
from sample_models import lenet as lenet_sample
from tests.onnxfcn import sabotage
from tests.onnxfcn.model_texts import model

Command = Callable[..., Any]
Fails = Callable[..., Any]
ROOT = Path(__file__).parents[3]
Pair = tuple[Path, Path]

BAKED = {
    "cut": """x = Conv<pads=[1, 1, 1, 1]>(image, kernel) a = Relu(x)
    [cut] c = Slice(a, @(1, 1), @(7, 7), @(2, 3)) p = Pad(c, @(0, 0, 1, 1, 0, 0, 1, 1))
    v = Flatten(p) [dense] out = Gemm(v, dense)""",
    "share": """x = Conv<pads=[1, 1, 1, 1]>(image, kernel) a = Relu(x) s = ReduceSum(a, @(2, 3))
    [share] q = Mul(s, @(0.015625)) w = Sigmoid(q) y = Mul(a, w)
    v = Flatten(y) [dense] out = Gemm(v, dense)""",
}
"""Classifiers by the node that has the image size baked in: a Slice's end, a gate's 1/64."""


def saved(path: Path, model: ModelProto) -> Path:
    onnx.save(model, path)
    return path


def baked_pair(name: str, folder: Path) -> Pair:
    """Files of a classifier with a baked node and of its fully convolutional form."""
    original = model(BAKED[name], "float[1,3,8,8]", "float[1,5] out")
    rewritten = onnxfcn.rewrite(original, validate=False).model
    return saved(folder / "in.onnx", original), saved(folder / "fcn.onnx", rewritten)


def test_faithful_model_is_proven(pair: Pair, command: Command) -> None:
    finished = command("validate", *pair)
    assert (finished.code, finished.err) == (0, "")
    assert "window 4x4 on feature map 'pool2'" in finished.out
    assert "cell = window" in finished.out
    assert "proven: every cell is what the original's head says of its window" in finished.out
    assert max(map(len, finished.out.splitlines())) <= 100


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (sabotage.transpose_kernel, "differ"),
        (sabotage.drop_bias, "differ"),
        (sabotage.double_the_step, "2x2 cells, expected 3x4"),
        (sabotage.softmax_over_rows, "differ"),
        (sabotage.rotate_answers_by_a_row, "differ"),
        (sabotage.rotate_answers_by_a_column, "differ"),
        (sabotage.poison, "differ"),
    ],
)
def test_spoiled_head_is_caught(
    spoil: Callable[[GraphProto], None], says: str, pair: Pair, fails: Fails
) -> None:
    spoiled = onnx.load(pair[1])
    spoil(spoiled.graph)
    onnx.save(spoiled, pair[1])
    fails("validate", *pair, "--size", "36x40", code=5, says=says)


@pytest.mark.parametrize(
    ("name", "says"), [("cut", "cut (Slice)"), ("share", "wrong at s (ReduceSum)")]
)
def test_number_left_baked_in_the_trunk_is_caught_and_named(
    name: str, says: str, tmp_path: Path, command: Command, fails: Fails
) -> None:
    original, rewritten = baked_pair(name, tmp_path)
    assert command("validate", original, rewritten).code == 0
    spoiled = onnx.load(rewritten)
    sabotage.bake(spoiled.graph, onnx.load(original).graph, name)
    onnx.checker.check_model(spoiled, full_check=True)
    onnx.save(spoiled, rewritten)
    fails("validate", original, rewritten, code=5, says=says)


def test_wanted_step_is_an_option(pair: Pair, command: Command) -> None:
    stepping = onnx.load(pair[1])
    sabotage.double_the_step(stepping.graph)
    onnx.save(stepping, pair[1])
    assert command("validate", *pair, "--window-step", "2").code == 0
    assert "--window-step" in command("validate", *pair).err


def test_models_in_the_wrong_order_are_not_compared(pair: Pair, fails: Fails) -> None:
    fails("validate", pair[1], pair[0], code=5, says="the original comes first")


def test_missing_model(pair: Pair, tmp_path: Path, fails: Fails) -> None:
    fails("validate", pair[0], tmp_path / "nope.onnx", code=2, says="does not exist")


def test_seed_changes_the_images(pair: Pair, command: Command) -> None:
    def errors(seed: int) -> object:
        content = json.loads(command("validate", *pair, "--json", "--seed", seed).out)
        return content["validation"]["sizes"]

    assert errors(1) == errors(1)
    assert errors(1) != errors(2)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_nothing_is_written(
    options: tuple[str, ...], pair: Pair, tmp_path: Path, command: Command
) -> None:
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert command("validate", *pair, *options).code == 0
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def on_terminal(*arguments: object) -> tuple[str, str]:
    """What the command writes to standard output, and to a terminal that is standard error."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "onnxfcn", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=follower,
        text=True,
    )
    os.close(follower)
    out = process.communicate()[0]
    shown = b""
    try:
        while part := os.read(leader, 4096):
            shown += part
    except OSError:  # the end of a terminal
        pass
    os.close(leader)
    assert process.returncode == 0
    return out, shown.decode()


def test_bar_is_for_terminals_only(pair: Pair, command: Command) -> None:
    out, shown = on_terminal("validate", *pair, "--size", "64x72")
    assert "windows at 64x72" in shown
    assert "crops at 64x72" in shown
    assert "windows at" not in out
    assert command("validate", *pair, "--size", "64x72").err == ""


def with_classes(original: ModelProto) -> ModelProto:
    """LeNet with the number of its most probable class instead of probabilities."""
    (softmax,) = (node for node in original.graph.node if node.op_type == "Softmax")
    softmax.op_type = "ArgMax"
    softmax.attribute[0].i = 1
    softmax.output[0] = "class"
    output = original.graph.output[0]
    output.name = "class"
    output.type.tensor_type.elem_type = onnx.TensorProto.INT64
    output.type.tensor_type.shape.dim[1].dim_value = 1
    return original


def test_classes_must_be_equal(tmp_path: Path, command: Command, fails: Fails) -> None:
    original = with_classes(lenet_sample.build())
    rewritten = onnxfcn.rewrite(original, validate=False).model
    files = saved(tmp_path / "in.onnx", original), saved(tmp_path / "out.onnx", rewritten)
    assert command("validate", *files).code == 0
    spoiled = sabotage.copy_of(rewritten)
    sabotage.change(spoiled.graph, "fc5.bias", lambda values: values[::-1])
    onnx.save(spoiled, files[1])
    fails("validate", *files, "--rtol", "10", "--atol", "100", code=5, says="differ")


@pytest.mark.parametrize("options", [(), ("--max-cells", "5")])
def test_ties_of_classes_are_reported_and_no_failure(
    options: tuple[str, ...], tmp_path: Path, command: Command
) -> None:
    original = with_classes(lenet_sample.build())
    # Two classes with the same weights, high above the others; the rewritten model has one of
    # them a rounding higher.
    high = np.float32([0] * 8 + [100, 100])
    for name in ("fc5.weight", "fc5.bias"):
        sabotage.change(original.graph, name, lambda v: np.concatenate([v[:9], v[8:9]]))
    sabotage.change(original.graph, "fc5.bias", lambda values: values + high)
    rewritten = onnxfcn.rewrite(original, validate=False).model
    raised = np.float32([0] * 9 + [1e-4])
    sabotage.change(rewritten.graph, "fc5.bias", lambda values: values + raised)
    files = saved(tmp_path / "in.onnx", original), saved(tmp_path / "out.onnx", rewritten)
    arguments = ("validate", *files, "--size", "36x40", *options)
    finished = command(*arguments, "--json")
    assert finished.code == 0, finished.err
    (size,) = json.loads(finished.out)["validation"]["sizes"]
    (classes,) = (found for found in size["comparisons"] if found["output"] == "class")
    assert classes["ties"] > 0
    assert classes["max_error"] == 0
    assert " at ties" in command(*arguments).out
    sabotage.change(rewritten.graph, "fc5.bias", lambda values: values + 1000 * raised)
    onnx.save(rewritten, files[1])
    assert command(*arguments).code == 5
