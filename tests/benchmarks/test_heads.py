"""The benchmark of heads prints a row for each batch and map, with every form that takes it."""

from typing import Any

import onnxruntime as ort
import pytest

from benchmarks import heads


def test_table_has_the_forms_that_take_a_map(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(heads, "MAPS", {"tiny": (2, 3, 4)})
    monkeypatch.setattr(heads, "BATCHES", (1, 2))
    monkeypatch.setattr(heads, "LARGE", (4, 5))
    shapes = set()
    run = ort.InferenceSession.run

    def noted(session: Any, outputs: None, feeds: Any) -> Any:
        shapes.add(feeds["image"].shape)
        return run(session, outputs, feeds)

    monkeypatch.setattr(ort.InferenceSession, "run", noted)
    heads.main(["--rounds", "1"])
    assert shapes == {(batch, 2, *size) for batch in (1, 2) for size in ((3, 4), (4, 5))}
    _, _, *rows = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[:3] for row in cells] == [
        ["tiny", batch, size] for batch in "12" for size in ("3x4", "4x5")
    ]
    assert [row[3] == "-" for row in cells] == [False, True] * 2
    assert all("(1.00)" in row[3 + (row[3] == "-")] for row in cells)


def test_forms_have_the_operators_that_name_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "MAPS", {"tiny": (2, 3, 4)})
    monkeypatch.setattr(heads, "_session", lambda model: model)
    operators = {
        form: {node.op_type for node in model.graph.node} & {*heads.FORMS}
        for form, model in heads.forms("tiny").items()
    }
    assert operators == {form: {form} for form in heads.FORMS}
