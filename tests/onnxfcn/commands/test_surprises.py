"""Odd models and odd surroundings end in one line and the right exit code, too."""

import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import ModelProto, TensorProto, helper

from tests.onnxfcn.processes import run_python

Command = Callable[..., Any]
Fails = Callable[..., Any]

run_command = partial(run_python, "-m", "onnxfcn")


def test_output_that_cannot_show_lines_gets_plain_ones(lenet_file: Path, tmp_path: Path) -> None:
    finished = run_command("rewrite", lenet_file, tmp_path / "o.onnx", PYTHONIOENCODING="ascii")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.isascii()


@pytest.mark.parametrize("name", ["with spaces.onnx", "größe 尺寸.onnx", "no suffix", "[red].onnx"])
def test_names_of_files_may_hold_anything_that_prints(
    name: str, lenet_file: Path, tmp_path: Path, command: Command
) -> None:
    source = lenet_file.rename(tmp_path / f"in {name}")
    finished = command("rewrite", source, tmp_path / name)
    assert (finished.code, finished.err) == (0, "")
    assert str(tmp_path / name) in finished.out
    assert (tmp_path / name).is_file()


def test_node_names_are_no_markup(lenet: ModelProto, tmp_path: Path, command: Command) -> None:
    (layer,) = (node for node in lenet.graph.node if node.name == "fc4")
    layer.name = "[bold]fc4[/red]:smile:"
    onnx.save(lenet, tmp_path / "in.onnx")
    finished = command("rewrite", tmp_path / "in.onnx", tmp_path / "out.onnx")
    assert finished.code == 0
    assert "[bold]fc4[/red]:smile:" in finished.out


def test_name_that_the_output_s_encoding_lacks(lenet_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "out\udcff.onnx"
    finished = run_command("rewrite", lenet_file, output, PYTHONIOENCODING="utf-8:strict")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert r"out\udcff.onnx" in finished.stdout
    assert output.is_file()


def test_name_that_is_no_utf_8(lenet_file: Path, tmp_path: Path) -> None:
    escaping = {"PYTHONIOENCODING": "utf-8:surrogateescape"}
    output = tmp_path / "out\udcff.onnx"
    finished = run_command("rewrite", lenet_file, output, **escaping)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert f"wrote {output}" in finished.stdout
    assert output.is_file()
    # Names of data files stand in the model, where texts are UTF-8.
    finished = run_command("rewrite", lenet_file, output, "--external-data=always", **escaping)
    assert finished.returncode == 2
    assert "cannot stand in a model" in finished.stderr


@pytest.fixture
def full() -> Iterator[int]:
    """A device on which there is no room."""
    device = os.open("/dev/full", os.O_WRONLY)
    yield device
    os.close(device)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_report_that_cannot_be_printed_is_no_bug(
    options: tuple[str, ...], lenet_file: Path, tmp_path: Path, full: int
) -> None:
    finished = run_command("rewrite", lenet_file, tmp_path / "o.onnx", *options, stdout=full)
    assert finished.returncode == 2
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize(
    "arguments",
    [["passes"], ["--version"], ["--help"], ["rewrite", "--help"], ["passes", "--help"]],
)
def test_text_that_cannot_be_printed_is_no_bug(arguments: list[str], full: int) -> None:
    finished = run_command(*arguments, stdout=full)
    assert finished.returncode == 2
    assert finished.stderr.startswith("onnxfcn: cannot print")


def test_failure_whose_report_cannot_be_printed_is_told(tmp_path: Path, full: int) -> None:
    finished = run_command("inspect", "--json", tmp_path / "none.onnx", stdout=full)
    assert finished.returncode == 2
    assert finished.stderr == f"onnxfcn: {tmp_path / 'none.onnx'} does not exist; check the path\n"


def test_failure_that_cannot_be_told_has_its_code(tmp_path: Path, full: int) -> None:
    finished = run_command("inspect", tmp_path / "none.onnx", stderr=full)
    assert (finished.returncode, finished.stdout) == (2, "")


def test_models_may_come_from_pipes(lenet_file: Path, tmp_path: Path, command: Command) -> None:
    pipe, output = tmp_path / "pipe", tmp_path / "out.onnx"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(lenet_file.read_bytes(),))
    writer.start()
    finished = command("rewrite", pipe, output)
    writer.join()
    assert (finished.code, finished.err) == (0, "")
    assert "proven" in finished.out
    # What stands for a pipe without a name is a link to something that has no path.
    reader, end = os.pipe()
    with os.fdopen(end, "wb") as file:
        file.write(b"no model")
    finished = command("inspect", f"/dev/fd/{reader}")
    os.close(reader)
    assert finished.code == 4
    assert "is not an ONNX model" in finished.err


def test_pipe_is_no_place_for_a_model(lenet_file: Path, fails: Fails) -> None:
    for end in (ends := os.pipe()):
        fails("rewrite", lenet_file, f"/dev/fd/{end}", code=2, says="is not a regular file")
    for end in ends:
        os.close(end)


def test_closed_output_is_no_bug(lenet_file: Path) -> None:
    script = (
        "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    finished = run_python("-c", script, "-m", "onnxfcn", "inspect", lenet_file)
    assert finished.returncode == 2
    assert finished.stderr == "onnxfcn: cannot print: standard output is closed\n"


def test_node_name_of_two_lines_is_refused_in_one(
    lenet: ModelProto, tmp_path: Path, fails: Fails
) -> None:
    (relu,) = (node for node in lenet.graph.node if node.name == "relu4")
    relu.op_type, relu.domain, relu.name = "Squash", "acme", "two\nlines"
    lenet.opset_import.append(helper.make_opsetid("acme", 1))
    onnx.save(lenet, tmp_path / "in.onnx")
    fails("rewrite", tmp_path / "in.onnx", tmp_path / "out.onnx", code=4, says="[custom-operator]")


def test_batch_of_none_is_refused_in_one_line(
    lenet: ModelProto, tmp_path: Path, fails: Fails
) -> None:
    batch = lenet.graph.input[0].type.tensor_type.shape.dim[0]
    batch.ClearField("dim_param")
    batch.dim_value = 0
    onnx.save(lenet, tmp_path / "in.onnx")
    fails("rewrite", tmp_path / "in.onnx", tmp_path / "out.onnx", code=4, says="0 samples")


def test_optional_input_is_no_bug_of_ours(
    lenet: ModelProto, tmp_path: Path, command: Command
) -> None:
    tensor = helper.make_tensor_type_proto(TensorProto.FLOAT, [1])
    optional = helper.make_optional_type_proto(tensor)
    lenet.graph.input.append(helper.make_value_info("option", optional))
    onnx.save(lenet, tmp_path / "in.onnx")
    finished = command("rewrite", tmp_path / "in.onnx", tmp_path / "out.onnx")
    assert (finished.code, finished.err) == (0, "")


@pytest.mark.parametrize(
    ("extent", "says"),
    [(0, "node '"), (-1, "input 'image' has the extent -1"), (3, "node '"), (56, "node '")],
)
def test_image_of_a_size_that_the_model_cannot_have_is_refused(
    extent: int, says: str, lenet: ModelProto, tmp_path: Path, fails: Fails
) -> None:
    lenet.graph.input[0].type.tensor_type.shape.dim[2].dim_value = extent
    onnx.save(lenet, tmp_path / "in.onnx")
    fails("rewrite", tmp_path / "in.onnx", tmp_path / "out.onnx", code=4, says=says)
