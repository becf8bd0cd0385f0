"""Fuzz the tool: ``python -m tests.fuzz --cases 20000 --seed 1``."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from tests.random_cases.progress import progress

from .examine import Outcome, action_of, examine
from .mutate import fuzzed
from .workers import run

_MEGABYTE = 2**20


def main(arguments: list[str] | None = None) -> int:
    """Run the cases, save those that fail, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--save", type=Path, help="folder for the files that fail")
    options = parser.parse_args(arguments)
    outcomes = []
    cases = range(options.first, options.first + options.cases)
    with progress() as step:
        for outcome in run(options.seed, cases, options.workers, examine):
            outcomes.append(outcome)
            if outcome.failed and options.save is not None:
                _save(outcome, options.seed, options.save)
            step()
    _print_tables(outcomes)
    return int(any(outcome.failed for outcome in outcomes))


def _save(outcome: Outcome, seed: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    what, content = fuzzed(seed, outcome.case)
    name = f"{seed}-{outcome.case}-{action_of(seed, outcome.case)}"
    (folder / f"{name}.onnx").write_bytes(content)
    (folder / f"{name}.txt").write_text(f"{outcome.key}\n{what}\n{outcome.detail}\n")


def _print_tables(outcomes: list[Outcome]) -> None:
    kinds = Counter((outcome.kind, outcome.action) for outcome in outcomes)
    for (kind, action), count in sorted(kinds.items()):
        print(f"{count:6d}  {kind} ({action})")
    slowest = max(outcomes, key=lambda outcome: outcome.seconds)
    largest = max(outcomes, key=lambda outcome: outcome.memory)
    print(f"slowest: {slowest.seconds:.1f} s, case {slowest.case} ({slowest.action})")
    print(f"largest: {largest.memory // _MEGABYTE} MiB, case {largest.case} ({largest.action})")
    failures: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.failed:
            failures.setdefault(outcome.key, []).append(outcome)
    for key, found in sorted(failures.items(), key=lambda entry: -len(entry[1])):
        cases = " ".join(str(outcome.case) for outcome in found[:5])
        print(f"{len(found):6d}  {key} (cases {cases})")


if __name__ == "__main__":
    sys.exit(main())
