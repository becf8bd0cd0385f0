"""Examine many random classifiers: ``python -m tests.random_heads --cases 5000 --seed 0``."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import onnx.printer

from tests.random_cases.outcome import Outcome
from tests.random_cases.runner import Subject, main

from .examine import Kind, Rewritten, examine
from .operators import OPERATORS
from .strategy import classifiers


@dataclass(frozen=True)
class _Facts:
    labels: tuple[str, ...]
    opset: int


def _summary(rows: Sequence[tuple[_Facts, Outcome]]) -> Iterator[str]:
    rewritten = [(facts, found) for facts, found in rows if isinstance(found, Rewritten)]
    yield f"cells that rounding decides: {sum(found.unstable for _, found in rewritten)}"
    yield f"cases whose cells are all alike: {sum(found.indistinct for _, found in rewritten)}"
    used = Counter(label for facts, _ in rewritten for label in facts.labels)
    for label in sorted({*OPERATORS, *used}):
        yield f"{used[label]:6d}  {label}"
    opsets = Counter(facts.opset for facts, _ in rewritten)
    yield f"opsets: {dict(sorted(opsets.items()))}"


SUBJECT = Subject(
    cases=classifiers(),
    examine=examine,
    content=lambda case: case.model.SerializeToString(),
    text=lambda case: onnx.printer.to_text(case.model),
    facts=lambda case: _Facts(case.labels, case.model.opset_import[0].version),
    kinds=Kind,
    summary=_summary,
)

if __name__ == "__main__":
    sys.exit(main(SUBJECT, __doc__))
