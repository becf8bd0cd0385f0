"""``validate`` on models whose size no pass has freed: they are compared at that size."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import GraphProto

import onnxfcn
from tests.onnxfcn import sabotage
from tests.onnxfcn.model_texts import model
from tests.onnxfcn.models import random_image

Command = Callable[..., Any]
Fails = Callable[..., Any]
PASSES = ["flatten_gemm_to_conv", "conv_to_gemm"]
LAST = "as the original at 28x28, the only size that both models were compared at"


@pytest.fixture(params=PASSES)
def fixed(request: pytest.FixtureRequest, lenet_file: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Files of LeNet and of a form of it that takes images of one size, too."""
    path = tmp_path / "fixed.onnx"
    onnxfcn.rewrite(lenet_file, path, passes=[request.param])
    return lenet_file, path


def spoiled(path: Path, spoil: Callable[[GraphProto], None]) -> Path:
    copy = onnx.load(path)
    spoil(copy.graph)
    onnx.save(copy, path)
    return path


def test_they_are_compared_at_their_size(fixed: tuple[Path, Path], command: Command) -> None:
    finished = command("validate", *fixed)
    assert (finished.code, finished.err) == (0, "")
    assert "dynamic_spatial_axes frees it" in finished.out
    assert finished.out.splitlines()[-1].startswith(LAST)


def test_wrong_answers_fail(fixed: tuple[Path, Path], fails: Fails) -> None:
    path = spoiled(fixed[1], sabotage.perturb_bias)
    fails("validate", fixed[0], path, code=5, says="at 28x28")


def test_original_itself_is_no_difference(lenet_file: Path, command: Command) -> None:
    assert LAST in command("validate", lenet_file, lenet_file).out


def test_image_of_the_user_is_compared(fixed: tuple[Path, Path], tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, random_image(1, 1, 28, 28))
    report = onnxfcn.validate(*fixed, inputs=[path])
    assert [result.source for result in report.sizes] == [str(path)]
    assert report.proven


def test_answers_on_the_image_of_the_user_count(tmp_path: Path) -> None:
    """Only an image of large values shows that answers are clipped."""
    body = "x = Conv(image, kernel) {} r = Flatten(c) m = ReduceMax(r, @(1)) out = Neg(m)"
    original, clipped = (
        model(body.format(text), "float[1,3,8,8]", "float[1,1] out")
        for text in ("c = Identity(x)", "most = Squeeze(@(1000.0)) c = Clip(x, , most)")
    )
    assert onnxfcn.validate(original, clipped)
    path = tmp_path / "a.npy"
    np.save(path, 1e4 * random_image(1, 3, 8, 8))
    assert onnxfcn.validate(original, original, inputs=[path]).proven
    report = onnxfcn.validate(original, clipped, inputs=[path])
    assert report.failure.startswith("the rewritten model's answers differ")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--size", "36x40"], "--size: both models take images of 28x28 only"),
        (["--window-step", "2"], "--window-step: both models take images of 28x28 only"),
        (["--feature-map", "pool2"], "--feature-map: both models take images of 28x28 only"),
        (["--require-crops"], "--require-crops: both models take images of 28x28 only"),
    ],
)
def test_options_of_larger_images_are_refused(
    options: list[str], says: str, lenet_file: Path, fails: Fails
) -> None:
    fails("validate", lenet_file, lenet_file, *options, code=2, says=says)


def test_size_that_they_have_is_an_option(lenet_file: Path, command: Command) -> None:
    assert LAST in command("validate", lenet_file, lenet_file, "--size", "28x28").out


def test_larger_image_is_refused(lenet_file: Path, tmp_path: Path, fails: Fails) -> None:
    path = tmp_path / "a.npy"
    np.save(path, random_image(1, 1, 36, 28))
    says = "a.npy has 36x28 pixels; the models take 28x28"
    fails("validate", lenet_file, lenet_file, "--input", path, code=2, says=says)
