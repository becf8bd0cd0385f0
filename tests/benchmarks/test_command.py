"""``python -m benchmarks`` runs what it is asked for, and prints with or without matplotlib."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import nodes
from benchmarks.machine import this_machine


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "COUNTS", (3, 6))
    monkeypatch.setattr(nodes, "BASE", 3)


def test_prints_the_machine_and_a_table_and_draws_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    output = tmp_path / "new" / "plots"
    command.main(["--only", "nodes", "--rounds", "1", "--output", str(output)])
    printed = capsys.readouterr().out
    machine = this_machine()
    assert printed.startswith(f"{machine.cpu}, {machine.cores} core")
    assert f"onnxruntime {machine.versions['onnxruntime']}" in printed
    assert "## Nodes against time" in printed
    assert "## Heads" not in printed
    assert "| 6 | yes |" in printed
    if find_spec("matplotlib"):
        assert [path.name for path in output.iterdir()] == ["nodes.png"]


def test_tables_do_without_matplotlib(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    command.main(["--only", "nodes", "--rounds", "1", "--output", str(tmp_path)])
    printed = capsys.readouterr()
    assert "pip install '.[benchmarks]'" in printed.err
    assert "| 6 | yes |" in printed.out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["--only=nonsense", "--folder=nowhere", "--rounds=0"])
def test_wrong_option_is_named(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main([option])
    name, value = option.split("=")
    *_, message = capsys.readouterr().err.splitlines()
    assert name in message
    assert value in message


@pytest.mark.skipif(not find_spec("matplotlib"), reason="the extra 'benchmarks' is not installed")
def test_file_in_place_of_the_folder_of_plots(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "plots").touch()
    with pytest.raises(SystemExit, match="2"):
        command.main(["--output", str(tmp_path / "plots")])
    printed = capsys.readouterr()
    assert "plots cannot be made: File exists" in printed.err
    assert not printed.out
