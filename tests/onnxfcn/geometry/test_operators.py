"""Operators with a kernel: numbers by hand, confirmed by ONNX Runtime."""

from fractions import Fraction

import pytest

from tests.onnxfcn.geometry.described_nets import described
from tests.onnxfcn.small_nets import small_net

W = {"w": (2, 2, 3), "v": (3, 2, 4)}
"""A kernel of three positions, and a head of four."""
HALF = Fraction(1, 2)


def conv(**attributes: object) -> str:
    """A convolution with kernel ``w`` and the attributes given."""
    texts = {k: f'"{v}"' if isinstance(v, str) else v for k, v in attributes.items()}
    given = ", ".join(f"{name} = {value}" for name, value in texts.items())
    return f"t = Conv {f'<{given}>' if given else ''} (image, w)"


HEAD = "answer = Conv (t, v)"

NETS = {
    # Stride 1: cell 0 sees 3 + (4 - 1) pixels.
    "conv": (small_net(f"{conv()} {HEAD}", [6], weights=W), 1, 6, 0, "exact"),
    # A window of 4 cells every 2 pixels: 3 + 3 * 2.
    "conv stride": (
        small_net(f"{conv(strides=[2])} {HEAD}", [9], weights=W), 2, 9, 0, "exact"
    ),
    # 1 + 2 * 3 pixels, and 3 cells more.
    "conv dilation": (
        small_net(f"{conv(dilations=[3])} {HEAD}", [10], weights=W), 1, 10, 0, "exact"
    ),
    "conv pads": (
        small_net(f"{conv(pads=[2, 1])} {HEAD}", [3], weights=W), 1, 6, -2, "approximate"
    ),
    "conv valid": (
        small_net(f"{conv(auto_pad='VALID')} {HEAD}", [6], weights=W), 1, 6, 0, "exact"
    ),
    "conv same upper": (
        small_net(f"{conv(auto_pad='SAME_UPPER')} {HEAD}", [4], weights=W),
        1, 6, -1, "approximate",
    ),
    # The odd pad of an even kernel comes behind, or in front.
    "even kernel same upper": (
        small_net('t = Conv <auto_pad = "SAME_UPPER"> (image, u) answer = Conv (t, v)', [4],
                  weights=W | {"u": (2, 2, 2)}),
        1, 5, 0, "approximate",
    ),
    "even kernel same lower": (
        small_net('t = Conv <auto_pad = "SAME_LOWER"> (image, u) answer = Conv (t, v)', [4],
                  weights=W | {"u": (2, 2, 2)}),
        1, 5, -1, "approximate",
    ),
    # The result begins one position, or two, behind that of the full convolution.
    "conv transpose same upper": (
        small_net('t = ConvTranspose <auto_pad = "SAME_UPPER"> (image, u) answer = Conv (t, v)',
                  [4], weights=W | {"u": (2, 2, 4)}),
        1, 7, -2, "approximate",
    ),
    "conv transpose same lower": (
        small_net('t = ConvTranspose <auto_pad = "SAME_LOWER"> (image, u) answer = Conv (t, v)',
                  [4], weights=W | {"u": (2, 2, 4)}),
        1, 7, -1, "approximate",
    ),
    # Pads of 1 and 1 for odd extents, of 0 and 1 for even ones such as the original's.
    "conv same stride": (
        small_net(f"{conv(auto_pad='SAME_UPPER', strides=[2])} {HEAD}", [8], weights=W),
        2, 9, 0, "approximate",
    ),
    # Odd or even, in front or behind: six remainders of the size, not all of them alike.
    "same on a padded pool": (
        small_net(
            "p = LpPool <kernel_shape = [3], pads = [0, 1], strides = [2]> (image)"
            ' t = LpPool <auto_pad = "SAME_LOWER", kernel_shape = [3], strides = [3]> (p)'
            " answer = Conv (t, w)",
            [17], weights=W,
        ),
        6, 19, -2, "approximate",
    ),
    "max pool": (
        small_net(
            f"t = MaxPool <kernel_shape = [3], strides = [2]> (image) {HEAD}", [9], weights=W
        ),
        2, 9, 0, "exact",
    ),
    "average pool": (
        small_net(f"t = AveragePool <kernel_shape = [2]> (image) {HEAD}", [5], weights=W),
        1, 5, 0, "exact",
    ),
    "lp pool": (
        small_net(f"t = LpPool <kernel_shape = [2], strides = [2]> (image) {HEAD}", [8], weights=W),
        2, 8, 0, "exact",
    ),
    # At 8 pixels the fourth window has its last pixel outside; at 9 it would have it inside.
    "ceil mode": (
        small_net(
            f"t = MaxPool <kernel_shape = [3], strides = [2], ceil_mode = 1> (image) {HEAD}",
            [8], weights=W,
        ),
        2, 9, 0, "approximate",
    ),
    # At 9 pixels every window lies inside, whatever ceil_mode says.
    "ceil mode that fits": (
        small_net(
            f"t = MaxPool <kernel_shape = [3], strides = [2], ceil_mode = 1> (image) {HEAD}",
            [9], weights=W,
        ),
        2, 9, 0, "exact",
    ),
    # Of nine pixels, a fourth window would begin behind the last, and is left out.
    "ceil mode that begins outside": (
        small_net(
            "t = MaxPool <kernel_shape = [2], strides = [3], ceil_mode = 1> (image)"
            " answer = Conv (t, w)",
            [7], weights=W,
        ),
        3, 8, 0, "approximate",
    ),
    "pads that no window reaches": (
        small_net(f"{conv(strides=[2], pads=[0, 1])} {HEAD}", [9], weights=W), 2, 9, 0, "exact"
    ),
    "conv transpose": (
        small_net(
            f"t = ConvTranspose <strides = [2], kernel_shape = [2]> (image, u) {HEAD}",
            [2], weights=W | {"u": (2, 2, 2)},
        ),
        HALF, 3, 0, "approximate",
    ),
    # Cells lie half a pixel apart; every other one has a crop of its own and is one.
    "conv transpose and step": (
        small_net(
            "t = ConvTranspose <strides = [2], kernel_shape = [2]> (image, u)"
            " answer = Conv <strides = [2]> (t, v)",
            [2], weights=W | {"u": (2, 2, 2)},
        ),
        1, 2, 0, "exact",
    ),
    "depth to space": (
        small_net(
            "t = DepthToSpace <blocksize = 2> (image) answer = Conv <strides = [2, 2]> (t, k)",
            [2, 2], channels=8, weights={"k": (1, 2, 4, 4)},
        ),
        1, 2, 0, "exact",
    ),
    "space to depth": (
        small_net(
            "t = SpaceToDepth <blocksize = 2> (image) answer = Conv (t, k)",
            [6, 6], weights={"k": (1, 8, 3, 3)},
        ),
        2, 6, 0, "exact",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_numbers_are_those_by_hand_and_onnx_runtime_agrees(name: str) -> None:
    case, stride, field, offset, label = NETS[name]
    found = described(case)
    assert found == (stride, field, offset, label)
