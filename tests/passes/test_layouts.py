"""The layout of an image that is told by the first convolution, through what stands before it."""

from typing import Any

import numpy as np
import pytest

from passes import RefusalCode, dynamic_spatial_axes, flatten_gemm_to_conv
from tests.model_texts import build, ints
from tests.passes.judges import assert_cells_are_crops, assert_refused

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
def test_layout_behind_what_mixes_colours(name: str, batch: int | str) -> None:
    text, options = COLOURS[name]
    options = {"kernel": (2, 3, 3, 3)} | WEIGHTS | options
    model = build(
        f"{text} {HEAD}", inputs=f"float[{batch},3,9,11] image", outputs="float[] y", **options
    )
    assert_cells_are_crops(model)


@pytest.mark.parametrize("batch", [1, "N"])
@pytest.mark.parametrize("name", GREY)
def test_layout_behind_what_makes_colours_of_grey(name: str, batch: int | str) -> None:
    text, options = GREY[name]
    options = {"kernel": (2, 3, 3, 3)} | WEIGHTS | options
    model = build(
        f"{text} {HEAD}", inputs=f"float[{batch},1,9,11] image", outputs="float[] y", **options
    )
    assert_cells_are_crops(model)


@pytest.mark.parametrize("name", LAST)
def test_layout_with_the_channels_last(name: str) -> None:
    text, options = LAST[name]
    options = {"kernel": (2, 3, 3, 3)} | WEIGHTS | options
    model = build(f"{text} {HEAD}", inputs="float[N,9,11,3] image", outputs="float[] y", **options)
    assert_cells_are_crops(model, image_layout="nhwc")


def test_batch_that_a_constant_of_more_axes_gives_the_image() -> None:
    model = build(
        f"first = Mul(image, factor) {HEAD}",
        inputs="float[3,9,11] image",
        outputs="float[] y",
        factor=(1, 1, 1, 1),
        kernel=(2, 3, 3, 3),
        **WEIGHTS,
    )
    assert_cells_are_crops(model, image_layout="chw")


BY_ROWS = {
    "scale": (9,),
    "shift": (9,),
    "mean": (9,),
    "variance": np.ones(9, np.float32),
    "kernel": (2, 1, 3, 3),
}


@pytest.mark.parametrize(
    "norm",
    [
        "BatchNormalization(t, scale, shift, mean, variance)",
        "InstanceNormalization(t, scale, shift)",
    ],
)
@pytest.mark.parametrize("perm", ["[0, 2, 1, 3]", "[0, 2, 3, 1]"])
def test_normalisation_of_rows_does_not_tell_the_layout(perm: str, norm: str) -> None:
    back = perm if perm == "[0, 2, 1, 3]" else "[0, 3, 1, 2]"
    model = build(
        f"t = Transpose<perm={perm}>(image) [rows] n = {norm} first = Transpose<perm={back}>(n)"
        f" {HEAD}",
        inputs="float[N,1,9,11] image",
        **BY_ROWS,
        **WEIGHTS,
    )
    refusal = assert_refused(dynamic_spatial_axes, model)
    assert (refusal.code, refusal.node) == (RefusalCode.MAP_SIZED_CONSTANT, "rows")
    assert refusal.found == "numbers for each position along axis 1 of 't', which grows"


def test_normalisation_tells_the_layout_where_nothing_else_does() -> None:
    model = build(
        "map = BatchNormalization(image, scale, shift, mean, variance) v = Flatten(map)"
        " y = Gemm(v, w)",
        inputs="float[N,3,4,5] image",
        w=(60, 3),
        scale=(3,),
        shift=(3,),
        mean=(3,),
        variance=np.ones(3, np.float32),
    )
    assert_cells_are_crops(model, larger=(6, 8), stride=(1, 1))


UNTOLD: dict[str, Case] = {
    "columns_summed_by_a_vector": (
        "rows = MatMul(image, shares) first = Unsqueeze(rows, axis)",
        {"shares": (11,), "axis": ints(3), "kernel": (2, 3, 3, 1), "w": (8, 3)},
    ),
    "reshaped": ("first = Reshape(image, same)", {"same": ints(0, 3, 9, 11)}),
    "one_sample_with_its_colours_as_samples": (
        "sample = Gather<axis=0>(image, zero) alone = Unsqueeze(sample, axis)"
        " first = Tile(alone, times)",
        {"zero": np.array(0), "axis": ints(1), "times": ints(1, 3, 1, 1)},
    ),
    "one_row": (
        "row = Gather<axis=2>(image, zero) again = Unsqueeze(row, axis) first = Tile(again, times)",
        {"zero": np.array(0), "axis": ints(2), "times": ints(1, 1, 9, 1)},
    ),
    "indices_of_two_axes": (
        "turned = Transpose<perm=[1, 0, 2, 3]>(image) picked = GatherND(turned, order)"
        " first = Unsqueeze(picked, axis)",
        {"order": ints(2, 0, 1, 0, 0, 0).reshape(3, 2), "axis": ints(0)},
    ),
    "indices_of_every_sample": (
        "first = GatherND<batch_dims=1>(image, order)",
        {"order": ints(2, 1, 0).reshape(1, 3, 1)},
    ),
}


@pytest.mark.parametrize("name", UNTOLD)
def test_layout_that_is_not_told_is_asked_for(name: str) -> None:
    text, options = UNTOLD[name]
    dense = HEAD.replace("y = Gemm", "[fc] y = Gemm")
    model = build(
        f"{text} {dense}",
        inputs="float[1,3,9,11] image",
        outputs="float[] y",
        **{"kernel": (2, 3, 3, 3)} | WEIGHTS | options,
    )
    refusal = assert_refused(flatten_gemm_to_conv, model)
    assert (refusal.code, refusal.node) == (RefusalCode.LAYOUT_UNKNOWN, "fc")
    assert refusal.found == "'image' of shape [1, 3, 9, 11], whose axes nothing tells"
    assert "option input_layout, such as nchw" in refusal.advice


def test_convolution_tells_nothing_of_an_image_that_is_its_kernel() -> None:
    model = build(
        "m = Conv(scene, image) v = Flatten(image) [fc] y = Gemm(v, w)",
        inputs="float[1,3,9,11] image",
        outputs="float[] y, float[] m",
        scene=(1, 3, 20, 20),
        w=(297, 3),
    )
    refusal = assert_refused(flatten_gemm_to_conv, model)
    assert (refusal.code, refusal.node) == (RefusalCode.LAYOUT_UNKNOWN, "fc")


def test_layout_that_a_reshape_hides_is_taken_from_the_user() -> None:
    text, options = UNTOLD["reshaped"]
    model = build(
        f"{text} {HEAD}", inputs="float[N,3,9,11] image", kernel=(2, 3, 3, 3), **WEIGHTS, **options
    )
    assert_cells_are_crops(model, input_layout="nchw")


def test_pool_of_an_image_of_unknown_layout_is_refused_by_its_reason() -> None:
    model = build(
        "first = Reshape(image, same) map = Conv(first, kernel)"
        " [pool] p = GlobalAveragePool(map) v = Flatten(p) y = Gemm(v, w)",
        inputs="float[N,3,9,11] image",
        kernel=(2, 3, 3, 3),
        same=ints(0, 3, 9, 11),
        w=(2, 3),
    )
    refusal = assert_refused(flatten_gemm_to_conv, model)
    assert (refusal.code, refusal.node) == (RefusalCode.LAYOUT_UNKNOWN, "pool")


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("t = Transpose<perm=[2, 0, 1, 3]>(image) [pick] y = GatherND(t, order)", ints(1, 0)),
        ("[pick] y = GatherND<batch_dims=1>(image, order)", ints(2)),
    ],
)
def test_indices_along_what_grows_are_not_freed(text: str, order: np.ndarray) -> None:
    model = build(
        text,
        inputs="float[1,3,9,11] image",
        outputs="float[] y",
        order=order.reshape(-1, 1) if "batch_dims" not in text else order.reshape(1, 1, 1),
    )
    refusal = assert_refused(dynamic_spatial_axes, model, input_layout="nchw")
    assert (refusal.code, refusal.node) == (RefusalCode.BAKED_EXTENT, "pick")
