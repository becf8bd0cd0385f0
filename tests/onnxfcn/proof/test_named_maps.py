"""``--feature-map``: pairs whose trunks have other names, or cannot be told."""

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import ModelProto

import onnxfcn
from tests.onnxfcn import sabotage
from tests.onnxfcn.model_texts import model

Command = Callable[..., Any]
Fails = Callable[..., Any]
CORNERS = """x = Conv<pads=[1, 1, 1, 1]>(image, kernel) {}
p = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(u) v = Flatten(p) [dense] out = Gemm(v, dense)"""
RESIZE = """[corners] u = Resize<mode="linear", coordinate_transformation_mode=
"align_corners">(x, , {})"""


def renamed(model: ModelProto, kept: Collection[str] = ()) -> ModelProto:
    """The same model with other names, as another tool might give them."""
    interface = {value.name for value in (*model.graph.input, *model.graph.output)}

    def other(name: str) -> str:
        return name if not name or name in interface | {*kept} else f"other/{name}"

    copy = sabotage.copy_of(model)
    for node in copy.graph.node:
        node.name = ""
        node.input[:] = map(other, node.input)
        node.output[:] = map(other, node.output)
    for named in (*copy.graph.initializer, *copy.graph.value_info):
        named.name = other(named.name)
    onnx.checker.check_model(copy, full_check=True)
    return copy


@pytest.fixture
def foreign(lenet_file: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Files of LeNet and of its fully convolutional form, which has no inner name in common."""
    path = tmp_path / "fcn.onnx"
    onnx.save(renamed(onnxfcn.rewrite(lenet_file, validate=False).model), path)
    return lenet_file, path


def test_name_that_both_have_is_found(lenet: ModelProto) -> None:
    rewritten = onnxfcn.rewrite(lenet, validate=False).model
    report = onnxfcn.validate(lenet, renamed(rewritten, ["pool2"]))
    assert report
    assert report.windows == {"pool2": (4, 4)}
    assert [region.output for region in report.regions] == ["pool2"]


def test_padded_trunk_without_a_common_name_is_not_called_wrong(
    tmp_path: Path, command: Command, fails: Fails
) -> None:
    original = model(
        """c = Conv<pads=[1, 1, 1, 1]>(image, kernel) r = Relu(c)
        f = Flatten(r) out = Gemm(f, dense)""",
        "float[N,3,8,8]",
        "float[N,5] out",
    )
    files = tmp_path / "in.onnx", tmp_path / "fcn.onnx"
    onnx.save(original, files[0])
    onnx.save(renamed(onnxfcn.rewrite(original, validate=False).model), files[1])
    fails("validate", *files, code=5, says="name the feature maps (--feature-map)")
    assert command("validate", *files, "--feature-map", "r=other/r").code == 0


def test_without_a_common_name_the_user_is_asked(foreign: tuple[Path, Path], fails: Fails) -> None:
    fails("validate", *foreign, code=5, says="name the feature maps (--feature-map)")


def test_named_map_is_proven(foreign: tuple[Path, Path], command: Command) -> None:
    finished = command("validate", *foreign, "--feature-map", "pool2=other/pool2", "--json")
    assert (finished.code, finished.err) == (0, "")
    validation = json.loads(finished.out)["validation"]
    assert validation["proven"] is True
    assert [region["output"] for region in validation["regions"]] == ["pool2"]
    compared = {found["output"] for found in validation["identity"]["comparisons"]}
    assert compared == {"pool2", "probabilities"}


@pytest.mark.parametrize("spoil", ["other/conv2.weight", "other/fc4.weight"])
def test_difference_behind_other_names_is_caught(
    spoil: str, foreign: tuple[Path, Path], fails: Fails
) -> None:
    spoiled = onnx.load(foreign[1])
    sabotage.change(spoiled.graph, spoil, lambda values: values * values.dtype.type(1.01))
    onnx.save(spoiled, foreign[1])
    fails("validate", *foreign, "--feature-map", "pool2=other/pool2", code=5, says="differ")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("pool2", "the rewritten model computes no such tensor"),
        ("nope=other/pool2", "the original computes no such tensor"),
        ("pool2=nope", "the rewritten model computes no tensor 'nope'"),
        ("fc3=other/fc3", "has the shape"),
        ("pool1=other/pool2", "has the shape"),
        ("probabilities=other/pool2", "computes a 'probabilities', too"),
    ],
)
def test_name_that_is_no_feature_map(
    name: str, says: str, foreign: tuple[Path, Path], fails: Fails
) -> None:
    fails("validate", *foreign, "--feature-map", name, code=2, says=says)


def test_maps_that_leave_a_way_around_them(lenet: ModelProto, tmp_path: Path, fails: Fails) -> None:
    """Two convolutions side by side, of which one is named."""
    body = """x = Conv<pads=[1, 1, 1, 1]>(image, kernel) y = Relu(image) z = Conv<pads=[1, 1, 1, 1]>
    (y, kernel) m = Add(x, z) v = Flatten(m) [dense] out = Gemm(v, dense)"""
    original = model(body, "float[1,3,8,8]", "float[1,5] out")
    onnx.save(original, tmp_path / "in.onnx")
    onnxfcn.rewrite(tmp_path / "in.onnx", tmp_path / "out.onnx", validate=False)
    files = tmp_path / "in.onnx", tmp_path / "out.onnx"
    fails("validate", *files, "--feature-map", "x", code=5, says="no feature map lies between")


def test_trunk_that_cannot_be_told_is_said_not_to_be_proven(
    tmp_path: Path, command: Command, fails: Fails
) -> None:
    """A Resize whose ratio depends on the size, on the way to a map of 8x8 cells."""
    original = model(
        CORNERS.format(RESIZE.format(", @(1, 8, 16, 16)")), "float[1,3,8,8]", "float[1,5] out"
    )
    rewritten = model(
        CORNERS.format(RESIZE.format("@(1.0, 1.0, 2.0, 2.0)")).replace(
            "v = Flatten(p) [dense] out = Gemm(v, dense)", "out = Conv(p, sliding)"
        ),
        "float[1,3,H,W]",
        "float[1,5,P,Q] out",
    )
    files = tmp_path / "in.onnx", tmp_path / "out.onnx"
    for path, each in zip(files, (original, rewritten), strict=True):
        onnx.save(each, path)
    fails("validate", *files, code=5, says="whether the trunk is right at corners (Resize)")
    finished = command("validate", *files, "--feature-map", "p")
    assert (finished.code, finished.err) == (0, "")
    assert "NOT PROVEN: whether the trunk is right at corners (Resize)" in finished.out
    assert "nothing proven about 'p'" in finished.out
    assert "no difference was seen, but not all of it is proven" in finished.out
    content = json.loads(command("validate", *files, "--feature-map", "p", "--json").out)
    assert content["validation"]["passed"] is True
    assert content["validation"]["proven"] is False
    (region,) = content["validation"]["regions"]
    assert region["assumed"] is True
