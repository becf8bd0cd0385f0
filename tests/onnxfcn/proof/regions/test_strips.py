"""Strip pooling: a statistic of every row, or column, whose neighbours are looked at as well."""

import pytest
from onnx import ModelProto

import onnxfcn
from tests.onnxfcn.model_texts import trunk
from tests.onnxfcn.models import random_image, run_model
from tests.onnxfcn.proof.regions.test_regions import complaint

END = "g = Sigmoid(e) y = Mul(x, g)"
SHAPE = "to = Shape(x) h = Shape<start=2, end=3>(x) w = Shape<start=3>(x)"
LOOK = "p = AveragePool<kernel_shape=[3, 1], pads=[1, 0, 1, 0], count_include_pad=1>(m)"
ROWS = f"m = ReduceMean({{}}, @(3)) {LOOK}"
COLUMNS = "m = ReduceMean(x, @(2)) p = AveragePool<kernel_shape=[1, 3], pads=[0, 1, 0, 1]>(m)"
EXPAND = "[expand] e = Expand({}, {})"
RESIZE = """[expand] e = Resize<mode="linear">(p, , , {})"""
BAKED = "@(1, 8, 8, 8)"
RIGHT = {
    "rows": (ROWS.format("x"), EXPAND.format("p", "{}")),
    "columns": (COLUMNS, EXPAND.format("p", "{}")),
    "rows that are resized": (ROWS.format("x"), RESIZE),
    "columns that are resized": (COLUMNS, RESIZE),
}
WRONG = {
    "left baked": f"{ROWS.format('x')} {EXPAND.format('p', BAKED)}",
    "mean of the first columns": f"""{SHAPE} c = Slice(x, @(0), @(8), @(3))
    {ROWS.format("c")} {EXPAND.format("p", "to")}""",
    "sum of the columns": f"""{SHAPE} s = ReduceSum(x, @(3)) m = Div(s, @(8.0))
    {LOOK} {EXPAND.format("p", "to")}""",
    "view that fits whole windows alone": f"""{SHAPE} v = Reshape(x, @(1, 8, -1, 8))
    b = Reshape(v, to) {ROWS.format("b")} {EXPAND.format("p", "to")}""",
    "rolled rows": f"""{SHAPE} {ROWS.format("x")} more = Sub(h, @(8))
    first = Slice(p, @(0), more, @(2)) rest = Slice(p, more, h, @(2))
    r = Concat<axis=2>(rest, first) {EXPAND.format("r", "to")}""",
    "rolled columns": f"""{SHAPE} {ROWS.format("x")} {EXPAND.format("p", "to")}
    more = Sub(w, @(8)) first = Slice(x, @(0), more, @(3)) rest = Slice(x, more, w, @(3))
    r = Concat<axis=3>(rest, first) d = Sub(r, x) f = Add(e, d)""",
    "a border of another value": f"""{SHAPE} m = ReduceMean(x, @(3)) more = Sub(h, @(8))
    v = Cast<to=1>(more) a = Pad(m, @(0, 0, 1, 0, 0, 0, 1, 0), v)
    p = AveragePool<kernel_shape=[3, 1]>(a) {EXPAND.format("p", "to")}""",
}


def original(text: str = f"{ROWS.format('x')} {EXPAND.format('p', BAKED)}") -> ModelProto:
    return trunk(f"{text} {END}", "1,3,8,8", "1,8,8,8")


def spoiled(wrong: str) -> ModelProto:
    end = END.replace("(e)", "(f)") if "f = " in WRONG[wrong] else END
    return trunk(f"{WRONG[wrong]} {end}", "1,3,H,W", "1,8,P,Q")


@pytest.mark.parametrize("case", RIGHT)
def test_strips_that_are_freed_rightly_are_proven(case: str) -> None:
    pool, end = RIGHT[case]
    freed = trunk(f"{SHAPE} {pool} {end.format('to')} {END}", "1,3,H,W", "1,8,P,Q")
    report = onnxfcn.validate(original(f"{pool} {end.format(BAKED)}"), freed)
    assert report.failure == ""
    assert report.proven
    assert [region.method for region in report.regions] == ["repetition"]


@pytest.mark.parametrize("wrong", WRONG)
def test_strips_that_are_freed_wrongly_fail(wrong: str) -> None:
    assert complaint(original(), spoiled(wrong)) != ""


@pytest.mark.parametrize("wrong", WRONG)
def test_it_shows_at_larger_sizes_only(wrong: str) -> None:
    image = random_image(1, 3, 8, 8)
    (expected,), (found,) = (run_model(each, image) for each in (original(), spoiled(wrong)))
    assert found == pytest.approx(expected, abs=1e-5)


def test_view_that_does_not_run_is_named() -> None:
    says = complaint(original(), spoiled("view that fits whole windows alone"))
    assert "expand (Expand)" in says
    assert "ONNX Runtime fails on x [1, 8, 10, 11]" in says
