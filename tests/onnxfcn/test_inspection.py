"""What ``onnxfcn inspect`` says of originals, of rewritten models, and of what it cannot follow."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import pytest

import onnxfcn
from onnxfcn.geometry import Geometry
from tests.model_texts import build

Command = Callable[..., Any]
SAMPLES = Path(__file__).parents[2] / "sample_models"
EXPORTS = SAMPLES / "exports"
LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
# Window of the head, stride and receptive field in pixels, and which nodes pad.
LIGHT_MODELS = {
    "bvlc_alexnet": ((6, 6), 32, 195 + 5 * 32, {"Conv": 4, "MaxPool": 1}),
    "densenet121": ((7, 7), 32, 2071 + 6 * 32, {"Conv": 59, "MaxPool": 1}),
    "inception_v1": ((6, 6), 32, 715 + 5 * 32, {"Conv": 20, "MaxPool": 9}),
    "inception_v2": ((7, 7), 32, 699 + 6 * 32, {"Conv": 32, "MaxPool": 5, "AveragePool": 7}),
    "resnet50": ((7, 7), 32, 427 + 6 * 32, {"Conv": 17, "MaxPool": 1}),
    "shufflenet": ((7, 7), 32, 527 + 6 * 32, {"Conv": 17, "MaxPool": 1, "AveragePool": 3}),
    "squeezenet": ((13, 13), 16, 207 + 12 * 16, {"Conv": 8}),
    "vgg19": ((7, 7), 32, 268 + 6 * 32, {"Conv": 16}),
    "zfnet512": ((6, 6), 32, 155 + 5 * 32, {"Conv": 3}),
}


@pytest.fixture
def inspected(checked: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    return partial(checked, "inspect")


@pytest.mark.parametrize("name", LIGHT_MODELS)
def test_light_models(name: str, inspected: Callable[..., dict[str, Any]]) -> None:
    window, stride, field, pads = LIGHT_MODELS[name]
    found = inspected(LIGHT / f"light_{name}.onnx")
    assert found["kind"] == "classifier"
    assert found["blockers"] == []
    assert list(found["windows"].values()) == [list(window)]
    (output,) = found["outputs"]
    assert output["geometry"]["stride"] == [stride, stride]
    assert output["geometry"]["receptive_field"] == [field, field]
    assert output["geometry"]["whole_image"] == []
    assert output["exactness"]["label"] == "approximate"
    causes = [cause["operator"] for cause in output["exactness"]["causes"]]
    assert {operator: causes.count(operator) for operator in causes} == pads
    own = found["costs"][0]
    assert own["size"] == [224, 224]
    assert own["one_pass"] == own["by_crops"]


def test_costs_are_counted_by_hand_for_lenet(
    lenet_file: Path, inspected: Callable[..., dict[str, Any]]
) -> None:
    found = inspected(lenet_file, "--size", "32x28")
    layers = {"conv1": (5 * 5 * 1, 6, 24, 24), "conv2": (5 * 5 * 6, 16, 8, 8)}
    dense = ((256, 120), (120, 84), (84, 10))
    weights = sum(terms * units for terms, units, _, _ in layers.values())
    biases = 6 + 16 + 120 + 84 + 10
    assert found["parameters"] == weights + biases + sum(k * f for k, f in dense)
    head = sum(k * f for k, f in dense)
    crop = sum(terms * units * h * w for terms, units, h, w in layers.values()) + head
    one_pass = 25 * 6 * 28 * 24 + 150 * 16 * 10 * 8 + 2 * head
    assert found["costs"] == [
        {"size": [32, 28], "map_size": [2, 1], "one_pass": one_pass, "by_crops": 2 * crop}
    ]


def test_original_and_rewritten_model_tell_the_same(
    lenet_file: Path, tmp_path: Path, inspected: Callable[..., dict[str, Any]]
) -> None:
    output = tmp_path / "fcn.onnx"
    report = onnxfcn.rewrite(lenet_file, output, validate=False)
    before, after = inspected(lenet_file), inspected(output)
    assert after["kind"] == "fully convolutional"
    assert after["rewrites"] == after["blockers"] == after["notes"] == []
    for key in ("windows", "outputs", "parameters", "costs"):
        assert before[key] == after[key]
    assert [meaning.as_dict() for meaning in report.outputs] == after["outputs"]
    geometry = Geometry.from_model(output)
    assert geometry == report.outputs[0].geometry
    assert (geometry.stride, geometry.receptive_field) == ((4, 4), (28, 28))


AUDIO = EXPORTS / "audio.torchscript.onnx"


@pytest.mark.parametrize(
    ("options", "window", "stride", "cells"),
    [
        ({}, [9], [64.0], [14]),
        ({"window_step": 2}, [9], [128.0], [7]),
        ({"head": "matmul"}, [9], [64.0], [14]),
    ],
)
def test_result_with_a_pool_is_told_as_it_is(
    options: dict[str, Any],
    window: list[int],
    stride: list[float],
    cells: list[int],
    tmp_path: Path,
    inspected: Callable[..., dict[str, Any]],
) -> None:
    """Its pool is no head to lift again: that would undo the step."""
    output = tmp_path / "fcn.onnx"
    report = onnxfcn.rewrite(AUDIO, output, validate=False, **options)
    found = inspected(output, "--size", "1632")
    assert found["kind"] == "fully convolutional"
    assert found["rewrites"] == found["blockers"] == found["notes"] == []
    assert list(found["windows"].values()) == [window]
    assert found["outputs"] == [meaning.as_dict() for meaning in report.outputs]
    assert found["outputs"][0]["geometry"]["stride"] == stride
    assert found["costs"][0]["map_size"] == cells


def test_pool_that_was_kept_whole_is_told_as_it_is(
    tmp_path: Path, inspected: Callable[..., dict[str, Any]], command: Command
) -> None:
    output = tmp_path / "fcn.onnx"
    onnxfcn.rewrite(AUDIO, output, validate=False, global_pool="keep")
    found = inspected(output)
    assert (found["rewrites"], found["notes"], found["costs"]) == ([], [], [])
    (cause,) = found["outputs"][0]["exactness"]["causes"]
    assert (cause["operator"], cause["reason"]) == ("GlobalAveragePool", "sees the whole image")
    assert "'logits': one cell for the whole image" in command("inspect", output).out


def test_matrix_products_are_told_as_the_convolutions_they_were(
    lenet_file: Path, tmp_path: Path, inspected: Callable[..., dict[str, Any]]
) -> None:
    convolutions, products = tmp_path / "fcn.onnx", tmp_path / "products.onnx"
    onnxfcn.rewrite(lenet_file, convolutions, validate=False)
    onnxfcn.rewrite(convolutions, products, passes=["conv_to_gemm"], validate=False)
    before, after = inspected(convolutions), inspected(products)
    for key in ("kind", "windows", "outputs", "parameters", "costs", "notes", "blockers"):
        assert before[key] == after[key]


def test_cuts_of_an_old_opset_are_no_branches() -> None:
    """Without steps in Slice, a pool of single cells leaves cells out."""
    model = build(
        "y = Conv<strides=[2, 2]>(x, w)",
        inputs="float[1,1,H,W] x",
        outputs="float[1,1,P,Q] y",
        opset=9,
        w=(1, 1, 3, 1),
    )
    report = onnxfcn.rewrite(model, passes=["conv_to_gemm"], input_size=(3, 1), validate=False)
    assert report.model is not None
    geometry = onnxfcn.geometry.analyse(report.model, (3, 1))["y"]
    assert (geometry.stride, geometry.disagreements) == ((2, 2), ())


def test_result_without_convolutions_and_pools_tells_its_layout(
    tmp_path: Path, inspected: Callable[..., dict[str, Any]]
) -> None:
    convolutions, products = tmp_path / "fcn.onnx", tmp_path / "products.onnx"
    onnxfcn.rewrite(SAMPLES / "gilt.onnx", convolutions, validate=False)
    onnxfcn.rewrite(convolutions, products, passes=["conv_to_gemm"], validate=False)
    before, after = inspected(convolutions), inspected(products)
    assert before["outputs"] == after["outputs"]
    assert onnxfcn.geometry.analyse(products)["probabilities"] == Geometry.from_model(products)


def test_result_whose_size_was_fixed_again_has_that_size(
    lenet_file: Path, tmp_path: Path, inspected: Callable[..., dict[str, Any]]
) -> None:
    output = tmp_path / "fcn.onnx"
    onnxfcn.rewrite(lenet_file, output, validate=False)
    model = onnx.load(output)
    for dim, extent in zip(
        model.graph.input[0].type.tensor_type.shape.dim[2:], (40, 44), strict=True
    ):
        dim.dim_value = extent
    onnx.save(model, output)
    found = inspected(output)
    assert (found["kind"], found["blockers"]) == ("fully convolutional", [])
    assert found["outputs"][0]["geometry"]["original_size"] == [40, 44]


def test_edited_graph_is_told_from_its_metadata(
    lenet_file: Path, tmp_path: Path, command: Command
) -> None:
    output = tmp_path / "fcn.onnx"
    onnxfcn.rewrite(lenet_file, output, validate=False)
    model = onnx.load(output)
    conv = next(node for node in model.graph.node if node.op_type == "Conv")
    (pads,) = (attribute for attribute in conv.attribute if attribute.name == "pads")
    pads.ints[:] = [1, 1, 1, 1]
    onnx.save(model, output)
    found = command("inspect", output)
    assert found.code == 0
    assert "metadata is not that of the graph: edited since?" in found.out
    assert "'probabilities': approximate, 1 node looks past the edges of a cell's crop" in found.out
    assert f"  Conv '{conv.name}': pads, where the whole image goes on\n" in found.out


def test_blockers_name_the_node(
    lenet_file: Path, inspected: Callable[..., dict[str, Any]], command: Command
) -> None:
    model = onnx.load(lenet_file)
    (softmax,) = (node for node in model.graph.node if node.op_type == "Softmax")
    softmax.attribute[0].i = 0
    onnx.save(model, lenet_file)
    found = inspected(lenet_file)
    assert (found["kind"], found["outputs"], found["costs"]) == ("refused", [], [])
    (blocker,) = found["blockers"]
    assert (blocker["node"], blocker["code"]) == (softmax.name, "wrong-axis")
    printed = command("inspect", lenet_file).out
    assert f"blocked: node '{softmax.name}' (Softmax): expected" in printed


def test_text_fits_the_page_and_says_what_the_json_does(command: Command) -> None:
    finished = command("inspect", LIGHT / "light_resnet50.onnx")
    assert max(map(len, finished.out.splitlines())) <= 100
    lines = finished.out.splitlines()
    assert lines[0] == "classifier, image 'gpu_0/data_0' [1, 3, 224, 224], 25.6 M parameters"
    assert "window 7x7 on feature map 'r171'" in lines
    where = "stride 32 px, receptive field 619 px, cell (0,0) = crop (0,0)-(224,224)"
    assert f"'gpu_0/softmax_1': {where}" in lines
    assert "  17 Conv (first 'n0'): pads, where the whole image goes on" in lines
    (row,) = (line.split() for line in lines if "448x448" in line)
    assert row == ["448x448", "8x8", "16.5", "G", "MAC", "262", "G", "MAC", "15.9", "times"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--size", "32"), 2, "give sizes with 2 numbers, such as 28x28"),
        (("--size", "8x8"), 2, "the model takes no images of 8x8: take 28x28 or more"),
        (("--input-size", "30x30"), 0, ""),
    ],
)
def test_sizes_that_do_not_fit(
    lenet_file: Path, command: Command, arguments: tuple[str, ...], code: int, says: str
) -> None:
    finished = command("inspect", lenet_file, *arguments)
    assert finished.code == code
    assert says in finished.err
    if not code:
        assert "[input-size-wrong]" in finished.out


def test_crops_of_which_none_is_a_cell_are_not_counted(
    tmp_path: Path, inspected: Callable[..., dict[str, Any]], command: Command
) -> None:
    model = build(
        "y = Conv(x, w)", inputs="float[1,2,8,8] x", outputs="float[1,3,8,8] y", w=(3, 2, 1, 1)
    )
    onnx.save(model, tmp_path / "per-pixel.onnx")
    found = inspected(tmp_path / "per-pixel.onnx", "--size", "8x8", "--size", "17x8")
    assert [(c["one_pass"], c["by_crops"]) for c in found["costs"]] == [
        (3 * 2 * 8 * 8, None),
        (3 * 2 * 17 * 8, None),
    ]
    (note,) = found["notes"]
    assert note.startswith("'y' is a map in the original already: no crop stands for")
    printed = command("inspect", tmp_path / "per-pixel.onnx").out
    assert "One pass" in printed
    assert "By crops" not in printed
    assert note in printed


def test_model_that_is_none_is_an_error(
    tmp_path: Path, inspected: Callable[..., dict[str, Any]]
) -> None:
    empty = tmp_path / "empty.onnx"
    empty.touch()
    assert inspected(empty, code=4)["status"] == "UnusableModelError"
    assert inspected(tmp_path / "missing.onnx", code=2)["status"] == "UsageError"


def test_vectors_without_an_image_are_said_to_be_none(
    tmp_path: Path, inspected: Callable[..., dict[str, Any]]
) -> None:
    model = build("y = Relu(x)", inputs="float[1,4] x", outputs="float[1,4] y")
    onnx.save(model, tmp_path / "vector.onnx")
    found = inspected(tmp_path / "vector.onnx")
    assert found["kind"] == "refused"
    assert found["notes"] == ["no input of the model has spatial axes that can be determined"]
