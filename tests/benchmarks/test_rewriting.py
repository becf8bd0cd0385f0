"""The benchmark of rewrites runs every task on one file and on external data."""

from pathlib import Path

import onnx
import pytest

from benchmarks import rewriting, wide_head
from benchmarks.processes import Cost, run_apart
from benchmarks.rewriting import COPY, IMPORTS, LOAD_SAVE, REWRITE, START, SYNCED, RewriteCosts


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wide_head, "FEATURES", (6, 5, 4))
    monkeypatch.setattr(rewriting, "MODELS", {"lenet": "LeNet", "wide_head": "wide head"})


def test_every_task_of_every_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made: dict[str, set[str]] = {}

    def noted(script: str, folder: str, output: str, *names: str) -> tuple[Cost, str]:
        ended = run_apart(script, folder, output, *names)
        if names == ("lenet.onnx",):
            made[script] = {path.name for path in Path(output).iterdir()}
        return ended

    monkeypatch.setattr(rewriting, "run_apart", noted)
    found = rewriting.run(rounds=1, folder=tmp_path)
    copies, saved, rewritten = {"copylenet.onnx"}, {"copy.onnx"}, {"fcn.onnx"}
    files = [set(), set(), set(), copies, copies, saved, saved, rewritten, rewritten]
    assert [made[script] for script in rewriting.TASKS.values()] == files
    assert [(costs.model, costs.external) for costs in found] == [
        ("LeNet", False),
        ("LeNet", True),
        ("wide head", True),
    ]
    for costs in found:
        assert list(costs.tasks) == list(rewriting.TASKS)
        peaks = [costs.tasks[task].megabytes for task in (START, IMPORTS, REWRITE)]
        assert peaks == sorted(peaks)
        assert peaks[0] < peaks[2]
        assert all(cost.seconds > 0 for cost in costs.tasks.values())
    assert found[0].megabytes == pytest.approx(0.179, abs=0.01)
    assert not list(tmp_path.iterdir())
    header, _, *rows = [line.split("|") for line in capsys.readouterr().out.splitlines()]
    assert [cell.strip() for cell in header[2:-1]] == [costs.title for costs in found]
    assert [row[1].strip() for row in rows[: len(rewriting.TASKS)]] == list(rewriting.TASKS)


def test_ratios_leave_out_imports_and_starts() -> None:
    seconds = {START: 0.5, IMPORTS: 2.0, COPY: 0.4, SYNCED: 1.5, LOAD_SAVE: 10.0, REWRITE: 5.0}
    costs = RewriteCosts("net", False, 1.0, {task: Cost(s, 1.0) for task, s in seconds.items()})
    assert costs.beyond_imports(SYNCED) == pytest.approx(3.0)
    assert costs.beyond_imports(COPY) is None
    assert costs.beside_save == pytest.approx(0.5)


def test_wide_head_is_a_model(tmp_path: Path) -> None:
    path = tmp_path / "wide.onnx"
    wide_head.write(path)
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    assert [node.op_type for node in model.graph.node].count("Gemm") == 3
