"""What ``--json`` prints is what the published schemas say, whatever happened."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import onnx
import pytest

from tests.onnxfcn import sabotage
from tests.onnxfcn.schemas import schema_of

Command = Callable[..., Any]
ROOT = Path(__file__).parents[3]


def objects_in(schema: Any) -> list[dict[str, Any]]:
    """All parts of a schema that describe an object with properties."""
    inner = schema.values() if isinstance(schema, dict) else schema
    parts = [part for each in inner if isinstance(each, dict | list) for part in objects_in(each)]
    is_object = isinstance(schema, dict) and schema.get("type") == "object"
    return parts + [schema] * is_object


@pytest.mark.parametrize(
    ("command", "objects"), [("bench", 6), ("inspect", 11), ("rewrite", 19), ("validate", 14)]
)
def test_schemas_are_valid_and_strict(command: str, objects: int) -> None:
    schema = schema_of(command)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    found = objects_in(schema)
    assert len(found) >= objects
    assert all(part["additionalProperties"] is not True for part in found)
    assert all("additionalProperties" in part for part in found)


def test_unknown_and_missing_keys_are_no_report(
    lenet_file: Path, fcn: Path, checked: Callable[..., dict[str, Any]]
) -> None:
    content = checked("validate", lenet_file, fcn)
    validator = jsonschema.Draft202012Validator(schema_of("validate"))
    more = json.loads(json.dumps(content))
    more["validation"]["identity"]["colour"] = "blue"
    assert not validator.is_valid(more)
    del content["validation"]["crops"]
    assert not validator.is_valid(content)


def test_reports(
    lenet_file: Path, fcn: Path, tmp_path: Path, checked: Callable[..., dict[str, Any]]
) -> None:
    content = checked("validate", lenet_file, fcn)
    assert content["validation"]["crops"]["results"]
    checked("rewrite", lenet_file, tmp_path / "out.onnx")
    checked("rewrite", lenet_file, tmp_path / "out.onnx", "--no-validate")
    checked("rewrite", lenet_file, tmp_path / "out.onnx", "--head", "matmul")
    assert checked("bench", lenet_file, fcn, "--size", "32x28")["sizes"]


def test_reports_of_some_of_the_cells(
    lenet_file: Path, fcn: Path, tmp_path: Path, checked: Callable[..., dict[str, Any]]
) -> None:
    options = ("--size", "36x40", "--size", "32x28", "--max-cells", "5")
    found = checked("validate", lenet_file, fcn, *options)["validation"]
    again = checked("rewrite", lenet_file, tmp_path / "out.onnx", *options)["validation"]
    assert found["sizes"] == again["sizes"]
    assert found["sampled"]
    assert found["identity"]["cells"] == {}
    assert [size["cells"]["fc5"] for size in found["sizes"]] == [
        {"compared": 5, "in_all": 12},
        {"compared": 2, "in_all": 2},
    ]


def test_failed_reports(
    lenet_file: Path, fcn: Path, tmp_path: Path, checked: Callable[..., dict[str, Any]]
) -> None:
    spoiled = onnx.load(fcn)
    sabotage.poison(spoiled.graph)
    onnx.save(spoiled, fcn)
    content = checked("validate", lenet_file, fcn, code=5)
    assert content["validation"]["identity"]["comparisons"][0]["max_error"] == "inf"
    checked("rewrite", lenet_file, tmp_path / "out.onnx", "--rtol", "1e-12", code=5)


def test_errors(
    lenet_file: Path, fcn: Path, tmp_path: Path, checked: Callable[..., dict[str, Any]]
) -> None:
    missing = tmp_path / "missing.onnx"
    empty = tmp_path / "empty.onnx"
    empty.touch()
    checked("validate", lenet_file, missing, code=2)
    checked("validate", lenet_file, empty, code=4)
    checked("validate", fcn, lenet_file, code=5)
    checked("bench", lenet_file, lenet_file, code=5)
    checked("bench", lenet_file, fcn, "--size", "8x8", code=2)
    checked("rewrite", missing, tmp_path / "out.onnx", code=2)
    checked("rewrite", fcn, tmp_path / "out.onnx", code=3)
    model = onnx.load(lenet_file)
    (softmax,) = (node for node in model.graph.node if node.op_type == "Softmax")
    softmax.attribute[0].i = 0
    onnx.save(model, lenet_file)
    assert checked("rewrite", lenet_file, tmp_path / "out.onnx", code=4)["refusals"]


def test_schemas_are_part_of_the_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "schemas/*.json" in settings["tool"]["setuptools"]["package-data"]["onnxfcn"]
