"""Examine many random models: ``python -m tests.random_geometry --cases 2000 --seed 0``."""

import argparse
import contextlib
import sys
import time
from collections import Counter

import hypothesis
import onnx.printer
from hypothesis import HealthCheck, Phase, Verbosity, given, settings

from .examine import Kind, Outcome, examine
from .layers import LAYERS
from .strategy import Case, models


class _Found(Exception):
    """Stops a search at the case that was looked for."""


def main(arguments: list[str] | None = None) -> int:
    """Run the cases, shrink one of every failing kind, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shrink", default="failures", choices=["none", "failures", "all"])
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    outcomes = _run(options.cases, options.seed)
    print(f"{time.perf_counter() - started:.0f} s")
    _print_tables(outcomes)
    shrunk = () if options.shrink == "none" else (Kind.WRONG, Kind.CRASHED)
    if options.shrink == "all":
        shrunk = (*shrunk, Kind.UNKNOWN, Kind.UNUSABLE)
    for key in {outcome.key for _, outcome in outcomes if outcome.kind in shrunk}:
        _print_smallest(key, options.cases, options.seed)
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
    @given(models())
    def run(case: Case) -> None:
        outcomes.append((case, examine(case)))
        if len(outcomes) % 100 == 0:
            print(f"\r{len(outcomes)}", end="", file=sys.stderr, flush=True)

    run()
    print("\r", end="", file=sys.stderr)
    return outcomes


def _print_tables(outcomes: list[tuple[Case, Outcome]]) -> None:
    kinds = Counter(outcome.kind for _, outcome in outcomes)
    print(f"cases {len(outcomes)}", *(f"{kind} {kinds[kind]}" for kind in Kind), sep=", ")
    print(f"with a tight receptive field: {sum(outcome.tight for _, outcome in outcomes)}")
    for kind in (Kind.WRONG, Kind.CRASHED, Kind.UNKNOWN, Kind.UNUSABLE):
        keys = Counter(outcome.key for _, outcome in outcomes if outcome.kind == kind)
        for key, count in keys.most_common():
            print(f"{count:6d}  {key}")
    for kind in (Kind.EXACT, Kind.APPROXIMATE):
        used = Counter(
            label for case, outcome in outcomes if outcome.kind == kind for label in case.labels
        )
        print(kind, *(f"{label} {used[label]}" for label in sorted(LAYERS)), sep=", ")


def _print_smallest(key: str, cases: int, seed: int) -> None:
    smallest: list[tuple[Case, Outcome]] = []

    @hypothesis.seed(seed)
    @_settings(cases, Phase.generate, Phase.shrink)
    @given(models())
    def search(case: Case) -> None:
        found = examine(case)
        if found.key == key:
            smallest[:] = [(case, found)]
            raise _Found

    with contextlib.suppress(_Found):
        search()
    print(f"\n=== {key}")
    if smallest:
        case, outcome = smallest[0]
        print(case.size, onnx.printer.to_text(case.model))
        print(outcome.detail)


if __name__ == "__main__":
    sys.exit(main())
