"""The layout of an image that is told by the first convolution, through what stands before it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest

from passes import Refusal

from .constants import ints

Build = Callable[..., onnx.ModelProto]
Check = Callable[..., None]
Refused = Callable[..., Refusal]
Case = tuple[str, dict[str, Any]]
"""What stands before the convolution, which reads ``first``, and what that needs."""

HEAD = "map = Conv<strides=[2, 2]>(first, kernel) v = Flatten(map) y = Gemm(v, w, b)"
WEIGHTS: dict[str, Any] = {"w": (40, 3), "b": (3,)}
GREY_KERNEL: dict[str, Any] = {"kernel": (2, 1, 3, 3)}


def number(value: float) -> np.ndarray:
    return np.array(value, np.float32)


COLOURS: dict[str, Case] = {
    "other_order": ("first = Gather<axis=1>(image, order)", {"order": ints(2, 1, 0)}),
    "other_order_of_a_scaled_image": (
        "scaled = Mul(image, factor) first = Gather<axis=1>(scaled, order)",
        {"order": ints(2, 1, 0), "factor": number(0.5)},
    ),
    "quantized": (
        "rounded = QuantizeLinear(image, step) first = DequantizeLinear(rounded, step)",
        {"step": number(0.05)},
    ),
    "other_order_by_indices_along_the_first_axis": (
        "turned = Transpose<perm=[1, 0, 2, 3]>(image) picked = GatherND(turned, order)"
        " first = Transpose<perm=[1, 0, 2, 3]>(picked)",
        {"order": ints(2, 1, 0).reshape(3, 1)},
    ),
    "stack": (
        "red = Gather<axis=1>(image, two) green = Gather<axis=1>(image, one)"
        " blue = Gather<axis=1>(image, zero) r = Unsqueeze(red, axis) g = Unsqueeze(green, axis)"
        " b1 = Unsqueeze(blue, axis) first = Concat<axis=1>(r, g, b1)",
        {"zero": np.array(0), "one": np.array(1), "two": np.array(2), "axis": ints(1)},
    ),
    "unbound_and_stacked": (
        "red, green, blue = Split<axis=1>(image, ones) r0 = Squeeze(red, axis)"
        " g0 = Squeeze(green, axis) r = Unsqueeze(r0, axis) g = Unsqueeze(g0, axis)"
        " first = Concat<axis=1>(g, r, blue)",
        {"ones": ints(1, 1, 1), "axis": ints(1)},
    ),
    "mean": ("first = ReduceMean<axes=[1]>(image)", GREY_KERNEL),
    "mean_that_drops_the_axis": (
        "grey = ReduceMean<axes=[1], keepdims=0>(image) first = Unsqueeze(grey, axis)",
        GREY_KERNEL | {"axis": ints(1)},
    ),
    "weighted_sum": (
        "mixed = Mul(image, shares) first = ReduceSum(mixed, axis)",
        GREY_KERNEL | {"shares": (3, 1, 1), "axis": ints(1)},
    ),
    "computed_expand": (
        "grey = ReduceMax<axes=[1]>(image) s = Shape<start=0, end=1>(grey)"
        " target = Concat<axis=0>(s, rest) first = Expand(grey, target)",
        {"rest": ints(3, 9, 11)},
    ),
}

GREY: dict[str, Case] = {
    "tile": ("first = Tile(image, times)", {"times": ints(1, 3, 1, 1)}),
    "expand": ("first = Expand(image, shape)", {"shape": ints(1, 3, 1, 1)}),
    "expand_to_the_baked_size": ("first = Expand(image, shape)", {"shape": ints(1, 3, 9, 11)}),
    "concat": ("first = Concat<axis=1>(image, image, image)", {}),
    "broadcast": ("first = Mul(image, tint)", {"tint": (3, 1, 1)}),
}

LAST: dict[str, Case] = {
    "other_order": (
        "turned = Transpose<perm=[3, 1, 2, 0]>(image) picked = GatherND(turned, order)"
        " back = Transpose<perm=[3, 1, 2, 0]>(picked) first = Transpose<perm=[0, 3, 1, 2]>(back)",
        {"order": ints(2, 1, 0).reshape(3, 1)},
    ),
    "mean": (
        "grey = ReduceMean<axes=[-1], keepdims=0>(image) first = Unsqueeze(grey, axis)",
        GREY_KERNEL | {"axis": ints(1)},
    ),
    "matrix_product": (
        "grey = MatMul(image, shares) first = Transpose<perm=[0, 3, 1, 2]>(grey)",
        GREY_KERNEL | {"shares": (3, 1)},
    ),
}


@pytest.mark.parametrize("batch", [1, "N"])
@pytest.mark.parametrize("name", COLOURS)
def test_layout_behind_what_mixes_colours(
    name: str, batch: int | str, build: Build, assert_cells_are_crops: Check
) -> None:
    text, options = COLOURS[name]
    options = {"kernel": (2, 3, 3, 3)} | WEIGHTS | options
    model = build(
        f"{text} {HEAD}", inputs=f"float[{batch},3,9,11] image", outputs="float[] y", **options
    )
    assert_cells_are_crops(model)


@pytest.mark.parametrize("batch", [1, "N"])
@pytest.mark.parametrize("name", GREY)
def test_layout_behind_what_makes_colours_of_grey(
    name: str, batch: int | str, build: Build, assert_cells_are_crops: Check
) -> None:
    text, options = GREY[name]
    options = {"kernel": (2, 3, 3, 3)} | WEIGHTS | options
    model = build(
        f"{text} {HEAD}", inputs=f"float[{batch},1,9,11] image", outputs="float[] y", **options
    )
    assert_cells_are_crops(model)


@pytest.mark.parametrize("name", LAST)
def test_layout_with_the_channels_last(
    name: str, build: Build, assert_cells_are_crops: Check
) -> None:
    text, options = LAST[name]
    options = {"kernel": (2, 3, 3, 3)} | WEIGHTS | options
    model = build(f"{text} {HEAD}", inputs="float[N,9,11,3] image", outputs="float[] y", **options)
    assert_cells_are_crops(model, image_layout="nhwc")
