"""Freed trunks are compared with the original's on every window; wrong ones do not pass."""

import pytest
from onnx import ModelProto

import onnxfcn
from onnxfcn import RegionResult, ValidationReport
from tests.onnxfcn.model_texts import model, trunk
from tests.onnxfcn.models import random_image, run_model
from tests.onnxfcn.proof.regions.freed_trunks import CASES, baked, freed

WRONG = [(case, wrong) for case in CASES for wrong in CASES[case].wrong]


def complaint(original: ModelProto, rewritten: ModelProto) -> str:
    """What validation says against a model; empty where it accepts it."""
    try:
        return onnxfcn.validate(original, rewritten).failure
    except onnxfcn.ValidationFailedError as error:
        return str(error)


def changed(report: ValidationReport) -> list[RegionResult]:
    return [region for region in report.regions if region.changed]


@pytest.mark.parametrize("case", CASES)
def test_trunk_that_is_freed_rightly_is_proven(case: str) -> None:
    report = onnxfcn.validate(baked(CASES[case]), freed(CASES[case]))
    assert report.passed
    assert report.proven
    assert changed(report)
    assert all(len(region.sizes) == 2 for region in report.regions)
    assert len(report.sizes) == 2


@pytest.mark.parametrize(("case", "wrong"), WRONG)
def test_trunk_that_is_freed_wrongly_fails(case: str, wrong: str) -> None:
    given = CASES[case]
    assert given.says in complaint(baked(given), freed(given, given.wrong[wrong])) != ""


@pytest.mark.parametrize(("case", "wrong"), WRONG)
def test_wrong_trunk_shows_at_larger_sizes_only(case: str, wrong: str) -> None:
    given, image = CASES[case], random_image(1, 3, 8, 8)
    (expected,), (found,) = (
        run_model(each, image) for each in (baked(given), freed(given, given.wrong[wrong]))
    )
    assert found == pytest.approx(expected, abs=1e-5)


def test_region_is_the_smallest_around_the_changed_nodes() -> None:
    case = CASES["dense layer at every position"]
    (region,) = onnxfcn.validate(baked(case), freed(case)).regions
    assert region.nodes == ("back (Reshape)",)
    assert region.output == "b"
    assert region.method == "windows"
    assert region.sizes == ((10, 11), (13, 9))


def test_statistic_of_the_whole_map_is_compared_on_a_window_repeated() -> None:
    case = CASES["gate of a pool"]
    (region,) = onnxfcn.validate(baked(case), freed(case)).regions
    assert region.method == "repetition"
    assert region.sizes == ((16, 24), (24, 8))


GATE = """p = GlobalAveragePool(x) o = {shut}(p) n = Relu(o) [expand] e = Expand(n, {to})
g = Sigmoid(e) y = Mul(x, g)"""


def gates(shut: str) -> tuple[ModelProto, ModelProto]:
    return (
        trunk(GATE.format(shut=shut, to="@(1, 8, 8, 8)"), "1,3,8,8", "1,8,8,8"),
        trunk("all = Shape(x) " + GATE.format(shut=shut, to="all"), "1,3,H,W", "1,8,P,Q"),
    )


def test_gate_that_positive_maps_leave_shut_is_tried_on_others() -> None:
    report = onnxfcn.validate(*gates("Neg"))
    assert report
    assert report.proven


def test_gate_that_nothing_opens_proves_nothing() -> None:
    original, rewritten = gates("Abs")
    for each in (original, rewritten):
        (relu,) = (node for node in each.graph.node if node.output[0] == "n")
        relu.op_type = "Sign"
    report = onnxfcn.validate(original, rewritten)
    assert report
    assert report.unproven == ("e",)
    assert not report.proven


def test_what_no_window_and_no_repetition_shows_fails_and_names_the_nodes() -> None:
    resize = """[corners] y = Resize<mode="linear", coordinate_transformation_mode=
    "align_corners">"""
    original = trunk(f"{resize}(x, , , @(1, 8, 16, 16))", "1,3,8,8", "1,8,16,16")
    rewritten = trunk(f"{resize}(x, , @(1.0, 1.0, 2.0, 2.0))", "1,3,H,W", "1,8,P,Q")
    report = onnxfcn.validate(original, rewritten)
    assert not report.passed
    assert "corners (Resize)" in report.failure
    assert "cannot be determined" in report.failure
    (region,) = report.regions
    assert region.undecided


def test_view_that_fits_the_repeated_window_alone_fails() -> None:
    """On 16 rows of 24 every 64 cells are a group, and 10 rows of 11 have no such groups."""
    groups = "[split] a = Reshape(x, @({})) n = Softmax<axis=3>(a)"
    original = trunk(
        f"{groups.format('1, 8, 1, 64')} y = Reshape(n, @(1, 8, 8, 8))", "1,3,8,8", "1,8,8,8"
    )
    rewritten = trunk(
        f"{groups.format('1, 8, -1, 64')} to = Shape(x) y = Reshape(n, to)",
        "1,3,H,W",
        "1,8,P,Q",
    )
    assert "split (Reshape)" in complaint(original, rewritten)


def test_trunk_in_front_of_a_head_is_proven_and_the_map_is_the_one_behind_it() -> None:
    case = CASES["channel shuffle"]
    head = "f = Flatten(y) [dense] out = Gemm(f, dense)"
    slides = "[dense] out = Conv(y, sliding)"
    trunks = [f"x = Conv<pads=[1, 1, 1, 1]>(image, kernel) {t}" for t in (case.baked, case.freed)]
    report = onnxfcn.validate(
        model(f"{trunks[0]} {head}", "float[1,3,8,8]", "float[1,5] out"),
        model(f"{trunks[1]} {slides}", "float[1,3,H,W]", "float[1,5,P,Q] out"),
    )
    assert report
    assert report.windows == {"y": (8, 8)}
    assert [region.output for region in report.regions] == ["y"]
    assert all(comparison.proven for size in report.sizes for comparison in size.comparisons)


def test_head_is_no_region() -> None:
    report = onnxfcn.validate(
        model(
            """x = Conv(image, kernel) rows = ReduceMean(x, @(2)) p = ReduceMean(rows, @(3))
            f = Flatten(p) out = Gemm(f, matrix)""",
            "float[1,3,8,8]",
            "float[1,8] out",
        ),
        model(
            """x = Conv(image, kernel)
            rows = AveragePool<kernel_shape=[6, 1]>(x) p = AveragePool<kernel_shape=[1, 6]>(rows)
            t = Transpose<perm=[0, 2, 3, 1]>(p) d = MatMul(t, matrix)
            out = Transpose<perm=[0, 3, 1, 2]>(d)""",
            "float[1,3,H,W]",
            "float[1,8,P,Q] out",
        ),
    )
    assert report
    assert report.regions == ()
    assert report.windows == {"x": (6, 6)}


def test_channels_last_trunk_is_proven() -> None:
    start = "t = Transpose<perm=[0, 3, 1, 2]>(image) c = Conv(t, kernel)"
    x = "x = Transpose<perm=[0, 2, 3, 1]>(c)"
    groups = "b = Transpose<perm=[0, 1, 2, 4, 3]>(a)"
    report = onnxfcn.validate(
        model(
            f"""{start} {x} a = Reshape(x, @(1, 6, 6, 2, 4)) {groups}
            out = Reshape(b, @(1, 6, 6, 8))""",
            "float[1,8,8,3]",
            "float[1,6,6,8] out",
        ),
        model(
            f"""{start} {x} hw = Shape<start=1, end=3>(x) to = Concat<axis=0>(@(1), hw, @(2, 4))
            back = Concat<axis=0>(@(1), hw, @(8)) a = Reshape(x, to) {groups}
            out = Reshape(b, back)""",
            "float[1,H,W,3]",
            "float[1,P,Q,8] out",
        ),
    )
    assert report
    assert [region.output for region in report.regions] == ["out"]


def test_freed_batch_must_not_mix_the_images() -> None:
    """The mean of all samples is the sample where there is one."""
    original = trunk("y = Identity(x)", "1,3,8,8", "1,8,8,8")
    alike = trunk("y = Identity(x)", "B,3,H,W", "B,8,P,Q")
    mixing = trunk("m = ReduceMean(x, @(0)) z = Sub(x, x) y = Add(m, z)", "B,3,H,W", "B,8,P,Q")
    assert complaint(original, alike) == ""
    assert complaint(original, mixing) != ""


def test_number_of_images_must_not_be_baked_in() -> None:
    """Not even one that is as many as a proof may take."""
    view = "hw = Shape<start=2>(x) to = Concat<axis=0>({}, hw) y = Reshape(x, to)"
    original = trunk("y = Identity(x)", "N,3,8,8", "N,8,8,8")
    for batch in (1, 2, 3):
        wrong = trunk(view.format(f"@({batch}, 8)"), "N,3,H,W", "N,8,P,Q")
        with pytest.raises(onnxfcn.OnnxfcnError, match=r"Reshape|cells"):
            onnxfcn.validate(original, wrong)
    assert onnxfcn.validate(original, trunk(view.format("@(-1, 8)"), "N,3,H,W", "N,8,P,Q"))


def test_whole_trunk_has_no_regions_and_says_so() -> None:
    text = "d = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(x) y = Relu(d)"
    report = onnxfcn.validate(trunk(text, "1,3,8,8", "1,8,4,4"), trunk(text, "1,3,H,W", "1,8,P,Q"))
    assert report
    assert report.regions == ()
    assert any("no node has the image size baked in" in note for note in report.notes)
    assert report.identity.map_size == (4, 4)
    assert [size.maps["out"] for size in report.sizes] == [
        tuple(extent // 2 for extent in size.size) for size in report.sizes
    ]


def test_answer_once_an_image_may_be_a_statistic_and_no_cut() -> None:
    def once(text: str, image: str) -> ModelProto:
        body = f"x = Conv(image, kernel) {text} out = Flatten(p)"
        return model(body, f"float[{image}]", "float[1,8] out")

    mean = "p = GlobalAveragePool(x)"
    assert complaint(once(mean, "1,3,8,8"), once(mean, "1,3,H,W")) == ""
    cut = "[cut] c = Slice(x, @(2, 2), @(3, 3), @(2, 3)) p = Relu(c)"
    assert "cut (Slice)" in complaint(once(cut, "1,3,8,8"), once(cut, "1,3,H,W"))


def test_failure_ends_the_validation_before_the_windows() -> None:
    case = CASES["gate of a sum"]
    report = onnxfcn.validate(baked(case), freed(case, case.wrong["square of the height"]))
    assert not report
    assert report.sizes == ()
    assert report.failure.startswith("the trunk is wrong at part (Identity), which 'y' is made by")
