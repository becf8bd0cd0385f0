"""What is printed of a validation says no more than was seen."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tests.model_texts import build
from tests.onnxfcn.models import random_image

Command = Callable[..., Any]
CELLS = "every cell is what the original's head says of its window of the feature map"
EXPORTS = Path(__file__).parents[3] / "sample_models" / "exports"


def last_lines(printed: str) -> list[str]:
    return printed.rstrip().splitlines()[-2:]


def test_rewrite_ends_with_what_is_proven(
    lenet_file: Path, tmp_path: Path, command: Command
) -> None:
    arguments = ("rewrite", lenet_file, tmp_path / "out.onnx")
    proven, wrote = last_lines(command(*arguments).out)
    assert (proven, wrote.startswith("wrote")) == (f"proven: {CELLS}", True)
    drawn, _ = last_lines(command(*arguments, "--max-cells", "5").out)
    assert drawn == (
        "proven on a sample: every cell that was drawn is what the original's head says of its"
        " window of the feature map"
    )
    neither, _ = last_lines(command(*arguments, "--size", "30x30").out)
    assert neither == ("no difference was seen, but not all of it is proven: not 'probabilities'")
    nothing, _ = last_lines(command(*arguments, "--no-validate").out)
    assert nothing == "not validated: nothing proven"


@pytest.mark.parametrize(
    ("name", "size", "says"),
    [
        ("dynamic_spatial_axes", "8,8", "proven: at the original size, and on larger images where"),
        ("conv_to_gemm", "8,8", "as the original at 8x8, the only size that both models were"),
        ("conv_to_gemm", "H,W", "proven: at every size that was compared, the rewritten model"),
    ],
)
def test_of_a_map_it_is_what_the_pass_promises(
    name: str, size: str, says: str, tmp_path: Path, command: Command
) -> None:
    model = build(
        "y = Conv(x, w)", inputs=f"float[1,2,{size}] x", outputs="float[] y", w=(3, 2, 3, 3)
    )
    onnx.save(model, tmp_path / "in.onnx")
    paths = (tmp_path / "in.onnx", tmp_path / "out.onnx")
    finished = command("rewrite", *paths, "--pass", name, "--input-size", "8x8")
    assert last_lines(finished.out)[0].startswith(says)


def test_lines_have_no_blanks_at_their_ends(
    lenet_file: Path, fcn: Path, tmp_path: Path, command: Command
) -> None:
    for arguments in (
        ("rewrite", lenet_file, tmp_path / "out.onnx"),
        ("validate", lenet_file, fcn),
        ("inspect", lenet_file),
        ("bench", lenet_file, fcn, "--batch", 1, "--size", "29x28"),
    ):
        lines = command(*arguments).out.splitlines()
        assert [line for line in lines if line != line.rstrip()] == []
        assert "" in lines


def test_command_that_says_why_can_be_pasted(tmp_path: Path, command: Command) -> None:
    output = tmp_path / "a 'padded' net.onnx"
    finished = command("rewrite", EXPORTS / "vgg.torchscript.onnx", output, "--no-validate")
    (line,) = (line for line in finished.out.splitlines() if line.startswith("why: "))
    assert shlex.split(line)[1:] == ["onnxfcn", "inspect", str(output)]


def test_one_cell_has_none_to_differ_from(
    lenet_file: Path, tmp_path: Path, command: Command
) -> None:
    printed = command("rewrite", lenet_file, tmp_path / "out.onnx", "--size", "30x30").out
    assert printed.count("one cell: nothing to compare") == 2
    assert "cells do not differ" not in printed


def test_pool_that_is_kept_whole_has_no_windows(tmp_path: Path, command: Command) -> None:
    source = EXPORTS / "resnet.torchscript.onnx"
    finished = command("rewrite", source, tmp_path / "out.onnx", "--global-pool", "keep")
    assert finished.out.count("as original") == 3
    assert "window" not in finished.out


def test_rows_of_crops_name_the_image(lenet_file: Path, fcn: Path, command: Command) -> None:
    image = fcn.with_name("a.npy")
    np.save(image, random_image(1, 1, 40, 36))
    finished = command("validate", lenet_file, fcn, "--input", image, "--size", "40x36")
    rows = [line.split() for line in finished.out.splitlines() if "40x36" in line]
    of_crops = [row for row in rows if "inside" in row]
    assert [row[:2] for row in of_crops] == [["40x36", "probabilities"], ["40x36", "a.npy"]]
