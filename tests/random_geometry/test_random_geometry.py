"""What the analysis says of random models is what ONNX Runtime computes."""

from onnx.printer import to_text

from tests.random_cases.runner import checked
from tests.random_geometry.examine import Kind, examine
from tests.random_geometry.strategy import models


def test_sizes_boxes_and_labels_are_right() -> None:
    kinds = checked(models(), examine, lambda case: to_text(case.model), count=40)
    # Whoever can tell nothing is never wrong.
    assert len(kinds) - kinds.count(Kind.EXACT) - kinds.count(Kind.APPROXIMATE) < len(kinds) / 4
