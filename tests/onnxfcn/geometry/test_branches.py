"""Where branches meet: the union of their fields, and what is said where they disagree."""

import pytest

from onnxfcn.geometry import Geometry, analyse
from tests.onnxfcn.small_nets import small_net

W = {"w": (2, 2, 3), "five": (2, 2, 5), "one": (2, 2, 1)}


def geometry(body: str, size: int, **constants: list[int]) -> Geometry:
    case = small_net(body, [size], weights=W, constants=constants)
    return analyse(case.model, original_size=[size])["answer"]


def test_the_field_of_a_sum_is_the_union_of_its_branches() -> None:
    found = geometry(
        "a = Conv <pads = [2, 2]> (image, five) b = Conv <pads = [1, 1]> (image, w)"
        " c = Conv (image, one) answer = Sum (a, b, c)",
        6,
    )
    assert (found.receptive_field, found.offset) == ((5,), (-2,))
    assert found.disagreements == ()
    assert found.is_tight


def test_branches_side_by_side_are_united_too() -> None:
    found = geometry(
        "a = Conv <pads = [1, 1], strides = [2]> (image, w) b = Conv <strides = [2]> (image, one)"
        " answer = Concat <axis = 1> (a, b)",
        6,
    )
    assert (found.stride, found.receptive_field, found.offset) == ((2,), (3,), (-1,))
    assert found.disagreements == ()


def test_branches_that_look_at_different_places_are_reported() -> None:
    # As ``SAME`` of even extents: the convolution's centre is pixel 2p + 1, the shortcut's 2p.
    found = geometry(
        "a = Conv <pads = [0, 1], strides = [2]> (image, w) b = Conv <strides = [2]> (image, one)"
        " answer = Add (a, b)",
        6,
    )
    assert (found.receptive_field, found.offset) == ((3,), (0,))
    assert found.disagreements == ("answer (Add): branches 1 px apart along the length",)


def test_a_gate_is_no_disagreement() -> None:
    found = geometry("g = GlobalMaxPool (image) answer = Mul (image, g)", 6)
    assert found.disagreements == ()
    assert found.receptive_field == (1,)


@pytest.mark.parametrize("axis", [0, 1])
def test_axes_have_numbers_of_their_own(axis: int) -> None:
    kernel = [1, 1]
    kernel[axis] = 3
    case = small_net(
        f"answer = MaxPool <kernel_shape = {kernel}, strides = {kernel}> (image)", [6, 6]
    )
    found = analyse(case.model, original_size=[6, 6])["answer"]
    assert found.stride == tuple(kernel)
    assert found.receptive_field == tuple(kernel)
    assert found.map_size(7, 8) == tuple(
        size // size_of for size, size_of in zip((7, 8), kernel, strict=True)
    )
