"""The benchmark of nodes rewrites chains of as many nodes as it says."""

import pytest

from benchmarks import nodes


@pytest.mark.parametrize("count", [3, 4, 100])
def test_chain_has_so_many_nodes_one_after_the_other(count: int) -> None:
    graph = nodes.chain(count).graph
    assert len(graph.node) == count
    assert [node.input[0] for node in graph.node[1:]] == [
        node.output[0] for node in graph.node[:-1]
    ]


def test_cells_are_located_in_smaller_graphs_only() -> None:
    small, large = (nodes.measure(count, rounds=1) for count in (20, 2100))
    assert (small.located, large.located) == (True, False)
    assert 0 < small.seconds < large.seconds


def test_table_compares_with_one_of_the_chains(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(nodes, "COUNTS", (3, 20))
    monkeypatch.setattr(nodes, "BASE", 20)
    short, base = nodes.run(rounds=1)
    _, _, *rows = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[:2] for row in cells] == [["3", "yes"], ["20", "yes"]]
    assert [row[3] for row in cells] == [f"{short.seconds / base.seconds:.2f}", "1.00"]


@pytest.mark.parametrize("rounds", ["0", "-1", "many"])
def test_number_of_rounds_is_positive(rounds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        nodes.main([f"--rounds={rounds}"])
    assert f"a positive number expected, got {rounds}" in capsys.readouterr().err
