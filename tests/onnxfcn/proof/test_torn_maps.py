"""Branches that lie differently in the image have no cells in common: there is nothing to slide."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto

import onnxfcn
from tests.model_texts import build, ints
from tests.onnxfcn.models import run_model

MIRROR = "Slice ({}, last, first, width, back)"
TWO = "a = Conv (x, k) f = Flatten (a) p = Gemm (f, w) {} b = Conv (m, k) {} y = Add (p, q)"
TORN = {
    "mirrored image": TWO.format(f"m = {MIRROR.format('x')}", "g = Flatten (b) q = Gemm (g, w)"),
    "mirrored map": TWO.format(
        "m = Identity (x)", f"r = {MIRROR.format('b')} g = Flatten (r) q = Gemm (g, w)"
    ),
}
SAME = {
    "mirrored there and back": TWO.format(
        f"m = {MIRROR.format('x')}", f"r = {MIRROR.format('b')} g = Flatten (r) q = Gemm (g, w)"
    ),
    "both mirrored": f"x1 = {MIRROR.format('x')} "
    + TWO.format("m = Identity (x1)", "g = Flatten (b) q = Gemm (g, w)").replace(
        "(x, k)", "(x1, k)"
    ),
}


def net(body: str) -> ModelProto:
    return build(
        body,
        inputs="float[1,1,8,8] x",
        outputs="float[1,3] y",
        k=(2, 1, 2, 2),
        w=(98, 3),
        last=ints(-1),
        first=ints(-(2**31)),
        width=ints(3),
        back=ints(-1),
    )


@pytest.mark.parametrize("name", TORN)
def test_is_refused(name: str, tmp_path: Path, command: Callable[..., Any]) -> None:
    onnx.save(net(TORN[name]), tmp_path / "in.onnx")
    finished = command("rewrite", tmp_path / "in.onnx", tmp_path / "out.onnx")
    assert finished.code == 4
    assert finished.err.startswith("onnxfcn: node 'y' (Add): expected inputs whose cells")
    assert "[windows-differ]" in finished.err
    assert not (tmp_path / "out.onnx").exists()
    assert "[windows-differ]" in command("inspect", tmp_path / "in.onnx").out


@pytest.mark.parametrize("name", SAME)
def test_mirrors_that_agree_are_none(name: str) -> None:
    model = net(SAME[name])
    report = onnxfcn.rewrite(model)
    assert report.validation
    assert report.validation.proven


def test_a_mirror_alone_moves_the_cells() -> None:
    """Cells are those of the mirrored image, which is what the net looks at."""
    body = f"m = {MIRROR.format('x')} a = Conv (m, k) f = Flatten (a) y = Gemm (f, w)"
    image = np.random.default_rng(1).standard_normal((1, 1, 8, 11)).astype(np.float32)
    (cells,) = run_model(onnxfcn.rewrite(net(body)).model, image)
    (crops,) = run_model(net(body), [image[..., 3 - j : 11 - j] for j in range(4)])
    np.testing.assert_allclose(cells[0, :, 0].T, crops, rtol=1e-4, atol=1e-5)
