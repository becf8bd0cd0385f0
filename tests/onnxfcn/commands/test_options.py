"""Options of the command: bad values, help and version."""

from collections.abc import Callable
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
Fails = Callable[..., Any]


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--size", "30", "30"),
        ("--size", "40x40x40", "40x40x40"),
        ("--size", "27x28", "made for 28x28"),
        ("--size", "10x10", "made for 28x28"),
        ("--size", "0x40", "0x40"),
        ("--size", "-3x40", "-3x40"),
        ("--size", "40xx40", "40xx40"),
        ("--size", "40 40", "40 40"),
        ("--size", "4.5x40", "4.5x40"),
        ("--size", "", "--size"),
        ("--size", f"{10**20}x40", "images have at most 2147483647 pixels along an axis"),
        ("--size", f"{2**31 - 1}x{2**31 - 1}", "no memory for"),
        ("--window-step", "0", "'0'"),
        ("--window-step", "-1", "-1"),
        ("--window-step", "two", "two"),
        ("--window-step", "1,2,3", "1,2,3"),
        ("--window-step", "1,0", "1,0"),
        ("--window-step", f"{10**20}", "--window-step takes numbers up to 2147483647"),
        ("--input-size", f"{10**20}x28", "images have at most 2147483647 pixels along an axis"),
        ("--input-size", "28by28", "28by28"),
        ("--provider", "cuda", "CPUExecutionProvider"),
        ("--provider", "nope", "'nope'"),
        ("--provider", "", "CPUExecutionProvider"),
        ("--batch", "maybe", "maybe"),
        ("--rtol", "-1", "--rtol"),
        ("--rtol", "nan", "--rtol"),
        ("--atol", "-1", "--atol"),
        ("--atol", "much", "--atol"),
        ("--max-cells", "0", "--max-cells"),
        ("--max-cells", "-1", "--max-cells"),
        ("--max-cells", "2.5", "--max-cells"),
        ("--max-cells", "", "--max-cells"),
    ],
)
def test_bad_option(
    option: str, value: str, says: str, lenet_file: Path, precious: Path, fails: Fails
) -> None:
    finished = fails("rewrite", lenet_file, precious, option, value, code=2, says=says)
    assert finished.out == ""


@pytest.mark.parametrize("arguments", [("--sise", "40x40"), ("and", "more")])
def test_unknown_option_or_argument(
    arguments: tuple[str, ...], lenet_file: Path, precious: Path, fails: Fails
) -> None:
    fails("rewrite", lenet_file, precious, *arguments, code=2, says=arguments[0])


def test_input_size_that_contradicts_the_model(
    lenet_file: Path, precious: Path, fails: Fails
) -> None:
    options = ("--input-size", "32x32")
    fails("rewrite", lenet_file, precious, *options, code=4, says="[input-size-wrong]")


def test_missing_argument_and_unknown_command(fails: Fails) -> None:
    fails("rewrite", "in.onnx", code=2, says="OUT")
    fails("rewind", code=2, says="rewind")


def test_version(command: Command) -> None:
    finished = command("--version")
    assert (finished.code, finished.err) == (0, "")
    assert finished.out == f"onnxfcn {version('onnxfcn')}\n"


@pytest.mark.parametrize("arguments", [("--help",), ("rewrite", "--help")])
def test_help(arguments: tuple[str, ...], command: Command) -> None:
    finished = command(*arguments)
    assert (finished.code, finished.err) == (0, "")
    assert "rewrite" in finished.out
    assert "Usage" in finished.out


@pytest.mark.parametrize("name", ["rewrite", "validate", "inspect", "bench"])
def test_help_fits_the_terminal(
    name: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = command(name, "--help").out
    assert max(map(len, text.splitlines())) <= 80
    about, options = text.split("\n  Exit codes")[1].split("Options:\n")
    codes = "  Exit codes" + about.split("\n\n")[0]
    for part, column in ((codes, 2), (options, _column_of_texts(options))):
        # No line is broken where the first word of the next one had room.
        for line, after in pairwise(part.splitlines()):
            if line[column - 2 : column].isspace() and after[:column].isspace():
                assert len(f"{line} {after.split()[0]}") > 75, line
    assert 80 - _column_of_texts(options) > 40
    assert "<bool>" not in text


def _column_of_texts(options: str) -> int:
    """Where the texts of options begin, and all of their lines."""
    (line,) = (line for line in options.splitlines() if line.startswith("  --json "))
    return line.index("Print the report as JSON.")


def test_help_has_a_whole_line_about_each_command(command: Command) -> None:
    lines = command("--help").out.split("Commands:\n")[1].splitlines()
    names = [line.split()[0] for line in lines]
    assert names == ["rewrite", "validate", "inspect", "bench", "passes"]
    assert all(line.endswith(".") and not line.endswith("...") for line in lines)


def test_list_of_passes_fits_the_terminal(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns, widest in (("60", 60), ("10", 40), ("200", 100)):
        monkeypatch.setenv("COLUMNS", columns)
        assert widest - 20 < max(map(len, command("passes").out.splitlines())) <= widest


def test_list_of_passes_says_which_run_by_default(command: Command) -> None:
    assert " ".join(command("passes").out.split()).startswith(
        "Without --pass, a rewrite runs inline_branches, flatten_gemm_to_conv and"
        " dynamic_spatial_axes."
    )


def test_help_of_rewrite_lists_the_exit_codes(command: Command) -> None:
    words = " ".join(command("rewrite", "--help").out.split())
    for text in ("0 done", "2 usage", "3 nothing to rewrite", "4 refused", "5 validation failed"):
        assert text in words
