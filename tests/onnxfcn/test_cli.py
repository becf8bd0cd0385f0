"""The command: exit codes, one line for each failure, and what goes to which stream."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, helper

import onnxfcn.cli
from tests.model_texts import build
from tests.onnxfcn.processes import run_python

WIDTH = 100

Command = Callable[..., Any]
Fails = Callable[..., Any]


def fully_convolutional() -> ModelProto:
    """A model in which no dense layer is left to rewrite."""
    return build(
        "[only] y = Conv(x, w)",
        inputs="float[N,1,8,8] x",
        outputs="float[N,2,6,6] y",
        w=(2, 1, 3, 3),
    )


def double_precision() -> ModelProto:
    """A model that ONNX Runtime can run, until its Gemm becomes a Conv."""
    return build(
        "pool = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(x) flat = Flatten(pool)"
        " [classify] y = Gemm(flat, w)",
        inputs="double[N,1,8,8] x",
        outputs="double[N,3] y",
        dtype=np.float64,
        w=(16, 3),
    )


def saved(model: ModelProto, folder: Path) -> Path:
    path = folder / "in.onnx"
    onnx.save(model, path)
    return path


def test_rewrite_writes_the_output_and_says_so(
    lenet_file: Path, tmp_path: Path, command: Command
) -> None:
    output = tmp_path / "out.onnx"
    finished = command("rewrite", lenet_file, output)
    assert (finished.code, finished.err) == (0, "")
    onnx.checker.check_model(onnx.load(output), full_check=True)
    for text in ("Gemm 256 -> 120", "Conv 4x4x16 -> 120", "pool2", "cell = window", str(output)):
        assert text in finished.out


def test_command_gives_the_same_bytes_as_the_library(
    lenet_file: Path, tmp_path: Path, command: Command
) -> None:
    command("rewrite", lenet_file, tmp_path / "command.onnx")
    onnxfcn.rewrite(lenet_file, tmp_path / "library.onnx")
    assert (tmp_path / "command.onnx").read_bytes() == (tmp_path / "library.onnx").read_bytes()


def test_missing_input(tmp_path: Path, precious: Path, fails: Fails) -> None:
    fails("rewrite", tmp_path / "missing.onnx", precious, code=2, says="does not exist")


def test_input_that_is_a_folder(tmp_path: Path, precious: Path, fails: Fails) -> None:
    fails("rewrite", tmp_path, precious, code=2, says="is a folder")


def test_empty_input(tmp_path: Path, precious: Path, fails: Fails) -> None:
    (tmp_path / "in.onnx").touch()
    fails("rewrite", tmp_path / "in.onnx", precious, code=4, says="is empty")


@pytest.mark.parametrize("kept", [0.001, 0.01, 0.5, 0.999])
def test_truncated_input(kept: float, lenet_file: Path, precious: Path, fails: Fails) -> None:
    os.truncate(lenet_file, int(lenet_file.stat().st_size * kept))
    fails("rewrite", lenet_file, precious, code=4, says="lenet.onnx")


@pytest.mark.parametrize("text", ["hello, this is text\n", "{}", "\n" * 50, "a" * 1000])
def test_input_that_is_a_text_file(text: str, tmp_path: Path, precious: Path, fails: Fails) -> None:
    (tmp_path / "in.onnx").write_text(text)
    fails("rewrite", tmp_path / "in.onnx", precious, code=4, says="in.onnx")


def test_model_that_the_checker_rejects(
    lenet: ModelProto, tmp_path: Path, precious: Path, fails: Fails
) -> None:
    lenet.graph.node[0].attribute.append(helper.make_attribute("colour", "blue"))
    fails("rewrite", saved(lenet, tmp_path), precious, code=4, says="colour")


def test_model_with_a_weight_of_too_few_bytes(
    lenet: ModelProto, tmp_path: Path, precious: Path, fails: Fails
) -> None:
    (weight,) = (t for t in lenet.graph.initializer if t.name == "fc3.weight")
    weight.raw_data = weight.raw_data[:-4]
    fails("rewrite", saved(lenet, tmp_path), precious, code=4, says="fc3.weight")


def test_nothing_to_rewrite(tmp_path: Path, precious: Path, fails: Fails) -> None:
    source = saved(fully_convolutional(), tmp_path)
    fails("rewrite", source, precious, code=3, says="nothing to rewrite")


def test_nothing_to_rewrite_makes_no_file(tmp_path: Path, fails: Fails) -> None:
    source, output = saved(fully_convolutional(), tmp_path), tmp_path / "new.onnx"
    fails("rewrite", source, output, code=3, says="nothing to rewrite")
    assert not output.exists()


def test_rewritten_model_has_nothing_to_rewrite_any_more(
    lenet_file: Path, tmp_path: Path, fails: Fails
) -> None:
    onnxfcn.rewrite(lenet_file, lenet_file)
    fails("rewrite", lenet_file, tmp_path / "o.onnx", code=3, says="nothing to rewrite")


def refused(lenet: ModelProto, folder: Path) -> Path:
    """LeNet with an operator of another domain in its head."""
    (relu,) = (node for node in lenet.graph.node if node.name == "relu4")
    relu.op_type, relu.domain = "Squash", "acme"
    lenet.opset_import.append(helper.make_opsetid("acme", 1))
    return saved(lenet, folder)


def test_refusal_names_the_node(
    lenet: ModelProto, tmp_path: Path, precious: Path, fails: Fails
) -> None:
    source = refused(lenet, tmp_path)
    finished = fails("rewrite", source, precious, code=4, says="[custom-operator]")
    assert "node 'relu4' (Squash)" in finished.err
    assert finished.out == ""


def test_model_of_doubles_is_refused_because_onnx_runtime_has_no_such_conv(
    tmp_path: Path, precious: Path, fails: Fails
) -> None:
    source = saved(double_precision(), tmp_path)
    finished = fails("rewrite", source, precious, code=4, says="runtime-lacks")
    assert "implementation for Conv" in finished.err
    assert "classify" in finished.err


def test_failed_validation_prints_the_table_and_one_line(
    lenet_file: Path, precious: Path, fails: Fails
) -> None:
    finished = fails("rewrite", lenet_file, precious, "--rtol", "1e-12", code=5, says="differ")
    assert "DIFFERS" in finished.out
    assert "wrote" not in finished.out


def test_bug_of_ours_gives_code_1_a_traceback_and_keeps_the_output(
    lenet_file: Path,
    tmp_path: Path,
    precious: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("deliberate")

    monkeypatch.setattr(onnxfcn.commands.rewrite, "rewrite_model", broken)
    finished = command("rewrite", lenet_file, precious)
    assert finished.code == 1
    assert "ZeroDivisionError: deliberate" in finished.err
    assert finished.err.splitlines()[-1].startswith("onnxfcn: this is a bug of onnxfcn")
    assert precious.read_bytes() == b"precious"


def test_module_is_the_command(lenet_file: Path, tmp_path: Path) -> None:
    finished = run_python("-m", "onnxfcn", "rewrite", lenet_file.name, "out.onnx", cwd=tmp_path)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "wrote out.onnx" in finished.stdout
    assert (tmp_path / "out.onnx").is_file()


def test_no_traceback_and_no_word_of_onnx_runtime_in_a_process_of_its_own(
    tmp_path: Path, lenet_file: Path
) -> None:
    onnx.save(double_precision(), tmp_path / "in.onnx")
    for source, code in ((tmp_path / "in.onnx", 4), (tmp_path / "missing.onnx", 2)):
        finished = run_python("-m", "onnxfcn", "rewrite", source, tmp_path / "out.onnx")
        assert (finished.returncode, finished.stdout) == (code, "")
        assert len(finished.stderr.splitlines()) == 1


@pytest.mark.parametrize("columns", ["40", "80", "300"])
@pytest.mark.parametrize("options", [(), ("--verbose",)])
def test_tables_fit_100_columns(
    options: tuple[str, ...],
    columns: str,
    lenet: ModelProto,
    tmp_path: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    (fc3,) = (node for node in lenet.graph.node if node.name == "fc3")
    fc3.name = "module.features.classifier." + "block." * 12 + "fc3"
    source = saved(lenet, tmp_path)
    monkeypatch.chdir(tmp_path)
    finished = command("rewrite", source.name, "out.onnx", "--size", "288x320", *options)
    assert finished.code == 0
    lines = finished.out.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert "288x320" in finished.out
