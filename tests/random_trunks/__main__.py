"""Examine many random trunks: ``python -m tests.random_trunks --cases 5000 --seed 0``."""

import argparse
import contextlib
import hashlib
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass

import hypothesis
import onnx.printer
from hypothesis import HealthCheck, Phase, Verbosity, given, settings

from .elements import ELEMENTS
from .examine import Kind, Outcome, examine
from .recipe import Recipe
from .strategy import trunks


@dataclass(frozen=True)
class _Row:
    """A case for the tables: the recipes themselves would fill the memory."""

    outcome: Outcome
    labels: frozenset[str]
    opset: int
    is_baked: bool


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
    rows = _run(options.cases, options.seed)
    print(f"{time.perf_counter() - started:.0f} s")
    _print_tables(rows)
    searched = {
        outcome.key: outcome
        for outcome in (row.outcome for row in rows)
        if (outcome.failed and options.shrink != "none")
        or (outcome.kind == Kind.REFUSED and options.shrink == "all")
    }
    for key, outcome in searched.items():
        if re.search(options.key, key):
            _print_smallest(key, outcome, options.cases, options.seed)
    return int(any(row.outcome.failed for row in rows))


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


def _run(cases: int, seed: int) -> list[_Row]:
    rows: list[_Row] = []

    @hypothesis.seed(seed)
    @_settings(cases, Phase.generate)
    @given(trunks())
    def run(recipe: Recipe) -> None:
        outcome = _examine(recipe)
        rows.append(_Row(outcome, frozenset(recipe.labels), recipe.opset, recipe.is_baked))
        if len(rows) % 100 == 0:
            print(f"\r{len(rows)}", end="", file=sys.stderr, flush=True)

    run()
    print("\r", end="", file=sys.stderr)
    return rows


_KNOWN: dict[bytes, Outcome] = {}


def _examine(recipe: Recipe) -> Outcome:
    """The outcome, computed once for equal models."""
    written = [recipe.write(size).SerializeToString() for size in recipe.sizes]
    content = hashlib.sha256(b"".join(written)).digest()
    if content not in _KNOWN:
        _KNOWN[content] = examine(recipe)
    return _KNOWN[content]


def _print_tables(rows: list[_Row]) -> None:
    kinds = Counter(row.outcome.kind for row in rows)
    print(f"cases {len(rows)}", *(f"{kind} {kinds[kind]}" for kind in Kind), sep=", ")
    freed = [row for row in rows if row.outcome.kind == Kind.FREED]
    baked = sum(row.is_baked for row in rows)
    print(f"cases with extents baked in: {baked}, freed {sum(row.is_baked for row in freed)}")
    print(f"freed, but not equal bit by bit: {sum(row.outcome.error > 0 for row in freed)}")
    print(f"freed, but with equal cells: {sum(row.outcome.indistinct for row in freed)}")
    for kind in (Kind.REFUSED, Kind.WRONG, Kind.CRASHED, Kind.UNUSABLE):
        keys = Counter(row.outcome.key for row in rows if row.outcome.kind == kind)
        for key, count in keys.most_common():
            print(f"{kind} {count:5d}  {key}")
    drawn = Counter(label for row in rows for label in row.labels)
    used = Counter(label for row in freed for label in row.labels)
    for label in sorted({*ELEMENTS, *drawn}):
        print(f"{used[label]:6d} of {drawn[label]:6d}  {label}")
    opsets = Counter(row.opset for row in freed)
    print("opsets of the freed:", dict(sorted(opsets.items())))


def _print_smallest(key: str, outcome: Outcome, cases: int, seed: int) -> None:
    smallest: list[tuple[Recipe, Outcome]] = []

    @hypothesis.seed(seed)
    @_settings(cases, Phase.generate, Phase.shrink)
    @given(trunks())
    def search(recipe: Recipe) -> None:
        found = _examine(recipe)
        if found.key == key:
            smallest[:] = [(recipe, found)]
            raise _Found

    with contextlib.suppress(_Found):
        search()
    print(f"\n=== {key}")
    if smallest:
        recipe, outcome = smallest[0]
        for size in recipe.sizes:
            print(f"written for {size}:")
            print(onnx.printer.to_text(recipe.write(size)))
    print(outcome.detail)


if __name__ == "__main__":
    sys.exit(main())
