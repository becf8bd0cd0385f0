"""What is said of a small net, confirmed by ONNX Runtime."""

from fractions import Fraction

from onnxfcn.exactness import decide
from onnxfcn.geometry import analyse
from tests.random_geometry.examine import examine
from tests.random_geometry.strategy import Case

Numbers = tuple[Fraction, int, int, str]
"""Stride, receptive field and offset in pixels, the same for every axis, and the label."""


def described(case: Case) -> Numbers:
    """The numbers of a net whose axes are alike.

    ``examine`` compares map sizes, accepted sizes, the cells that pixels change and the label with
    what ONNX Runtime computes.
    """
    geometry, exactness = (
        function(case.model, case.size)["answer"] for function in (analyse, decide)
    )
    outcome = examine(case)
    assert not outcome.failed, outcome
    assert outcome.kind == exactness.label
    (stride,) = set(geometry.stride)
    (field,) = set(geometry.receptive_field)
    (offset,) = set(geometry.offset)
    return stride, field, offset, exactness.label
