"""Strides beyond those of usual networks are found in the graph."""

import pytest

import onnxfcn
from onnxfcn.geometry import GeometryUnknownError, analyse
from sample_models import lenet
from tests.onnxfcn.geometry.described_nets import described
from tests.onnxfcn.small_nets import small_net

ODD = {
    "a window step of nine": "t = MaxPool <kernel_shape = [2], strides = [2]> (image)"
    " answer = Conv <strides = [9]> (t, w)",
    "twenty-three": "answer = Conv <strides = [23]> (image, w)",
    "a step of nine": "t = Conv (image, w) answer = Slice (t, zero, end, axis, nine)",
}


@pytest.mark.parametrize(("name", "stride"), [*zip(ODD, (18, 23, 9), strict=True)])
def test_the_stride_is_told(name: str, stride: int) -> None:
    numbers = {"zero": [0], "end": [2**31 - 1], "axis": [2], "nine": [9]}
    case = small_net(ODD[name], [6], weights={"w": (2, 2, 3)}, constants=numbers)
    assert described(case)[0] == stride


@pytest.mark.parametrize("step", [9, 256])
def test_of_a_rewrite(step: int) -> None:
    model = onnxfcn.rewrite(lenet.build(), window_step=step, validate=False).model
    (geometry,) = analyse(model, original_size=(28, 28)).values()
    assert geometry.stride == (4 * step, 4 * step)
    assert geometry.receptive_field == (28, 28)


def test_too_large_a_stride_is_unknown() -> None:
    case = small_net("answer = Conv <strides = [1025]> (image, w)", [9], weights={"w": (2, 2, 3)})
    with pytest.raises(GeometryUnknownError, match="by up to 1024 pixels"):
        analyse(case.model, case.size)
