"""Cuts, margins, interpolation, elementwise and other operators: numbers by hand, confirmed."""

from fractions import Fraction

import pytest

from onnxfcn.geometry import analyse
from tests.onnxfcn.geometry.described_nets import described
from tests.onnxfcn.small_nets import small_net

W = {"w": (2, 2, 3), "v": (3, 2, 4)}
"""A kernel of three positions, and a head of four."""
HEAD = "answer = Conv (t, v)"
CONV = "t = Conv (image, w)"

NETS = {
    "slice": (
        small_net(
            f"{CONV} s = Slice (t, start, end, axis) answer = Conv (s, v)",
            [9], weights=W, constants={"start": [1], "end": [-2], "axis": [2]},
        ),
        1, 6, 1, "exact",
    ),
    "slice step": (
        small_net(
            f"t = Slice (image, start, end, axis, step) {HEAD}",
            [8], weights=W,
            constants={"start": [1], "end": [2**31 - 1], "axis": [2], "step": [2]},
        ),
        2, 7, 1, "exact",
    ),
    "pad": (
        small_net(f"t = Pad (image, pads) {HEAD}", [1], weights=W,
                  constants={"pads": [0, 0, 2, 0, 0, 1]}),
        1, 4, -2, "approximate",
    ),
    "negative pad": (
        small_net(f"t = Pad (image, pads) {HEAD}", [7], weights=W,
                  constants={"pads": [0, 0, -2, 0, 0, -1]}),
        1, 4, 2, "exact",
    ),
    "reflected margins": (
        small_net(f'r = Pad <mode = "reflect"> (image, pads) t = Conv (r, w) {HEAD}', [4],
                  weights=W, constants={"pads": [0, 0, 1, 0, 0, 1]}),
        1, 6, -1, "approximate",
    ),
    "margins cut off again": (
        small_net(
            "p = Conv <pads = [1, 1]> (image, w) t = Slice (p, start, end, axis)"
            " answer = Conv (t, v)",
            [6], weights=W, constants={"start": [1], "end": [-1], "axis": [2]},
        ),
        1, 6, 0, "exact",
    ),
    # Position p lies at p / 2 - 1/4: between floor(p / 2 - 1/4) and the next.
    "resize linear": (
        small_net(
            'r = Resize <mode = "linear"> (image, , scales) t = Slice (r, start, end, axis)'
            " answer = Conv <strides = [2]> (t, v)",
            [4], weights=W,
            constants={"scales": [1.0, 1.0, 2.0], "start": [2], "end": [-2], "axis": [2]},
        ),
        1, 4, 0, "exact",
    ),
    "resize at the border": (
        small_net(
            'r = Resize <mode = "linear"> (image, , scales) t = Conv <strides = [2]> (r, w)'
            f" {HEAD}",
            [5], weights=W, constants={"scales": [1.0, 1.0, 2.0]},
        ),
        1, 6, -1, "approximate",
    ),
    "nearest undone by a stride": (
        small_net(
            "r = Resize (image, , scales) t = Slice (r, start, end, axis, step)"
            " answer = Conv (t, v)",
            [4], weights=W,
            constants={"scales": [1.0, 1.0, 2.0], "start": [0], "end": [2**31 - 1],
                       "axis": [2], "step": [2]},
        ),
        1, 4, 0, "exact",
    ),
    # Cells lie 2/3 of a pixel apart.
    "resize by three halves": (
        small_net(f"t = Resize (image, , scales) {HEAD}", [3], weights=W,
                  constants={"scales": [1.0, 1.0, 1.5]}),
        Fraction(2, 3), 3, 0, "approximate",
    ),
    # Positions of three pixels, and cells one pixel apart.
    "resize off the grid": (
        small_net(
            "d = MaxPool <kernel_shape = [3], strides = [3]> (image) t = Resize (d, , scales)"
            " answer = Conv (t, v)",
            [4], weights=W, constants={"scales": [1.0, 1.0, 4.0]},
        ),
        Fraction(3, 4), 7, -2, "approximate",
    ),
    "upsample": (
        small_net(
            "t = Upsample (image, scales) answer = Conv <strides = [2]> (t, v)",
            [2], opset=9, weights=W, constants={"scales": [1.0, 1.0, 2.0]},
        ),
        1, 2, 0, "exact",
    ),
    "mirrored twice": (
        small_net(
            "m = Slice (image, start, end, axis, step) c = Conv (m, u)"
            " t = Slice (c, start, end, axis, step) answer = Conv (t, v)",
            [4], weights=W | {"u": (2, 2, 1)},
            constants={"start": [-1], "end": [-(2**31)], "axis": [2], "step": [-1]},
        ),
        1, 4, 0, "exact",
    ),
    "concat of margins": (
        small_net(
            "t = Concat <axis = 2> (zeros, image) answer = Conv (t, v)",
            [3], weights=W | {"zeros": (1, 2, 1)},
        ),
        1, 4, -1, "approximate",
    ),
    "gather a shift": (
        small_net(
            "a = Slice (image, one, end, axis) b = Slice (image, zero, last, axis)"
            " t = Sub (a, b) answer = Conv (t, v)",
            [5], weights=W,
            constants={"one": [1], "zero": [0], "end": [2**31 - 1], "last": [-1], "axis": [2]},
        ),
        1, 5, 0, "exact",
    ),
    "elementwise": (
        small_net(
            "a = Relu (image) b = Clip (a) c = Mul (b, scale) d = Identity (c)"
            " t = PRelu (d, slope) answer = Conv (t, v)",
            [4], weights=W | {"scale": (1, 2, 1), "slope": (2, 1)},
        ),
        1, 4, 0, "exact",
    ),
    "normalised channels": (
        small_net(
            "a = Transpose <perm = [0, 2, 1]> (image) b = LayerNormalization (a, scale)"
            " c = MatMul (b, m) d = Softmax (c) t = Transpose <perm = [0, 2, 1]> (d)"
            " answer = Conv (t, v)",
            [4], weights=W | {"scale": (2,), "m": (2, 2)},
        ),
        1, 4, 0, "exact",
    ),
    "local response": (
        small_net("t = LRN <size = 3> (image) answer = Conv (t, k)", [4, 4],
                  weights={"k": (1, 2, 4, 4)}),
        1, 4, 0, "exact",
    ),
    "split and concat": (
        small_net(
            "a, b = Split <axis = 1, num_outputs = 2> (image) c = Conv (a, one)"
            " d = Slice (b, start, end, axis) t = Concat <axis = 1> (c, d) answer = Conv (t, v)",
            [6], weights=W | {"one": (1, 1, 3)},
            constants={"start": [1], "end": [-1], "axis": [2]},
        ),
        1, 6, 0, "exact",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_numbers_are_those_by_hand_and_onnx_runtime_agrees(name: str) -> None:
    case, stride, field, offset, label = NETS[name]
    found = described(case)
    assert found == (stride, field, offset, label)


BOUNDS = {
    "filters": ('Resize <antialias = 1, mode = "linear"> (image, , scales)', [1.0, 1.0, 0.5]),
    "sizes": ('Resize <mode = "linear"> (image, , , sizes)', [1.0, 1.0, 2.0]),
    "corners": (
        'Resize <coordinate_transformation_mode = "align_corners", mode = "linear">'
        " (image, , scales)",
        [1.0, 1.0, 2.0],
    ),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_fields_of_filters_and_of_sizes_are_outer_bounds(name: str) -> None:
    resize, scales = BOUNDS[name]
    constants = {"twice": [1, 1, 2]} if name == "sizes" else {"scales": scales}
    sizes = "n = Shape (image) sizes = Mul (n, twice) " * (name == "sizes")
    weights = {"v": W["v"]}
    case = small_net(f"{sizes}t = {resize} {HEAD}", [8], weights=weights, constants=constants)
    assert not analyse(case.model, original_size=case.size)["answer"].is_tight
