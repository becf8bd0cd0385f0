"""Examine random convolutions: ``python -m tests.random_convolutions --cases 5000 --seed 1``."""

import argparse
import contextlib
import sys
import time
from collections import Counter

import hypothesis
import onnx.printer
from hypothesis import HealthCheck, Phase, Verbosity, given, settings

from .examine import Kind, Outcome, examine
from .strategy import Case, convolutions


class _Found(Exception):
    """Stops a search at the case that was looked for."""


def main(arguments: list[str] | None = None) -> int:
    """Run the cases, shrink a failing one, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    kinds, features = _run(options.cases, options.seed)
    print(f"{time.perf_counter() - started:.0f} s")
    print(f"cases {kinds.total()}", *(f"{kind} {kinds[kind]}" for kind in Kind), sep=", ")
    for feature, count in sorted(features.items()):
        print(f"{count:6d}  {feature}")
    if kinds[Kind.WRONG]:
        _print_smallest(options.cases, options.seed)
    return int(kinds[Kind.WRONG] > 0)


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


def _run(cases: int, seed: int) -> tuple[Counter[Kind], Counter[str]]:
    kinds: Counter[Kind] = Counter()
    features: Counter[str] = Counter()

    @hypothesis.seed(seed)
    @_settings(cases, Phase.generate)
    @given(convolutions())
    def run(case: Case) -> None:
        outcome = examine(case)
        kinds[outcome.kind] += 1
        if outcome.kind == Kind.EQUAL:
            features.update(case.features())
        if kinds.total() % 100 == 0:
            print(f"\r{kinds.total()}", end="", file=sys.stderr, flush=True)

    run()
    print("\r", end="", file=sys.stderr)
    return kinds, features


def _print_smallest(cases: int, seed: int) -> None:
    smallest: list[tuple[Case, Outcome]] = []

    @hypothesis.seed(seed)
    @_settings(cases, Phase.generate, Phase.shrink)
    @given(convolutions())
    def search(case: Case) -> None:
        outcome = examine(case)
        if outcome.kind == Kind.WRONG:
            smallest[:] = [(case, outcome)]
            raise _Found

    with contextlib.suppress(_Found):
        search()
    for case, outcome in smallest:
        print(onnx.printer.to_text(case.model()))
        print(outcome.detail)


if __name__ == "__main__":
    sys.exit(main())
