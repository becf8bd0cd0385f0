"""The benchmark of one pass against crops builds, rewrites and times the models it is asked for."""

import pytest

from benchmarks import crops


def test_prints_a_table_for_each_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(crops, "MODELS", {"gilt": (160, 96), "lenet": (32, 28)})
    crops.main([])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines if line and line[0].endswith(":")] == ["gilt:", "lenet:"]
    larger = [line[:2] for line in lines if line and line[0] in ("160x96", "32x28")]
    assert larger == [["160x96", "2x2"], ["32x28", "2x1"]]
    operators = [line[0] for line in lines if len(line) == 5 and line[-1] == "ms"]
    assert {"Conv", "Gemm"} <= set(operators)
    assert sum(" ".join(line).startswith("all of these ") for line in lines) == 2
    assert [line[1:6:2] for line in lines if line[:2] in (["|", "gilt"], ["|", "lenet"])] == [
        ["gilt", "160x96", "4"],
        ["lenet", "32x28", "2"],
    ]


def test_unknown_model_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        crops.main(["nonsense"])
    assert "no model nonsense; there are gilt, alexnet" in capsys.readouterr().err
