"""Nodes of the trunk that cannot work at any size: near misses of freeing the axes."""

from typing import Any

import numpy as np
import pytest

from passes import RefusalCode, dynamic_spatial_axes
from tests.model_texts import build, ints
from tests.passes.judges import assert_refused

Case = tuple[RefusalCode, str, str, dict[str, Any]]
"""Code, node, text, and what the text needs."""


TRUNKS: dict[str, Case] = {
    "custom_operator": (
        RefusalCode.CUSTOM_OPERATOR,
        "ours",
        "[ours] y = acme.Relu(image)",
        {},
    ),
    "branch": (
        RefusalCode.CONTROL_FLOW,
        "branch",
        """[branch] y = If(yes) <
          then_branch = then () => (float[N,3,8,10] one) { one = Relu(image) },
          else_branch = other () => (float[N,3,8,10] two) { two = Neg(image) }
        >""",
        {"inputs": "float[N,3,8,10] image, bool yes"},
    ),
    "unknown_shape": (
        RefusalCode.SHAPE_UNKNOWN,
        "ours",
        "p = GlobalAveragePool(image) [ours] gate = acme.Gate(p) y = Mul(image, gate)",
        {},
    ),
    "symbolic_image": (
        RefusalCode.INPUT_SIZE_NEEDED,
        "",
        "y = Relu(image)",
        {"inputs": "float[N,3,H,10] image"},
    ),
    "transposed_convolution_to_a_larger_size": (
        RefusalCode.BAKED_EXTENT,
        "up",
        "[up] y = ConvTranspose<strides=[2, 2], output_shape=[18, 22]>(image, kernel)",
        {"kernel": (3, 2, 1, 1)},
    ),
    "norm_of_columns": (
        RefusalCode.MAP_SIZED_CONSTANT,
        "norm",
        "c = Conv(image, k) t = Transpose<perm=[0, 3, 1, 2]>(c)"
        " [norm] n = InstanceNormalization(t, ones, ones) y = Transpose<perm=[0, 2, 3, 1]>(n)",
        {"k": (3, 3, 1, 1), "ones": np.ones(10, np.float32)},
    ),
    "position_embedding": (
        RefusalCode.MAP_SIZED_CONSTANT,
        "embed",
        "[embed] y = Add(image, position)",
        {"position": (1, 3, 8, 10)},
    ),
    "row_embedding": (
        RefusalCode.MAP_SIZED_CONSTANT,
        "embed",
        "[embed] y = Mul(row, image)",
        {"row": (10,)},
    ),
    "flatten": (
        RefusalCode.MAP_SIZED_CONSTANT,
        "dense",
        "v = Flatten(image) [dense] y = Gemm(v, w)",
        {"w": (240, 3), "outputs": "float[A,B] y"},
    ),
    "attention_between_positions": (
        RefusalCode.POSITIONS_MIXED,
        "scores",
        "q = Reshape(image, to) k = Transpose<perm=[0, 2, 1]>(q) [scores] y = MatMul(k, q)",
        {"to": ints(-1, 3, 80), "outputs": "float[A,B,C] y"},
    ),
    "dense_layer_over_positions": (
        RefusalCode.MAP_SIZED_CONSTANT,
        "mix",
        "q = Reshape(image, to) [mix] y = MatMul(q, w)",
        {"to": ints(-1, 3, 80), "w": (80, 80), "outputs": "float[A,B,C] y"},
    ),
    "bias_on_a_sum_over_positions": (
        RefusalCode.BAKED_EXTENT,
        "products",
        "v = Reshape(image, to) [products] p = Gemm<transB=1>(v, v, bias) y = Div(p, count)",
        {
            "inputs": "float[1,3,8,10] image",
            "to": ints(3, 80),
            "bias": (3, 3),
            "count": np.float32(80),
            "outputs": "float[3,3] y",
        },
    ),
    "sum_over_positions_as_a_bias": (
        RefusalCode.BAKED_EXTENT,
        "total",
        "v = Reshape(image, to) [total] t = ReduceSum(v, last) y = Gemm(w, w, t)",
        {
            "inputs": "float[1,3,8,10] image",
            "to": ints(3, 80),
            "last": ints(-1),
            "w": (3, 3),
            "outputs": "float[3,3] y",
        },
    ),
    "axes_that_do_not_line_up": (
        RefusalCode.BAKED_EXTENT,
        "view",
        "[view] y = Reshape(image, to)",
        {"to": ints(-1, 4, 6, 10), "inputs": "float[N,3,8,10] image"},
    ),
    "channels_mixed_with_rows": (
        RefusalCode.BAKED_EXTENT,
        "conv",
        "a = Reshape(image, to) [conv] y = Conv(a, k)",
        {"to": ints(-1, 12, 2, 10), "k": (2, 12, 1, 1)},
    ),
    "ratio_that_is_not_whole": (
        RefusalCode.BAKED_EXTENT,
        "resize",
        "[resize] y = Resize(image, , , sizes)",
        {"sizes": ints(2, 3, 12, 20), "inputs": "float[2,3,8,10] image"},
    ),
    "parts_of_an_axis_put_together_again": (
        RefusalCode.BAKED_EXTENT,
        "join",
        "a = Slice(image, zero, six, two) b = Slice(image, three, eight, two)"
        " [join] y = Concat<axis=2>(b, a)",
        {"zero": ints(0), "three": ints(3), "six": ints(6), "eight": ints(8), "two": ints(2)},
    ),
    "kernel_as_large_as_the_map_along_one_axis": (
        RefusalCode.BAKED_EXTENT,
        "pool",
        "m = Relu(image) [pool] p = MaxPool<kernel_shape=[4, 10], strides=[4, 10]>(m)"
        " s = Squeeze(p, last) u = Unsqueeze(s, last) r = Resize(u, , , sizes)"
        " y = Mul(m, r)",
        {
            "inputs": "float[1,3,8,10] image",
            "last": ints(3),
            "sizes": ints(1, 3, 8, 10),
        },
    ),
    "sum_over_positions": (
        RefusalCode.BAKED_EXTENT,
        "sum",
        "[sum] s = ReduceSum(image, spatial) g = Sigmoid(s) y = Mul(image, g)",
        {"spatial": ints(2, 3)},
    ),
    "sum_divided_by_another_number": (
        RefusalCode.BAKED_EXTENT,
        "sum",
        "[sum] s = ReduceSum(image, spatial) m = Div(s, many) g = Sigmoid(m) y = Mul(image, g)",
        {"spatial": ints(2, 3), "many": np.float32(70.0)},
    ),
    "repeated_rows": (
        RefusalCode.BAKED_EXTENT,
        "tile",
        "[tile] y = Tile(image, twice)",
        {"twice": ints(1, 1, 2, 1)},
    ),
    "blocks_or_added_axes": (
        RefusalCode.BAKED_EXTENT,
        "split",
        "[split] a = Reshape(image, blocks) b = ReduceMax<axes=[2, 4]>(a) c = Mul(a, b)"
        " y = Reshape(c, join)",
        {"blocks": ints(0, 3, 1, 8, 1, 10), "join": ints(0, 3, 8, 10)},
    ),
    "blocks_or_added_axes_channels_last": (
        RefusalCode.BAKED_EXTENT,
        "split",
        "t = Transpose<perm=[0, 2, 3, 1]>(image) [split] a = Reshape(t, blocks)"
        " b = Transpose<perm=[0, 1, 3, 2, 4, 5]>(a) y = Reshape(b, join)",
        {"blocks": ints(-1, 1, 8, 1, 10, 3), "join": ints(-1, 8, 10, 3)},
    ),
    "picked_rows": (
        RefusalCode.BAKED_EXTENT,
        "pick",
        "[pick] y = Gather<axis=2>(image, rows)",
        {"rows": ints(0, 3, 5)},
    ),
    "softmax_over_the_width": (
        RefusalCode.BAKED_EXTENT,
        "softmax",
        "[softmax] y = Softmax<axis=-1>(image)",
        {},
    ),
}


@pytest.mark.parametrize("case", TRUNKS)
def test_trunk_is_refused_whole(case: str) -> None:
    code, node, text, options = TRUNKS[case]
    options = {"inputs": "float[N,3,8,10] image", "outputs": "float[A,B,C,D] y"} | options
    model = build(text, **options)
    refusal = assert_refused(dynamic_spatial_axes, model, input_layout="nchw")
    assert (refusal.code, refusal.node) == (code, node)
    assert node in str(refusal)


@pytest.mark.parametrize("shape", [(6, 1), (6,), (6, 6), (1, 6, 1, 6)])
def test_constant_as_large_as_the_map_is_refused_where_channels_are_as_many(
    shape: tuple[int, ...],
) -> None:
    inputs, outputs = "float[1,6,6,6] image", "float[1,6,6,6] y"
    model = build("[add] y = Add(image, c)", inputs=inputs, outputs=outputs, c=shape)
    refusal = assert_refused(dynamic_spatial_axes, model, input_layout="nchw")
    assert (refusal.code, refusal.node) == (RefusalCode.MAP_SIZED_CONSTANT, "add")
