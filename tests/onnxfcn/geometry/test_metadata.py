"""The numbers travel with the model, and are the same when they are read back."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import onnx
import pytest

import onnxfcn
from onnxfcn.geometry import Geometry, GeometryUnknownError, analyse, from_metadata, metadata
from sample_models import lenet
from tests.onnxfcn.geometry.test_whole_image import NETS, W
from tests.onnxfcn.small_nets import small_net
from tests.session import session

EXPORTS = Path(onnxfcn.__file__).parent.parent / "sample_models" / "exports"


def carrying(model: onnx.ModelProto, *geometries: Geometry) -> onnx.ModelProto:
    """A copy of a model with geometries in its metadata."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for geometry in geometries:
        onnx.helper.set_model_props(
            copy, {e.key: e.value for e in copy.metadata_props} | geometry.to_metadata()
        )
    return copy


@pytest.fixture(scope="module")
def rewritten() -> onnx.ModelProto:
    model = onnxfcn.rewrite(lenet.build(), validate=False).model
    assert model is not None
    return model


@pytest.fixture(scope="module")
def geometry(rewritten: onnx.ModelProto) -> Geometry:
    return analyse(rewritten, original_size=(28, 28))["probabilities"]


def test_a_runtime_gives_the_numbers_without_any_of_this(
    rewritten: onnx.ModelProto, geometry: Geometry
) -> None:
    loaded = session(carrying(rewritten, geometry))
    properties = loaded.get_modelmeta().custom_metadata_map
    assert properties["onnxfcn.geometry_version"] == "1"
    content = json.loads(properties["onnxfcn.geometry.probabilities"])
    assert content["image"] == "image"
    (first, second) = content["axes"]
    assert first == second | {"map_axis": 2}
    assert first == {
        "original": 28, "map_axis": 2, "stride": 4, "period": 4, "period_cells": 1,
        "cells": [1, 1, 1, 1], "smallest": 28, "fields": [[0, 27]], "near": None, "far": None,
        "tight": True, "whole": [],
    }  # fmt: skip
    assert from_metadata(properties) == {"probabilities": geometry}


def test_every_key_is_documented(geometry: Geometry) -> None:
    content = json.loads(geometry.to_metadata()["onnxfcn.geometry.probabilities"])
    for key in (*content, *content["axes"][0]):
        assert f"``{key}``" in str(metadata.__doc__)


def test_a_model_and_its_file_give_the_geometry_back(
    rewritten: onnx.ModelProto, geometry: Geometry, tmp_path: Path
) -> None:
    model = carrying(rewritten, geometry)
    onnx.save(model, tmp_path / "out.onnx")
    assert Geometry.from_model(model) == geometry
    assert Geometry.from_model(tmp_path / "out.onnx", "probabilities") == geometry
    assert Geometry.from_model(str(tmp_path / "out.onnx")).map_size(36, 40) == (3, 4)


def test_fractions_and_borders_are_the_same_again() -> None:
    case = small_net(
        'd = Conv <strides = [2]> (image, u) r = Resize <mode = "linear"> (d, , scales)'
        " p = Conv <pads = [1, 0]> (image, u) t = Add (r, p) a = Conv <pads = [1, 0]> (t, u)"
        " answer = ConvTranspose <kernel_shape = [2], strides = [2]> (a, u)",
        [6],
        weights={"u": (2, 2, 2)},
        constants={"scales": [1.0, 1.0, 2.0]},
    )
    found = analyse(case.model, original_size=[6])["answer"]
    (axis,) = found.axes
    assert axis.stride == Fraction(1, 2)
    assert None in axis.cells
    assert found.disagreements
    assert from_metadata(found.to_metadata()) == {"answer": found}


@pytest.mark.parametrize("name", NETS)
def test_names_of_nodes_are_the_same_again(name: str) -> None:
    body, constants, _ = NETS[name]
    case = small_net(body, [2, 2], weights=W, constants=constants)
    found = analyse(case.model, original_size=[2, 2])["answer"]
    assert from_metadata(found.to_metadata()) == {"answer": found}


def test_outputs_have_geometries_of_their_own() -> None:
    model = onnxfcn.rewrite(EXPORTS / "two_heads.torchscript.onnx", validate=False).model
    assert model is not None
    found = analyse(model, original_size=(32, 48))
    assert list(found) == ["age", "kind"]
    both = carrying(model, *found.values())
    assert Geometry.from_model(both, "kind") == found["kind"]
    with pytest.raises(GeometryUnknownError, match="say which output's geometry: age, kind"):
        Geometry.from_model(both)
    with pytest.raises(GeometryUnknownError, match="no geometry of 'sex', only of age, kind"):
        Geometry.from_model(both, "sex")


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        ({}, "carries no geometry in its metadata; onnxfcn.geometry.analyse.model. tells"),
        ({"onnxfcn.geometry_version": "2"}, "a geometry of version '2', expected 1"),
        ({"onnxfcn.geometry_version": "1", "onnxfcn.geometry.y": "{"}, "hold no geometry"),
        ({"onnxfcn.geometry_version": "1", "onnxfcn.geometry.y": "[]"}, "hold no geometry"),
        ({"onnxfcn.geometry_version": "1", "onnxfcn.geometry.y": "{}"}, "hold no geometry"),
    ],
)
def test_other_metadata_hold_no_geometry(properties: dict[str, str], says: str) -> None:
    with pytest.raises(GeometryUnknownError, match=says):
        from_metadata(properties)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("cells", 7), ("cells", [1]), ("period", 0), ("period", "x"), ("fields", ["1/0"]),
        ("fields", [["1/0", 1]]), ("fields", None), ("near", [1]), ("whole", 3),
    ],
)  # fmt: skip
def test_spoiled_metadata_are_refused(geometry: Geometry, key: str, value: object) -> None:
    properties = geometry.to_metadata()
    content = json.loads(properties["onnxfcn.geometry.probabilities"])
    content["axes"][0][key] = value
    properties["onnxfcn.geometry.probabilities"] = json.dumps(content)
    with pytest.raises(GeometryUnknownError, match="hold no geometry"):
        from_metadata(properties)


def test_an_output_may_have_any_name(geometry: Geometry) -> None:
    for name in ("version", "a.b", "", "ä/b:0"):
        named = replace(geometry, output=name)
        assert from_metadata(named.to_metadata()) == {name: named}


def test_metadata_are_the_same_every_time(geometry: Geometry, rewritten: onnx.ModelProto) -> None:
    again = analyse(rewritten, original_size=(28, 28))["probabilities"]
    assert again.to_metadata() == geometry.to_metadata()
