"""Every cell of a rewritten random classifier is the original's answer on its crop of the image."""

import onnx.printer
from hypothesis import given, note

from tests.random_cases.runner import unhurried
from tests.random_heads.examine import examine
from tests.random_heads.strategy import Case, classifiers


@unhurried(max_examples=150, derandomize=True)
@given(classifiers())
def test_cells_are_the_answers_on_crops(case: Case) -> None:
    outcome = examine(case)
    if outcome.failed:
        note(onnx.printer.to_text(case.model))
    assert not outcome.failed, outcome.detail
