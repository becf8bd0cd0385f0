"""Random convolutions as matrix products give the same answers, bit by bit."""

from dataclasses import replace

import numpy as np
import onnx.printer
import pytest
from hypothesis import given, note

from tests.random_cases.runner import unhurried
from tests.random_convolutions import examine as examination
from tests.random_convolutions.examine import Kind, examine
from tests.random_convolutions.strategy import Case, Layer, convolutions


@unhurried(max_examples=200, derandomize=True)
@given(convolutions())
def test_matrix_products_are_the_convolutions(case: Case) -> None:
    outcome = examine(case)
    if outcome.failed:
        note(onnx.printer.to_text(case.model()))
    assert outcome.kind == Kind.EQUAL, outcome.detail


def test_a_wrong_stride_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The examination can fail: strides of one where the Conv has others."""
    layer = Layer(np.ones((1, 1, 2, 2), np.float32), None, 1, (2, 2), (1, 1), "VALID")
    strided = Case(17, (layer,), "", (np.arange(36, dtype=np.float32).reshape(1, 1, 6, 6),))
    assert examine(strided).kind == Kind.EQUAL
    real = examination.conv_to_gemm.read_convolution
    monkeypatch.setattr(
        examination.conv_to_gemm,
        "read_convolution",
        lambda *given: replace(real(*given), strides=(1,) * len(real(*given).strides)),
    )
    assert examine(strided).failed
