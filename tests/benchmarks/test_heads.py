"""The benchmark of heads prints a row for each batch and map, with every form that takes it."""

import pytest

from benchmarks import heads


def test_table_has_the_forms_that_take_a_map(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(heads, "MAPS", {"tiny": (2, 3, 4)})
    monkeypatch.setattr(heads, "BATCHES", (1, 2))
    monkeypatch.setattr(heads, "LARGE", (4, 5))
    heads.main(["--rounds", "1"])
    _, _, *rows = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[:3] for row in cells] == [
        ["tiny", batch, size] for batch in "12" for size in ("3x4", "4x5")
    ]
    assert [row[3] == "-" for row in cells] == [False, True] * 2
    assert all("(1.00)" in row[3 + (row[3] == "-")] for row in cells)
