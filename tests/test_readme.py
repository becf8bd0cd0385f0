"""The README says what the code says."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import typer
from typer.testing import CliRunner

from onnxfcn.cli import app
from passes import RefusalCode
from sample_models import lenet

README = Path(__file__).parents[1] / "README.md"


def refusal_table() -> str:
    rows = [f"| `{code}` | {code.meaning} |" for code in RefusalCode]
    return "\n".join(["| code | meaning |", "| --- | --- |", *rows])


def options_of(command: str) -> set[str]:
    """Options as a user would write them, without --help."""
    group: Any = typer.main.get_command(app)
    found = [p for p in group.commands[command].params if p.param_type_name == "option"]
    # Of a switch, what turns off what is on by default.
    written = [(p.secondary_opts if p.default is True else p.opts)[-1] for p in found]
    return set(written) - {"--help"}


def flags(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))


def test_lists_every_refusal_code() -> None:
    assert refusal_table() in README.read_text(), f"put this in:\n{refusal_table()}"


def test_first_two_commands_install_rewrite_and_test() -> None:
    blocks = README.read_text().split("```sh\n")[1:]
    commands = [block.split("```")[0].strip() for block in blocks]
    assert len(commands) == 2
    assert "onnxfcn rewrite sample_models/lenet.onnx" in commands[0]
    assert "pytest" in commands[1]


@pytest.mark.parametrize("command", ["rewrite", "validate", "inspect", "bench", "passes"])
def test_usage_has_the_options_of_the_command(command: str) -> None:
    usage = README.read_text().split("## Use\n\n```text\n")[1].split("```")[0]
    (shown,) = re.findall(
        rf"^onnxfcn {command}\b(.*?)(?=^onnxfcn|\Z)", usage, re.DOTALL | re.MULTILINE
    )
    assert flags(shown) == options_of(command)


@pytest.mark.parametrize(
    ("command", "heading"), [("rewrite", "## Use"), ("validate", "### Validate")]
)
def test_table_explains_the_options_of_the_command(command: str, heading: str) -> None:
    section = re.split(r"^##", README.read_text().split(f"{heading}\n")[1], flags=re.MULTILINE)[0]
    rows = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `-")]
    explained = flags(" ".join(rows))
    assert explained <= options_of(command)
    assert options_of(command) <= explained | {"-v"}


def test_python_runs_as_the_readme_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    onnx.save(lenet.build(), "in.onnx")
    text = (
        "<ir_version: 8, opset_import: ['' : 17]> net (float[1,3,16,16] x) => (float[1,2,14,14] y)"
    )
    segmenter = onnx.parser.parse_model(text.replace("'", '"') + " { y = Conv(x, w) }")
    segmenter.graph.initializer.append(
        onnx.numpy_helper.from_array(np.random.default_rng(0).random((2, 3, 3, 3), np.float32), "w")
    )
    onnx.save(segmenter, "segmenter.onnx")
    blocks = README.read_text().split("```python\n")[1:]
    names: dict[str, object] = {}
    for block in blocks:
        exec(block.split("```")[0], names)
    assert len(blocks) == 4
    assert names["report"].windows == {"pool2": (4, 4)}
    assert names["geometry"].map_size(384, 512) == (90, 122)


def lines_without_figures(text: str) -> list[str]:
    """Lines in which errors, shares and times are masked: they differ between machines."""
    masked = re.sub(r"\d\.\de[+-]\d\d|\d+% the|\d+\.\d s", lambda found: "#" * len(found[0]), text)
    return [line.rstrip() for line in masked.strip("\n").splitlines()]


@pytest.mark.parametrize("heading", ["# onnxfcn", "### Validate"])
def test_what_the_readme_shows_of_proofs_is_what_they_print(
    heading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample_models").symlink_to(README.parent / "sample_models")
    section = README.read_text().split(f"{heading}\n")[1]
    shown = section.split("```text\n")[1].split("```")[0]
    # The first command of all is not shown with its result: it installs, too.
    commands = [line.split("onnxfcn ")[1] for line in shown.splitlines() if line.startswith("$")]
    commands = commands or re.findall(r"bin/onnxfcn (rewrite .*)", section)
    printed = [CliRunner().invoke(app, command.split()).output for command in commands][-1]
    assert lines_without_figures(shown.split(commands[-1])[-1]) == lines_without_figures(printed)


def test_what_the_readme_shows_of_inspect_is_what_it_prints() -> None:
    section = README.read_text().split("### Inspect")[1].split("```")[1]
    command, *shown = (line.rstrip() for line in section.splitlines()[1:])
    model = README.parent / command.split()[-1]
    printed = CliRunner().invoke(app, ["inspect", str(model)]).output
    assert shown == [line.rstrip() for line in printed.rstrip().splitlines()]


def test_what_the_readme_shows_of_bench_has_the_headings_that_it_prints(tmp_path: Path) -> None:
    section = README.read_text().split("### Bench")[1].split("```")[1]
    lenet = README.parent / "sample_models" / "lenet.onnx"
    rewritten = str(tmp_path / "fcn.onnx")
    CliRunner().invoke(app, ["rewrite", str(lenet), rewritten, "--no-validate"])
    printed = CliRunner().invoke(app, ["bench", str(lenet), rewritten, "--size", "32x28"]).output
    headings = [line.split() for line in printed.splitlines() if "Image" in line]
    assert [line.split() for line in section.splitlines() if "Image" in line] == headings
