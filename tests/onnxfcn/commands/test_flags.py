"""Messages name options as they are written on the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from onnxfcn.commands.flags import with_flags
from tests.model_texts import build

Command = Callable[..., Any]
Fails = Callable[..., Any]


@pytest.mark.parametrize(
    ("said", "printed"),
    [
        ("made for: option input_size", "made for: --input-size"),
        ("Leave the option input_layout out: the", "Leave --input-layout out: the"),
        ("option convolutions, such as fc*", "--convolutions, such as fc*"),
        ("window_step takes one", "--window-step takes one"),
        ("batch is an option of the pass", "--batch is an option of the pass"),
        ("sizes: without the pass", "--size: without the pass"),
        ("head matmul rewrites", "--head matmul rewrites"),
        ("a batch of 8; the head is an option", "a batch of 8; the head is an option"),
        ("node 'input_size' (Conv), 'a/window_step'", "node 'input_size' (Conv), 'a/window_step'"),
        ("wrote input_size.onnx", "wrote input_size.onnx"),
        ("all sizes: some", "all sizes: some"),
        ("take --input-size", "take --input-size"),
    ],
)
def test_names(said: str, printed: str) -> None:
    assert with_flags(said) == printed


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--window-step", "1,2,3"), 2, "--window-step takes one positive number, or 2; got 1,2,3"),
        (("--pass", "dynamic_spatial_axes", "--window-step", "2"), 2, "--window-step is an option"),
        (("--pass", "flatten_gemm_to_conv", "--size", "40x40"), 2, "--size: without the pass"),
        (("--no-validate", "--seed", "2"), 2, "--seed is an option of the proof, which does not"),
        (("--no-validate", "--size", "36x40"), 2, "--size"),
        (("--no-validate", "--max-cells", "2"), 2, "--max-cells is an option of the proof"),
        (("--input-layout", "nhwx"), 4, "Leave --input-layout out: the graph tells it"),
    ],
)
def test_of_a_failure(
    arguments: tuple[str, ...], code: int, says: str, lenet_file: Path, precious: Path, fails: Fails
) -> None:
    finished = fails("rewrite", lenet_file, precious, *arguments, "--json", code=code, says=says)
    assert says in json.loads(finished.out)["message"]


def test_of_what_blocks_a_rewrite(tmp_path: Path, command: Command) -> None:
    model = build(
        "f = Flatten(x) y = MatMul(f, w)",
        inputs="float[1,2,H,W] x",
        outputs="float[1,3] y",
        w=(8, 3),
    )
    onnx.save(model, tmp_path / "in.onnx")
    for arguments in (("inspect",), ("rewrite", tmp_path / "out.onnx")):
        name, *rest = arguments
        finished = command(name, tmp_path / "in.onnx", *rest)
        printed = finished.out + finished.err
        assert "--input-size" in printed or "--input-layout" in printed
        assert "input_" not in printed
