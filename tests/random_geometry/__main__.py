"""Examine many random models: ``python -m tests.random_geometry --cases 2000 --seed 0``."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence

import onnx.printer

from tests.random_cases.outcome import Outcome
from tests.random_cases.runner import Subject, main

from .examine import Kind, Told, examine
from .layers import LAYERS
from .strategy import Case, models


def _content(case: Case) -> bytes:
    return case.model.SerializeToString() + str(case.size).encode()


def _text(case: Case) -> str:
    return f"{case.size} {onnx.printer.to_text(case.model)}"


def _summary(rows: Sequence[tuple[tuple[str, ...], Outcome]]) -> Iterator[str]:
    told = [(labels, found) for labels, found in rows if isinstance(found, Told)]
    yield f"with a tight receptive field: {sum(found.tight for _, found in told)}"
    for kind in (Kind.EXACT, Kind.APPROXIMATE):
        used = Counter(label for labels, found in told if found.kind == kind for label in labels)
        yield ", ".join([kind, *(f"{label} {used[label]}" for label in sorted(LAYERS))])


SUBJECT = Subject(
    cases=models(),
    examine=examine,
    content=_content,
    text=_text,
    facts=lambda case: case.labels,
    kinds=Kind,
    summary=_summary,
)

if __name__ == "__main__":
    sys.exit(main(SUBJECT, __doc__))
