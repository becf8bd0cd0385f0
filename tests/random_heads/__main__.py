"""Examine many random classifiers: ``python -m tests.random_heads --cases 5000 --seed 0``."""

import argparse
import contextlib
import re
import sys
import time
from collections import Counter

import hypothesis
import onnx.printer
from hypothesis import HealthCheck, Phase, Verbosity, given, settings

from .examine import Kind, Outcome, examine
from .operators import OPERATORS
from .strategy import Case, classifiers


class _Found(Exception):
    """Stops a search at the case that was looked for."""


def main(arguments: list[str] | None = None) -> int:
    """Run the cases, shrink one of every failing kind, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--shrink", default="failures", choices=["none", "failures", "all"],
        help="whose smallest example to print; all: the refusals' too",
    )  # fmt: skip
    parser.add_argument("--key", default="", help="shrink only classes whose key has this pattern")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    outcomes = _run(options.cases, options.seed)
    print(f"{time.perf_counter() - started:.0f} s")
    _print_tables(outcomes)
    searched = {
        outcome.key: outcome
        for _, outcome in outcomes
        if (outcome.failed and options.shrink != "none")
        or (outcome.kind == Kind.REFUSED and options.shrink == "all")
    }
    for key, outcome in searched.items():
        if re.search(options.key, key):
            _print_smallest(key, outcome, options.cases, options.seed)
    return int(any(outcome.failed for _, outcome in outcomes))


def _settings(cases: int, *phases: Phase) -> settings:
    return settings(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=phases,
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


def _run(cases: int, seed: int) -> list[tuple[Case, Outcome]]:
    outcomes: list[tuple[Case, Outcome]] = []

    @hypothesis.seed(seed)
    @_settings(cases, Phase.generate)
    @given(classifiers())
    def run(case: Case) -> None:
        outcomes.append((case, _examine(case)))
        if len(outcomes) % 100 == 0:
            print(f"\r{len(outcomes)}", end="", file=sys.stderr, flush=True)

    run()
    print("\r", end="", file=sys.stderr)
    return outcomes


_KNOWN: dict[bytes, Outcome] = {}


def _examine(case: Case) -> Outcome:
    content = case.model.SerializeToString()
    if content not in _KNOWN:
        _KNOWN[content] = examine(case)
    return _KNOWN[content]


def _print_tables(outcomes: list[tuple[Case, Outcome]]) -> None:
    kinds = Counter(outcome.kind for _, outcome in outcomes)
    print(f"cases {len(outcomes)}", *(f"{kind} {kinds[kind]}" for kind in Kind), sep=", ")
    rewritten = [(case, outcome) for case, outcome in outcomes if outcome.kind == Kind.REWRITTEN]
    print(f"cells that rounding decides: {sum(outcome.unstable for _, outcome in rewritten)}")
    print(f"cases whose cells are all alike: {sum(o.indistinct for _, o in rewritten)}")
    for kind in (Kind.REFUSED, Kind.WRONG, Kind.CRASHED, Kind.UNUSABLE):
        keys = Counter(outcome.key for _, outcome in outcomes if outcome.kind == kind)
        for key, count in keys.most_common():
            print(f"{kind} {count:5d}  {key}")
    used = Counter(label for case, _ in rewritten for label in case.labels)
    for label in sorted({*OPERATORS, *used}):
        print(f"{used[label]:6d}  {label}")
    opsets = Counter(case.model.opset_import[0].version for case, _ in rewritten)
    print("opsets:", dict(sorted(opsets.items())))


def _print_smallest(key: str, outcome: Outcome, cases: int, seed: int) -> None:
    smallest: list[tuple[Case, Outcome]] = []

    @hypothesis.seed(seed)
    @_settings(cases, Phase.generate, Phase.shrink)
    @given(classifiers())
    def search(case: Case) -> None:
        found = _examine(case)
        if found.key == key:
            smallest[:] = [(case, found)]
            raise _Found

    with contextlib.suppress(_Found):
        search()
    print(f"\n=== {key}")
    if smallest:
        case, outcome = smallest[0]
        print(onnx.printer.to_text(case.model))
    print(outcome.detail)


if __name__ == "__main__":
    sys.exit(main())
