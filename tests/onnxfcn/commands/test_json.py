"""``--json``: one JSON object on standard output, whatever happened."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import ModelProto

import onnxfcn
from onnxfcn.report import SCHEMA_VERSION

Command = Callable[..., Any]


def parsed(finished: Any) -> dict[str, Any]:
    """The object that standard output consists of; constants beyond JSON are rejected."""

    def reject(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    content = json.loads(finished.out, parse_constant=reject)
    assert isinstance(content, dict)
    assert content["schema_version"] == SCHEMA_VERSION == 1
    return content


def test_success(lenet_file: Path, tmp_path: Path, command: Command) -> None:
    output = tmp_path / "out.onnx"
    finished = command("rewrite", lenet_file, output, "--json", "--size", "36x40")
    assert (finished.code, finished.err) == (0, "")
    content = parsed(finished)
    assert content["status"] == "done"
    assert (content["source"], content["output"]) == (str(lenet_file), str(output))
    assert content["windows"] == {"pool2": [4, 4]}
    assert content["window_step"] == [1, 1]
    assert [rewrite["node"] for rewrite in content["rewrites"]][:3] == ["fc3", "fc4", "fc5"]
    validation = content["validation"]
    assert validation["passed"] is validation["proven"] is True
    (size,) = validation["sizes"]
    assert (size["size"], size["map_size"]) == ([36, 40], [3, 4])
    assert {c["output"] for c in size["comparisons"]} == {"probabilities", "fc5"}
    assert all(c["max_error"] <= c["tolerance"] for c in size["comparisons"])
    assert all(spent >= 0 for spent in content["seconds"].values())


def test_verbose_changes_nothing(lenet_file: Path, tmp_path: Path, command: Command) -> None:
    contents = [
        parsed(command("rewrite", lenet_file, tmp_path / "out.onnx", "--json", *options))
        for options in ((), ("--verbose",))
    ]
    for content in contents:
        del content["seconds"]
    assert contents[0] == contents[1]


def test_without_validation(lenet_file: Path, tmp_path: Path, command: Command) -> None:
    finished = command("rewrite", lenet_file, tmp_path / "out.onnx", "--json", "--no-validate")
    assert finished.code == 0
    assert parsed(finished)["validation"] is None


def test_refusal(lenet: ModelProto, tmp_path: Path, command: Command) -> None:
    (softmax,) = (node for node in lenet.graph.node if node.op_type == "Softmax")
    softmax.attribute[0].i = 0
    onnx.save(lenet, tmp_path / "in.onnx")
    finished = command("rewrite", tmp_path / "in.onnx", tmp_path / "out.onnx", "--json")
    assert finished.code == 4
    content = parsed(finished)
    assert (content["status"], content["exit_code"]) == ("RefusedError", 4)
    (refusal,) = content["refusals"]
    assert (refusal["node"], refusal["operator"]) == ("softmax", "Softmax")
    assert refusal.keys() == {"code", "node", "operator", "expected", "found", "advice"}
    assert refusal["code"] in {"wrong-axis", "batch-mixed"}
    assert content["message"] in finished.err
    assert len(finished.err.splitlines()) == 1


def test_failed_validation(lenet_file: Path, tmp_path: Path, command: Command) -> None:
    finished = command("rewrite", lenet_file, tmp_path / "o.onnx", "--json", "--rtol", "1e-12")
    assert finished.code == 5
    content = parsed(finished)
    assert (content["status"], content["exit_code"]) == ("ValidationFailedError", 5)
    assert content["validation"]["passed"] is False
    assert content["refusals"] == []
    assert len(finished.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("edit", "code", "status"),
    [
        (lambda path: path.unlink(), 2, "UsageError"),
        (lambda path: path.write_bytes(b""), 4, "UnusableModelError"),
        (lambda path: onnxfcn.rewrite(path, path), 3, "NothingToRewriteError"),
    ],
    ids=["missing", "empty", "nothing to rewrite"],
)
def test_other_failures(
    edit: Callable[[Path], object],
    code: int,
    status: str,
    lenet_file: Path,
    tmp_path: Path,
    command: Command,
) -> None:
    edit(lenet_file)
    finished = command("rewrite", lenet_file, tmp_path / "out.onnx", "--json")
    content = parsed(finished)
    assert (finished.code, content["exit_code"], content["status"]) == (code, code, status)
    assert finished.err == f"onnxfcn: {content['message']}\n"


def test_infinite_tolerance_is_json_too(lenet_file: Path, tmp_path: Path, command: Command) -> None:
    finished = command("rewrite", lenet_file, tmp_path / "out.onnx", "--json", "--atol", "inf")
    assert finished.code == 0
    parsed(finished)


def test_infinite_errors_become_the_text_inf(lenet: ModelProto) -> None:
    report = onnxfcn.rewrite(lenet, sizes=[(36, 40)])
    assert report.validation is not None
    identity = report.validation.identity
    wrong = replace(identity.comparisons[0], max_error=math.inf)
    spoiled = replace(identity, comparisons=(wrong,))
    spoiled_report = replace(report, validation=replace(report.validation, identity=spoiled))
    content = json.loads(json.dumps(spoiled_report.as_dict(), allow_nan=False))
    assert content["validation"]["identity"]["comparisons"][0]["max_error"] == "inf"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--size", "0x0"), "write positive whole numbers, such as 224x320, not '0x0'"),
        (("--sise", "40x40"), "No such option: --sise"),
        (("--rtol", "much"), "'--rtol'"),
        (("--batch", "maybe"), "'--batch'"),
    ],
)
def test_bad_option(
    options: tuple[str, ...],
    says: str,
    lenet_file: Path,
    tmp_path: Path,
    checked: Callable[..., dict[str, Any]],
) -> None:
    content = checked("rewrite", lenet_file, tmp_path / "out.onnx", *options, code=2)
    assert (content["status"], content["exit_code"]) == ("UsageError", 2)
    assert says in content["message"]


def test_help_is_no_error(command: Command) -> None:
    finished = command("rewrite", "--json", "--help")
    assert finished.code == 0
    assert "schema_version" not in finished.out
