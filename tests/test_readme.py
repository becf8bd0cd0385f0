"""The README says what the code says."""

from pathlib import Path

import onnx
import pytest
from typer.testing import CliRunner

from onnxfcn.cli import app
from passes import RefusalCode

README = Path(__file__).parents[1] / "README.md"


def refusal_table() -> str:
    rows = [f"| `{code}` | {code.meaning} |" for code in RefusalCode]
    return "\n".join(["| code | meaning |", "| --- | --- |", *rows])


def test_lists_every_refusal_code() -> None:
    assert refusal_table() in README.read_text(), f"put this in:\n{refusal_table()}"


def test_first_two_commands_install_rewrite_and_test() -> None:
    blocks = README.read_text().split("```sh\n")[1:]
    commands = [block.split("```")[0].strip() for block in blocks]
    assert len(commands) == 2
    assert "onnxfcn rewrite sample_models/lenet.onnx" in commands[0]
    assert "pytest" in commands[1]


@pytest.mark.parametrize(
    "option",
    [
        "--size",
        "--window-step",
        "--batch",
        "--input-size",
        "--provider",
        "--rtol",
        "--atol",
        "--max-cells",
        "--no-validate",
        "--global-pool",
        "--output-layout",
        "--input-layout",
        "--head",
        "--convolutions",
        "--json",
    ],
)
def test_options_of_the_readme_exist(option: str) -> None:
    help_text = CliRunner().invoke(app, ["rewrite", "--help"], env={"COLUMNS": "200"}).output
    assert option in README.read_text()
    assert option in help_text


def test_what_the_readme_shows_of_inspect_is_what_it_prints() -> None:
    section = README.read_text().split("### Inspect")[1].split("```")[1]
    shown = [line.rstrip() for line in section.splitlines()[2:]]
    light = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    printed = CliRunner().invoke(app, ["inspect", str(light / "light_resnet50.onnx")]).output
    assert shown == [line.rstrip() for line in printed.splitlines()][: len(shown)]
    for option in ("--size", "--input-size", "--input-layout", "--json"):
        assert option in README.read_text().split("onnxfcn inspect MODEL")[1].split("\n")[0]


@pytest.mark.parametrize(
    "option",
    [
        "--size",
        "--input",
        "--window-step",
        "--feature-map",
        "--input-size",
        "--require-crops",
        "--seed",
        "--provider",
        "--rtol",
        "--atol",
        "--max-cells",
        "--json",
    ],
)
def test_options_of_validate_exist(option: str) -> None:
    help_text = CliRunner().invoke(app, ["validate", "--help"], env={"COLUMNS": "200"}).output
    section = README.read_text().split("### Validate")[1].split("###")[0]
    assert f"{option}`" in section or f"{option} " in section
    assert option in help_text


@pytest.mark.parametrize("option", ["--size", "--batch", "--input-size", "--provider", "--json"])
def test_options_of_bench_exist(option: str) -> None:
    help_text = CliRunner().invoke(app, ["bench", "--help"], env={"COLUMNS": "200"}).output
    assert option in help_text
    usage = README.read_text().split("onnxfcn bench ORIGINAL")[1]
    assert option in usage.split("onnxfcn passes")[0]


def test_what_the_readme_shows_of_bench_has_the_headings_that_it_prints(tmp_path: Path) -> None:
    section = README.read_text().split("### Bench")[1].split("```")[1]
    lenet = README.parent / "sample_models" / "lenet.onnx"
    rewritten = str(tmp_path / "fcn.onnx")
    CliRunner().invoke(app, ["rewrite", str(lenet), rewritten, "--no-validate"])
    printed = CliRunner().invoke(app, ["bench", str(lenet), rewritten, "--size", "32x28"]).output
    headings = [line.split() for line in printed.splitlines() if "Image" in line]
    assert [line.split() for line in section.splitlines() if "Image" in line] == headings
