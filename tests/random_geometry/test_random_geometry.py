"""What the analysis says of random models is what ONNX Runtime computes."""

import onnx.printer
from hypothesis import given, note

from tests.random_cases.runner import unhurried
from tests.random_geometry.examine import examine
from tests.random_geometry.strategy import Case, models


@unhurried(max_examples=40, derandomize=True)
@given(models())
def test_sizes_boxes_and_labels_are_right(case: Case) -> None:
    outcome = examine(case)
    if outcome.failed:
        note(onnx.printer.to_text(case.model))
    assert not outcome.failed, outcome.detail
