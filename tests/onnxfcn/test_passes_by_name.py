"""Passes are chosen by name, and each promises something when it runs alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import ModelProto

import onnxfcn
from onnxfcn.pipeline import ALONE
from passes import PASSES
from tests.onnxfcn.model_texts import model
from tests.onnxfcn.models import random_image, run_model
from tests.onnxfcn.protos import dims

BRANCHES, HEADS, AXES = "inline_branches", "flatten_gemm_to_conv", "dynamic_spatial_axes"
PRODUCTS = "conv_to_gemm"

Command = Callable[..., Any]
Fails = Callable[..., Any]

DETECTOR = """a = Conv<pads=[1, 1, 1, 1], strides=[2, 2]>(image, kernel)
b = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(a) [resize] u = Resize<mode="nearest">(b, , {})
c = Add(a, u) fine = Relu(c) coarse = Relu(b)"""
SIZES = "float[1,8,8,8] fine, float[1,8,4,4] coarse"


@pytest.fixture
def detector() -> ModelProto:
    """Two maps of one trunk, one of them scaled up and added to the other."""
    return model(DETECTOR.format("@(1.0, 1.0, 2.0, 2.0)"), "float[1,3,16,16]", SIZES)


@pytest.fixture
def classifier() -> ModelProto:
    text = "x = Conv<pads=[1, 1, 1, 1]>(image, kernel) f = Flatten(x) [fc] out = Gemm(f, dense)"
    return model(text, "float[1,3,8,8]", "float[1,5] out")


def saved(model: ModelProto, folder: Path) -> Path:
    onnx.save(model, folder / "in.onnx")
    return folder / "in.onnx"


def test_default_passes_have_names(lenet: ModelProto) -> None:
    by_default, by_name = (
        onnxfcn.rewrite(lenet, passes=passes) for passes in (None, [BRANCHES, HEADS, AXES])
    )
    assert by_default.model == by_name.model
    assert by_default.passes == by_name.passes == (BRANCHES, HEADS, AXES)
    assert by_default.validation == by_name.validation


def test_axes_alone_free_a_model_of_several_maps(detector: ModelProto) -> None:
    report = onnxfcn.rewrite(detector, passes=[AXES])
    assert report.passes == (AXES,)
    assert report.validation
    assert report.validation.proven
    assert [tuple(size.maps) for size in report.validation.sizes] == [("fine", "coarse")] * 2
    fine, coarse = run_model(report.model, random_image(1, 3, 32, 24))
    assert (fine.shape, coarse.shape) == ((1, 8, 16, 12), (1, 8, 8, 6))


def test_axes_alone_say_where_nothing_was_baked(
    detector: ModelProto, tmp_path: Path, command: Command
) -> None:
    finished = command("rewrite", saved(detector, tmp_path), tmp_path / "o.onnx", "--pass", AXES)
    assert finished.code == 0
    assert "no node has the image size baked in" in finished.out
    assert finished.out.count("as declared") == 4


def test_axes_alone_validate_at_the_sizes_that_are_asked_for(detector: ModelProto) -> None:
    report = onnxfcn.rewrite(detector, passes=[AXES], sizes=[(20, 32)]).validation
    assert report is not None
    (size,) = report.sizes
    assert size.size == (20, 32)
    assert size.maps == {"fine": (10, 16), "coarse": (5, 8)}


def test_axes_alone_note_the_sizes_that_do_not_go_through(detector: ModelProto) -> None:
    report = onnxfcn.rewrite(detector, passes=[AXES]).validation
    assert report is not None
    assert any("by multiples of 4x4" in note for note in report.notes)
    with pytest.raises(onnxfcn.UsageError, match="18x18"):
        onnxfcn.rewrite(detector, passes=[AXES], sizes=[(18, 18)])


def test_axes_alone_free_the_batch(detector: ModelProto) -> None:
    report = onnxfcn.rewrite(detector, passes=[AXES], batch="free")
    assert report.validation
    assert dims(report.model.graph.input[0])[0] == "batch"
    assert run_model(report.model, random_image(3, 3, 16, 16))[0].shape[0] == 3


def test_axes_alone_keep_a_global_pool_whole() -> None:
    text = "x = Conv(image, kernel) p = GlobalAveragePool(x) f = Flatten(p) out = Gemm(f, matrix)"
    report = onnxfcn.rewrite(model(text, "float[2,3,8,8]", "float[2,8] out"), passes=[AXES])
    assert report.validation
    assert run_model(report.model, random_image(2, 3, 20, 10))[0].shape == (2, 8)


def test_axes_alone_refuse_a_dense_head(classifier: ModelProto) -> None:
    with pytest.raises(onnxfcn.RefusedError) as caught:
        onnxfcn.rewrite(classifier, passes=[AXES])
    (refusal,) = caught.value.refusals
    assert refusal.node in {"f", "fc"}


def test_heads_alone_keep_the_input_size_and_answer_the_same(classifier: ModelProto) -> None:
    report = onnxfcn.rewrite(classifier, passes=[HEADS])
    assert report.validation
    assert (report.validation.sizes, report.validation.regions) == ((), ())
    assert any(AXES in note for note in report.validation.notes)
    assert dims(report.model.graph.input[0]) == [1, 3, 8, 8]
    assert dims(report.model.graph.output[0]) == [1, 5, 1, 1]
    image = random_image(1, 3, 8, 8)
    (before,), (after,) = (run_model(each, image) for each in (classifier, report.model))
    assert after.reshape(before.shape) == pytest.approx(before, rel=1e-4, abs=1e-4)


def test_heads_alone_answer_the_same_at_the_size_that_is_given(lenet: ModelProto) -> None:
    for axis, name in ((2, "H"), (3, "W")):
        lenet.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
    report = onnxfcn.rewrite(lenet, passes=[HEADS], input_size=(28, 28)).validation
    assert report
    assert report.identity.size == (28, 28)
    assert {c.output for c in report.identity.comparisons} == {"probabilities", "fc5"}


def test_heads_alone_fail_where_the_answers_differ(classifier: ModelProto) -> None:
    with pytest.raises(onnxfcn.ValidationFailedError, match="answers differ"):
        onnxfcn.rewrite(classifier, passes=[HEADS], rtol=1e-12)


@pytest.mark.parametrize(
    ("passes", "options", "says"),
    [
        (["nope"], {}, f"no pass 'nope'; there are {BRANCHES}, {HEADS}, {AXES}, {PRODUCTS}"),
        ([], {}, "at least one"),
        ([AXES, AXES], {}, "once"),
        ([AXES], {"window_step": 2}, f"window_step is an option of the pass {HEADS}"),
        ([AXES], {"window_step": (1, 2)}, f"window_step is an option of the pass {HEADS}"),
        ([AXES], {"global_pool": "keep"}, f"global_pool is an option of the pass {HEADS}"),
        ([AXES], {"output_layout": "nhwc"}, f"output_layout is an option of the pass {HEADS}"),
        ([HEADS], {"batch": "free"}, f"batch is an option of the pass {BRANCHES} or {AXES}"),
        ([HEADS], {"sizes": [(32, 32)]}, AXES),
        ([HEADS], {"convolutions": "c*"}, f"convolutions is an option of the pass {PRODUCTS}"),
        ([PRODUCTS, AXES], {}, f"name {PRODUCTS} last"),
        ([AXES], {"head": "matmul"}, f"with the pass {HEADS}"),
        ([HEADS, PRODUCTS], {"head": "matmul"}, f"without {PRODUCTS}"),
        (None, {"head": "matmul", "convolutions": "c*"}, "rewrites the heads"),
        (None, {"head": "gemm"}, "one of conv, matmul"),
    ],
)
def test_passes_and_options_that_do_not_go_together(
    passes: list[str] | None, options: dict[str, Any], says: str, lenet: ModelProto
) -> None:
    with pytest.raises(onnxfcn.UsageError, match=says):
        onnxfcn.rewrite(lenet, passes=passes, **options)


def test_option_with_its_default_is_none_of_another_pass(detector: ModelProto) -> None:
    assert onnxfcn.rewrite(detector, passes=[AXES], window_step=(1, 1)).validation


def test_pass_that_finds_nothing_says_so(detector: ModelProto) -> None:
    with pytest.raises(onnxfcn.NothingToRewriteError, match="--pass dynamic_spatial_axes"):
        onnxfcn.rewrite(detector)
    with pytest.raises(onnxfcn.NothingToRewriteError, match="nothing to rewrite"):
        onnxfcn.rewrite(detector, passes=[HEADS])


def test_command_runs_the_passes_that_are_named(
    lenet_file: Path, tmp_path: Path, command: Command
) -> None:
    outputs = [tmp_path / "default.onnx", tmp_path / "named.onnx"]
    command("rewrite", lenet_file, outputs[0])
    finished = command("rewrite", lenet_file, outputs[1], "--pass", HEADS, "--pass", AXES, "--json")
    assert json.loads(finished.out)["passes"] == [HEADS, AXES]
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_freed_region_is_a_line_for_people_and_a_part_of_the_json(
    tmp_path: Path, command: Command
) -> None:
    baked = model(DETECTOR.format(", @(1, 8, 8, 8)"), "float[1,3,16,16]", SIZES)
    arguments = ("rewrite", saved(baked, tmp_path), tmp_path / "o.onnx", "--pass", AXES)
    finished = command(*arguments)
    assert finished.code == 0
    line = "1 region of the trunk with freed axes: as the original on every window"
    assert f"{line} (largest error 0.0e+00)\n" in finished.out
    (region,) = json.loads(command(*arguments, "--json").out)["validation"]["regions"]
    assert (region["output"], region["nodes"]) == ("u", ["resize (Resize)"])
    assert (region["method"], region["sizes"]) == ("windows", [[12, 14], [18, 10]])
    assert region["passed"] is region["proven"] is region["changed"] is True
    assert region["comparison"]["max_error"] == 0


def test_region_that_cannot_be_proven_fails_and_names_its_node(
    tmp_path: Path, precious: Path, fails: Fails, command: Command
) -> None:
    corners = """mode="linear", coordinate_transformation_mode="align_corners\""""
    text = DETECTOR.format(", @(1, 8, 8, 8)").replace('mode="nearest"', corners)
    source = saved(model(text, "float[1,3,16,16]", SIZES), tmp_path)
    finished = fails("rewrite", source, precious, "--pass", AXES, code=5, says="resize (Resize)")
    says = "the trunk is right at resize (Resize), which 'u' is made by, cannot be determined: "
    assert f"UNDECIDED: whether {says}" in finished.out
    assert "overlapping windows contradict one another" in finished.out
    assert says in finished.err
    assert "DIFFERS" not in finished.out
    assert "is wrong" not in finished.out + finished.err
    content = json.loads(command("rewrite", source, precious, "--pass", AXES, "--json").out)
    (region,) = content["validation"]["regions"]
    assert region["undecided"] is True
    assert region["comparison"] is None
    assert content["validation"]["passed"] is False


def test_unknown_pass_is_a_usage_error(lenet_file: Path, precious: Path, fails: Fails) -> None:
    fails("rewrite", lenet_file, precious, "--pass", "nope", code=2, says="no pass 'nope'")


def test_order_is_the_one_that_is_given(
    classifier: ModelProto, tmp_path: Path, precious: Path, fails: Fails
) -> None:
    source = saved(classifier, tmp_path)
    fails("rewrite", source, precious, "--pass", AXES, "--pass", HEADS, code=4, says="node 'f")


def test_help_lists_every_pass_its_promise_and_its_options(command: Command) -> None:
    finished = command("passes")
    assert (finished.code, finished.err) == (0, "")
    words = " ".join(finished.out.split())
    for module in PASSES:
        assert module.NAME in words
        assert (module.__doc__ or "").splitlines()[0] in words
        assert ALONE[module.NAME] in words
    for option in ("--window-step cells from one window to the next", "--batch keep leaves"):
        assert option in words
    assert max(map(len, finished.out.splitlines())) <= 100


def test_every_pass_has_a_name_of_its_own_and_a_promise() -> None:
    names = [module.NAME for module in PASSES]
    assert len({*names}) == len(names)
    assert ALONE.keys() == {*names}
