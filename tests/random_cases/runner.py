"""Draw random cases, count what comes of them, and shrink one of every failing kind."""

import argparse
import contextlib
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any, Generic, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st

from .outcome import Failure, Outcome
from .progress import progress

Case = TypeVar("Case")
Facts = TypeVar("Facts")


@dataclass(frozen=True)
class Subject(Generic[Case, Facts]):
    """What is drawn, how it is examined, and in which words that is told.

    Attributes:
        cases: draws a case.
        examine: says what came of a case.
        content: cases of the same content are examined once.
        text: a case as a person reads it.
        facts: what the summary needs of a case; all the cases would fill the memory.
        kinds: kinds of outcome beside failures.
        summary: lines about all cases.
    """

    cases: st.SearchStrategy[Case]
    examine: Callable[[Case], Outcome]
    content: Callable[[Case], bytes]
    text: Callable[[Case], str]
    facts: Callable[[Case], Facts]
    kinds: type[StrEnum]
    summary: Callable[[Sequence[tuple[Facts, Outcome]]], Iterable[str]]


def main(
    subject: Subject[Case, Facts], description: str | None, arguments: list[str] | None = None
) -> int:
    """Run the command line of a subject.

    Args:
        subject: what is drawn and examined.
        description: help text of the command.
        arguments: of the command line.

    Returns:
        The exit code: 1 where a case failed.
    """
    options = _options(description, arguments)
    run = _Run(subject, options.cases, options.seed)
    rows = run.all()
    outcomes = [outcome for _, outcome in rows]
    for line in chain(_counts(subject.kinds, outcomes), subject.summary(rows)):
        print(line)
    for outcome in _causes(outcomes, options.shrink):
        if re.search(options.key, outcome.key):
            print(run.smallest(outcome))
    return int(any(outcome.failed for outcome in outcomes))


def _options(description: str | None, arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--shrink", default="failures", choices=["none", "failures", "all"],
        help="whose smallest example to print; all: the refusals' too",
    )  # fmt: skip
    parser.add_argument("--key", default="", help="shrink only classes whose key has this pattern")
    return parser.parse_args(arguments)


def _causes(outcomes: Iterable[Outcome], shrink: str) -> Iterable[Outcome]:
    """One outcome of every cause that is to be shrunk."""
    found = {o.key: o for o in outcomes if o.key and (o.failed or shrink == "all")}
    return [] if shrink == "none" else found.values()


def unhurried(**options: Any) -> settings:
    """Settings for cases that are slow to draw and to examine, and that are not stored."""
    everything = list(HealthCheck)
    return settings(deadline=None, database=None, suppress_health_check=everything, **options)


def checked(
    cases: st.SearchStrategy[Case],
    examine: Callable[[Case], Outcome],
    text: Callable[[Case], str],
    *,
    count: int,
) -> list[StrEnum]:
    """What comes of some cases, always the same ones, none of which may fail.

    Args:
        cases: draws a case.
        examine: says what came of a case.
        text: a case as a person reads it, for one that fails.
        count: how many cases.
    """
    kinds: list[StrEnum] = []

    @unhurried(max_examples=count, derandomize=True)
    @given(cases)
    def run(case: Case) -> None:
        outcome = examine(case)
        if outcome.failed:
            hypothesis.note(text(case))
        assert not outcome.failed, outcome.detail
        kinds.append(outcome.kind)

    run()
    return kinds


class _Found(Exception):
    """Stops a search at the case that was looked for."""


class _Run(Generic[Case, Facts]):
    """The cases of one seed, as often as they are wanted."""

    def __init__(self, subject: Subject[Case, Facts], cases: int, seed: int) -> None:
        self._subject, self._cases, self._seed = subject, cases, seed
        self._known: dict[bytes, Outcome] = {}

    def all(self) -> list[tuple[Facts, Outcome]]:
        """What is to be told of every case, and what came of it."""
        rows: list[tuple[Facts, Outcome]] = []
        with progress() as step:

            def note(case: Case) -> None:
                rows.append((self._subject.facts(case), self._examine(case)))
                step()

            self._draw(note, Phase.generate)
        return rows

    def smallest(self, outcome: Outcome) -> str:
        """The smallest case with the key of an outcome, and what comes of it."""
        key, text = outcome.key, ""

        def search(case: Case) -> None:
            nonlocal outcome, text
            found = self._examine(case)
            if found.key == key:
                outcome, text = found, f"{self._subject.text(case)}\n"
                raise _Found

        with contextlib.suppress(_Found):
            self._draw(search, Phase.generate, Phase.shrink)
        return f"\n=== {key}\n{text}{outcome.detail}"

    def _draw(self, call: Callable[[Case], None], *phases: Phase) -> None:
        @hypothesis.seed(self._seed)
        @unhurried(
            max_examples=self._cases,
            phases=phases,
            verbosity=Verbosity.quiet,
            report_multiple_bugs=False,
        )
        @given(self._subject.cases)
        def run(case: Case) -> None:
            call(case)

        run()

    def _examine(self, case: Case) -> Outcome:
        content = hashlib.sha256(self._subject.content(case)).digest()
        if content not in self._known:
            self._known[content] = self._subject.examine(case)
        return self._known[content]


def _counts(kinds: type[StrEnum], outcomes: Sequence[Outcome]) -> Iterable[str]:
    """How many cases are of which kind, and have which cause."""
    found = Counter(outcome.kind for outcome in outcomes)
    words = (f"{kind} {found[kind]}" for kind in (*kinds, *Failure))
    yield ", ".join([f"cases {len(outcomes)}", *words])
    for kind in (*kinds, *Failure):
        keys = Counter(outcome.key for outcome in outcomes if outcome.kind == kind and outcome.key)
        for key, count in keys.most_common():
            yield f"{kind} {count:5d}  {key}"
