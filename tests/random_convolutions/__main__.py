"""Examine random convolutions: ``python -m tests.random_convolutions --cases 5000 --seed 1``."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence

import onnx.printer

from tests.random_cases.outcome import Outcome
from tests.random_cases.runner import Subject, main

from .examine import Kind, examine
from .strategy import Case, convolutions


def _content(case: Case) -> bytes:
    images = (image.tobytes() + str(image.shape).encode() for image in case.images)
    return b"".join([case.model().SerializeToString(), *images])


def _summary(rows: Sequence[tuple[set[str], Outcome]]) -> Iterator[str]:
    equal = Counter(
        feature for features, found in rows if found.kind == Kind.EQUAL for feature in features
    )
    for feature, count in sorted(equal.items()):
        yield f"{count:6d}  {feature}"


SUBJECT = Subject(
    cases=convolutions(),
    examine=examine,
    content=_content,
    text=lambda case: onnx.printer.to_text(case.model()),
    facts=Case.features,
    kinds=Kind,
    summary=_summary,
)

if __name__ == "__main__":
    sys.exit(main(SUBJECT, __doc__))
