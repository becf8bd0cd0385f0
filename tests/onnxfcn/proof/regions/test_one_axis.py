"""Trunks of one spatial axis, where channels and positions may lie on one axis and look like it."""

import numpy as np
import pytest
from onnx import ModelProto

import onnxfcn
from tests.model_texts import build
from tests.onnxfcn.models import run_model
from tests.onnxfcn.proof.regions.test_regions import complaint

START = "x = Conv<pads=[1, 1]>(image, taps)"
NORM = "a = Reshape(x, @(0, 2, -1)) n = InstanceNormalization(a, ones, zeros)"
SHAPE = "s = Shape(x)"
MORE = "length = Shape<start=2>(x) more = Sub(length, @(16))"
WRONG = {
    "left baked": f"{NORM} [back] y = Reshape(n, @(1, 8, 16))",
    "rolled by what the map is larger": f"""{NORM} {SHAPE} {MORE}
    r = Reshape(n, s) first = Slice(r, @(0), more, @(2)) rest = Slice(r, more, length, @(2))
    y = Concat<axis=2>(rest, first)""",
    "rolled over the channels": f"""{NORM} {SHAPE} {MORE} all = Shape<start=2>(n)
    first = Slice(n, @(0), more, @(2)) rest = Slice(n, more, all, @(2))
    r = Concat<axis=2>(rest, first) y = Reshape(r, s)""",
    "as many groups as windows": f"""{SHAPE} {MORE} g = Div(length, @(8))
    to = Concat<axis=0>(@(0), g, @(-1)) a = Reshape(x, to) m = ReduceMean(a, @(2))
    d = Sub(a, m) q = Mul(d, d) v = ReduceMean(q, @(2)) e = Add(v, @(0.00001)) z = Sqrt(e)
    n = Div(d, z) y = Reshape(n, s)""",
    "statistics of the first positions": f"""{SHAPE} a = Reshape(x, @(0, 2, -1))
    c = Slice(x, @(0), @(16), @(2)) f = Reshape(c, @(0, 2, -1)) m = ReduceMean(f, @(2))
    d = Sub(f, m) q = Mul(d, d) v = ReduceMean(q, @(2)) e = Add(v, @(0.00001)) z = Sqrt(e)
    o = Sub(a, m) n = Div(o, z) y = Reshape(n, s)""",
}


def model(text: str, image: str, output: str) -> ModelProto:
    return build(
        f"{START} {text} out = Relu(y)",
        inputs=f"float[{image}] image",
        outputs=f"float[{output}] out",
        opset=18,
        taps=(8, 1, 3),
        ones=np.ones(2, np.float32),
        zeros=np.zeros(2, np.float32),
    )


@pytest.fixture
def original() -> ModelProto:
    return model(f"{NORM} [back] y = Reshape(n, @(1, 8, 16))", "1,1,16", "1,8,16")


def test_group_normalisation_is_proven(original: ModelProto) -> None:
    rewritten = onnxfcn.rewrite(original, passes=["dynamic_spatial_axes"]).model
    assert rewritten is not None
    report = onnxfcn.validate(original, rewritten)
    assert report
    assert report.proven
    assert [region.method for region in report.regions] == ["repetition"]


@pytest.mark.parametrize("wrong", WRONG)
def test_group_normalisation_that_is_freed_wrongly_fails(original: ModelProto, wrong: str) -> None:
    assert "back (Reshape)" in complaint(original, model(WRONG[wrong], "1,1,L", "1,8,P"))


@pytest.mark.parametrize("wrong", WRONG)
def test_it_shows_at_larger_sizes_only(original: ModelProto, wrong: str) -> None:
    image = np.linspace(-1, 1, 16, dtype=np.float32).reshape(1, 1, 16) ** 2
    (expected,), (found,) = (
        run_model(each, image) for each in (original, model(WRONG[wrong], "1,1,L", "1,8,P"))
    )
    assert found == pytest.approx(expected, abs=1e-5)
