"""The library call: what it takes, what it returns and what it raises."""

from pathlib import Path
from typing import Any, Literal

import onnx
import pytest
from onnx import ModelProto, TensorProto, helper

import onnxfcn
from passes import RefusalCode
from tests.onnxfcn.models import random_image, run_model
from tests.onnxfcn.processes import run_python
from tests.onnxfcn.protos import dims


def set_image(model: ModelProto, *shape: int | str) -> ModelProto:
    """Declare another shape of the image."""
    model.graph.input[0].CopyFrom(
        helper.make_tensor_value_info("image", TensorProto.FLOAT, list(shape))
    )
    return model


def test_model_in_memory_stays_in_memory(
    lenet: ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    report = onnxfcn.rewrite(lenet)
    onnx.checker.check_model(report.model, full_check=True)
    assert (report.source, report.output) == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_file_holds_the_report_s_model(lenet_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.onnx"
    report = onnxfcn.rewrite(str(lenet_file), str(output))
    assert onnx.load(output) == report.model
    assert (report.source, report.output) == (str(lenet_file), str(output))


def test_given_model_and_file_are_left_alone(lenet: ModelProto, lenet_file: Path) -> None:
    before = lenet.SerializeToString(deterministic=True), lenet_file.read_bytes()
    onnxfcn.rewrite(lenet)
    onnxfcn.rewrite(lenet_file)
    assert (lenet.SerializeToString(deterministic=True), lenet_file.read_bytes()) == before


def test_report_lists_layers_and_freed_axes_in_graph_order(lenet: ModelProto) -> None:
    report = onnxfcn.rewrite(lenet)
    assert [(r.node, r.before, r.after) for r in report.rewrites] == [
        ("fc3", "Gemm 256 -> 120", "Conv 4x4x16 -> 120"),
        ("fc4", "Gemm 120 -> 84", "Conv 1x1x120 -> 84"),
        ("fc5", "Gemm 84 -> 10", "Conv 1x1x84 -> 10"),
        ("image", "input [N, 1, 28, 28]", "input [N, 1, height, width]"),
        ("probabilities", "output [N, 10]", "output [N, 10, map_height, map_width]"),
    ]
    assert report.windows == {"pool2": (4, 4)}
    assert report.window_step == (1, 1)
    assert report.seconds.keys() == {"rewrite", "validation"}


def test_names_of_inputs_and_outputs_stay(lenet: ModelProto) -> None:
    graph = onnxfcn.rewrite(lenet).model.graph
    assert [value.name for value in graph.input] == ["image"]
    assert [value.name for value in graph.output] == ["probabilities"]


@pytest.mark.parametrize(
    ("batch", "own", "expected"),
    [("keep", 2, 2), ("free", 2, "batch"), ("keep", "N", "N"), ("free", "N", "N")],
)
def test_batch(
    batch: Literal["keep", "free"], own: int | str, expected: int | str, lenet: ModelProto
) -> None:
    set_image(lenet, own, 1, 28, 28)
    lenet.graph.output[0].type.tensor_type.shape.dim[0].CopyFrom(
        lenet.graph.input[0].type.tensor_type.shape.dim[0]
    )
    report = onnxfcn.rewrite(lenet, batch=batch)
    assert report.validation
    for value in (report.model.graph.input[0], report.model.graph.output[0]):
        assert dims(value)[0] == expected


def test_freed_batch_takes_any_number_of_images(lenet: ModelProto) -> None:
    model = onnxfcn.rewrite(set_image(lenet, 1, 1, 28, 28), batch="free").model
    (cells,) = run_model(model, random_image(5, 1, 32, 28))
    assert cells.shape == (5, 10, 2, 1)


def test_symbolic_size_needs_the_size_that_the_model_was_made_for(lenet: ModelProto) -> None:
    set_image(lenet, "N", 1, "H", "W")
    with pytest.raises(onnxfcn.RefusedError, match="option input_size") as caught:
        onnxfcn.rewrite(lenet)
    assert [r.code for r in caught.value.refusals] == [RefusalCode.INPUT_SIZE_NEEDED]


def test_symbolic_size_is_taken_from_the_user_and_names_stay(lenet: ModelProto) -> None:
    set_image(lenet, "N", 1, "H", "W")
    report = onnxfcn.rewrite(lenet, input_size=(28, 28))
    assert report.validation
    assert report.windows == {"pool2": (4, 4)}
    assert dims(report.model.graph.input[0]) == ["N", 1, "H", "W"]
    assert run_model(report.model, random_image(1, 1, 36, 40))[0].shape == (1, 10, 3, 4)


@pytest.mark.parametrize("size", [(32, 28), (28,), (28, 28, 28)])
def test_size_that_contradicts_the_model_is_refused(
    size: tuple[int, ...], lenet: ModelProto
) -> None:
    with pytest.raises(onnxfcn.RefusedError) as caught:
        onnxfcn.rewrite(lenet, input_size=size)
    assert [r.code for r in caught.value.refusals] == [RefusalCode.INPUT_SIZE_WRONG]


@pytest.mark.parametrize("step", [0, -1, (1, 0), (1, 1, 1), ()])
def test_bad_window_step_is_a_usage_error(step: Any, lenet: ModelProto) -> None:
    with pytest.raises(onnxfcn.UsageError, match="window_step takes one positive number, or 2"):
        onnxfcn.rewrite(lenet, window_step=step)


def test_unknown_provider_is_a_usage_error(lenet: ModelProto) -> None:
    with pytest.raises(onnxfcn.UsageError, match="nope"):
        onnxfcn.rewrite(lenet, provider="nope")


def test_failed_validation_carries_the_report(lenet: ModelProto) -> None:
    with pytest.raises(onnxfcn.ValidationFailedError) as caught:
        onnxfcn.rewrite(lenet, rtol=1e-12)
    report = caught.value.report
    assert report is not None
    assert report.validation is not None
    assert not report.validation
    assert report.windows == {"pool2": (4, 4)}


def test_refusal_carries_code_node_and_reason(lenet: ModelProto) -> None:
    (relu,) = (node for node in lenet.graph.node if node.name == "relu4")
    relu.op_type, relu.domain = "Squash", "acme"
    lenet.opset_import.append(helper.make_opsetid("acme", 1))
    with pytest.raises(onnxfcn.RefusedError) as caught:
        onnxfcn.rewrite(lenet)
    (refusal,) = caught.value.refusals
    assert (refusal.code, refusal.node, refusal.operator) == ("custom-operator", "relu4", "Squash")
    assert str(refusal) == str(caught.value)


@pytest.mark.parametrize("model", [ModelProto(), ModelProto(ir_version=8)])
def test_empty_model_is_not_usable(model: ModelProto) -> None:
    with pytest.raises(onnxfcn.UnusableModelError):
        onnxfcn.rewrite(model)


def add_side_output(model: ModelProto, source: str, shape: list[int | str]) -> ModelProto:
    model.graph.node.append(helper.make_node("Identity", [source], ["side"], name="side"))
    model.graph.output.append(helper.make_tensor_value_info("side", TensorProto.FLOAT, shape))
    return model


def test_output_that_does_not_depend_on_the_image_stays_as_it_is(lenet: ModelProto) -> None:
    report = onnxfcn.rewrite(add_side_output(lenet, "fc5.bias", [10]))
    assert report.validation
    assert dims(report.model.graph.output[1]) == [10]


def test_output_of_another_input_stays_as_it_is(lenet: ModelProto) -> None:
    lenet.graph.input.append(helper.make_tensor_value_info("extra", TensorProto.FLOAT, ["N", 2]))
    original = add_side_output(lenet, "extra", ["N", 2])
    report = onnxfcn.rewrite(original)
    assert report.validation
    assert report.model.graph.input[1] == original.graph.input[1]
    assert report.model.graph.output[1] == original.graph.output[1]
    assert report.model.graph.node[-1] == original.graph.node[-1]


def test_output_of_the_trunk_grows_with_the_image(lenet: ModelProto) -> None:
    report = onnxfcn.rewrite(add_side_output(lenet, "pool1", ["N", 6, 12, 12]))
    assert report.validation
    image = random_image(1, 1, 36, 40)
    assert run_model(report.model, image, "side")[0].shape == (1, 6, 16, 18)
    assert dims(report.model.graph.output[1])[:2] == ["N", 6]


def test_hidden_vector_as_second_output_becomes_a_map_too(lenet: ModelProto) -> None:
    report = onnxfcn.rewrite(add_side_output(lenet, "relu4", ["N", 84]))
    assert report.validation
    assert run_model(report.model, random_image(1, 1, 36, 40), "side")[0].shape == (1, 84, 3, 4)


def test_bytes_do_not_depend_on_the_process(lenet_file: Path, tmp_path: Path) -> None:
    written = []
    for hash_seed in ("1", "2"):
        output = tmp_path / f"{hash_seed}.onnx"
        script = f"import onnxfcn; onnxfcn.rewrite({str(lenet_file)!r}, {str(output)!r})"
        run_python("-c", script, PYTHONHASHSEED=hash_seed).check_returncode()
        written.append(output.read_bytes())
    assert written[0] == written[1]
