"""Examine many random trunks: ``python -m tests.random_trunks --cases 5000 --seed 0``."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import onnx.printer

from tests.random_cases.outcome import Outcome
from tests.random_cases.runner import Subject, main

from .elements import ELEMENTS
from .examine import Freed, Kind, examine
from .recipe import Recipe
from .strategy import trunks


@dataclass(frozen=True)
class _Facts:
    labels: frozenset[str]
    opset: int
    is_baked: bool


def _content(recipe: Recipe) -> bytes:
    return b"".join(recipe.write(size).SerializeToString() for size in recipe.sizes)


def _text(recipe: Recipe) -> str:
    written = ((size, onnx.printer.to_text(recipe.write(size))) for size in recipe.sizes)
    return "\n".join(f"written for {size}:\n{text}" for size, text in written)


def _summary(rows: Sequence[tuple[_Facts, Outcome]]) -> Iterator[str]:
    freed = [(facts, found) for facts, found in rows if isinstance(found, Freed)]
    baked = sum(facts.is_baked for facts, _ in rows)
    yield f"cases with extents baked in: {baked}, freed {sum(f.is_baked for f, _ in freed)}"
    yield f"freed, but not equal bit by bit: {sum(found.error > 0 for _, found in freed)}"
    yield f"freed, but with equal cells: {sum(found.indistinct for _, found in freed)}"
    drawn = Counter(label for facts, _ in rows for label in facts.labels)
    used = Counter(label for facts, _ in freed for label in facts.labels)
    for label in sorted({*ELEMENTS, *drawn}):
        yield f"{used[label]:6d} of {drawn[label]:6d}  {label}"
    opsets = Counter(facts.opset for facts, _ in freed)
    yield f"opsets of the freed: {dict(sorted(opsets.items()))}"


SUBJECT = Subject(
    cases=trunks(),
    examine=examine,
    content=_content,
    text=_text,
    facts=lambda recipe: _Facts(frozenset(recipe.labels), recipe.opset, recipe.is_baked),
    kinds=Kind,
    summary=_summary,
)

if __name__ == "__main__":
    sys.exit(main(SUBJECT, __doc__))
