"""Statistics that are corrected for the number of their values, rightly and wrongly."""

import pytest
from onnx import ModelProto

import onnxfcn
from tests.onnxfcn.model_texts import trunk
from tests.onnxfcn.models import random_image, run_model
from tests.onnxfcn.proof.regions.test_regions import complaint

DEVIATION = """mean = GlobalAveragePool(x) d = Sub(x, mean) q = Mul(d, d)
[sum] s = ReduceSum(q, @(2, 3))"""
COUNTED = """hw = Shape<start=2>(x) all = ReduceProd<keepdims=0>(hw) f = Cast<to=1>(all)
n = Sub(f, @({}))"""
DIVIDED = "v = Div(s, n) g = Sqrt(v) y = Div(x, g)"
ADDED = "[sum] s = ReduceSum(x, @(2, 3)) {} v = Div(s, n) g = Mul(v, @(0.01)) y = Add(x, g)"
WRONG = {
    "no correction, but another divisor": (
        f"{DEVIATION} n = Identity(@(56.0)) {DIVIDED}",
        f"{DEVIATION} {COUNTED.format('8.0')} {DIVIDED}",
    ),
    "the same of a sum that hardly matters": (
        ADDED.format("n = Identity(@(56.0))"),
        ADDED.format(COUNTED.format("8.0")),
    ),
    "width left baked": (
        f"{DEVIATION} n = Identity(@(63.0)) {DIVIDED}",
        f"""{DEVIATION} h = Shape<start=2, end=3>(x) all = Mul(h, @(8)) f = Cast<to=1>(all)
        n = Sub(f, @(1.0)) {DIVIDED}""",
    ),
    "height left baked": (
        f"{DEVIATION} n = Identity(@(63.0)) {DIVIDED}",
        f"""{DEVIATION} w = Shape<start=3>(x) all = Mul(w, @(8)) f = Cast<to=1>(all)
        n = Sub(f, @(1.0)) {DIVIDED}""",
    ),
    "another last row": (
        f"{DEVIATION} n = Identity(@(63.0)) {DIVIDED}",
        f"""{DEVIATION} {COUNTED.format("1.0")} v = Div(s, n) g = Sqrt(v) r = Div(x, g)
        rest = Slice(r, @(0), @(-1), @(2)) last = Slice(r, @(-1), @(9223372036854775807), @(2))
        h = Shape<start=2, end=3>(x) e = Cast<to=1>(h) t = Div(e, @(8.0)) l = Mul(last, t)
        y = Concat<axis=2>(rest, l)""",
    ),
}


def baked(text: str) -> ModelProto:
    return trunk(text, "1,3,8,8", "1,8,8,8")


def freed(text: str) -> ModelProto:
    return trunk(text, "1,3,H,W", "1,8,P,Q")


def test_correction_for_the_number_of_cells_is_extrapolated() -> None:
    report = onnxfcn.validate(
        baked(f"{DEVIATION} n = Identity(@(63.0)) {DIVIDED}"),
        freed(f"{DEVIATION} {COUNTED.format('1.0')} {DIVIDED}"),
    )
    assert report
    assert report.proven
    assert [region.method for region in report.regions] == ["extrapolation"]


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_correction_fails(wrong: str) -> None:
    original, rewritten = WRONG[wrong]
    says = complaint(baked(original), freed(rewritten))
    assert says.startswith("the trunk is wrong at")
    assert "which 'y' is made by" in says


@pytest.mark.parametrize("wrong", WRONG)
def test_it_shows_at_larger_sizes_only(wrong: str) -> None:
    original, rewritten = WRONG[wrong]
    image = random_image(1, 3, 8, 8)
    (expected,), (found,) = (run_model(each, image) for each in (baked(original), freed(rewritten)))
    assert found == pytest.approx(expected, abs=1e-5)
