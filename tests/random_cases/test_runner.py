"""A run finds what fails, shrinks it, and says so in its exit code."""

from collections.abc import Sequence
from enum import StrEnum

import pytest
from hypothesis import strategies as st

from tests.random_cases.outcome import Outcome, Wrong, failure, without_numbers
from tests.random_cases.runner import Subject, main


class Kind(StrEnum):
    SMALL = "small"
    REFUSED = "refused"


def examined(number: int) -> Outcome:
    if number > 900:
        return Outcome(Kind.REFUSED, "too large", f"{number} is too large")
    try:
        if number >= 300:
            raise Wrong("not small", number)
        if number >= 200:
            raise ValueError(f"cannot count to {number}")
    except Exception as error:
        return failure(error)
    return Outcome(Kind.SMALL)


def run(limit: int, *arguments: str) -> int:
    """Run 200 numbers below a limit."""

    def summary(rows: Sequence[tuple[bool, Outcome]]) -> list[str]:
        return [f"odd and small: {sum(odd and not found.key for odd, found in rows)}"]

    subject = Subject(
        cases=st.integers(0, limit),
        examine=examined,
        content=lambda number: str(number).encode(),
        text=lambda number: f"number {number}",
        facts=lambda number: number % 2 == 1,
        kinds=Kind,
        summary=summary,
    )
    return main(subject, __doc__, ["--cases", "200", "--seed", "1", *arguments])


def test_nothing_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(5) == 0
    _, counts, odd = capsys.readouterr().out.splitlines()
    assert counts == "cases 6, small 6, refused 0, wrong 0, crashed 0, unusable 0"
    assert odd == "odd and small: 3"


def test_failures_are_counted_by_cause_and_shrunk(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(1000) == 1
    out = capsys.readouterr().out
    assert "=== wrong: not small\nnumber 300\nnot small\n300\n" in out
    crash = "crashed: ValueError: cannot count to #"
    assert f"=== {crash}\nnumber 200\nTraceback" in out
    (line,) = (line for line in out.splitlines() if line.startswith("crashed "))
    assert line.endswith(f"  {crash}")
    assert "=== too large" not in out


@pytest.mark.parametrize(
    ("arguments", "shrunk"),
    [
        (["--shrink", "none"], []),
        (["--key", "small"], ["wrong: not small"]),
        (["--shrink", "all", "--key", "too"], ["too large"]),
    ],
)
def test_options_choose_what_is_shrunk(
    arguments: list[str], shrunk: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(1000, *arguments) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line[4:] for line in lines if line.startswith("=== ")] == shrunk


def test_the_same_seed_draws_the_same_cases(capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for _ in range(2):
        run(1000)
        printed.append(capsys.readouterr().out.split("\n", 1)[1])
    assert printed[0] == printed[1]


def test_messages_of_one_cause_are_alike() -> None:
    first = without_numbers("Node (Conv) 'conv12' has -3, 4 axes\nand more")
    assert first == without_numbers("Node (Gemm) 'x' has 7 axes")
    assert first != without_numbers("Node (Conv) 'conv12' has 4 extents")
