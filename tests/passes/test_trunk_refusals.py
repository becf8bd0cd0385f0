"""Nodes of the trunk that cannot work at any size: near misses of freeing the axes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest

from passes import Refusal, RefusalCode, dynamic_spatial_axes

Build = Callable[..., onnx.ModelProto]
Refused = Callable[..., Refusal]
Case = tuple[RefusalCode, str, str, dict[str, Any]]
"""Code, node, text, and what the text needs."""


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


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
    "baked_reshape": (
        RefusalCode.BAKED_EXTENT,
        "shuffle",
        "[shuffle] s = Reshape(image, to) y = Relu(s)",
        {"to": ints(-1, 3, 80), "outputs": "float[A,B,C] y"},
    ),
    "baked_slice_end": (
        RefusalCode.BAKED_EXTENT,
        "cut",
        "[cut] y = Slice(image, start, end, axes)",
        {"start": ints(0), "end": ints(7), "axes": ints(2)},
    ),
    "baked_slice_start": (
        RefusalCode.BAKED_EXTENT,
        "cut",
        "[cut] y = Slice(image, start, end, axes)",
        {"start": ints(-4), "end": ints(2**63 - 1), "axes": ints(-1)},
    ),
    "baked_slice_attributes": (
        RefusalCode.BAKED_EXTENT,
        "cut",
        "[cut] y = Slice<starts=[1], ends=[7], axes=[3]>(image)",
        {"opset": 9},
    ),
    "baked_resize": (
        RefusalCode.BAKED_EXTENT,
        "resize",
        "[resize] y = Resize(image, , , sizes)",
        {"sizes": ints(2, 3, 16, 20), "inputs": "float[2,3,8,10] image"},
    ),
    "baked_expand": (
        RefusalCode.BAKED_EXTENT,
        "meet",
        "pooled = GlobalMaxPool(image) e = Expand(pooled, to) [meet] y = Mul(image, e)",
        {"to": ints(1, 3, 8, 10)},
    ),
    "flatten": (
        RefusalCode.BAKED_EXTENT,
        "flatten",
        "[flatten] v = Flatten(image) y = Gemm(v, w)",
        {"w": (240, 3), "outputs": "float[A,B] y"},
    ),
    "softmax_over_the_width": (
        RefusalCode.BAKED_EXTENT,
        "softmax",
        "[softmax] y = Softmax<axis=-1>(image)",
        {},
    ),
    "gate_of_a_pool_as_large_as_the_map": (
        RefusalCode.BAKED_EXTENT,
        "meet",
        """
        pooled = AveragePool<kernel_shape=[7, 7]>(image)
        gate = Sigmoid(pooled)
        [meet] y = Mul(image, gate)
        """,
        {"inputs": "float[N,3,7,7] image"},
    ),
    "channel_shuffle": (
        RefusalCode.BAKED_EXTENT,
        "split",
        (
            "[split] a = Reshape(image, groups) b = Transpose<perm=[0, 2, 1, 3, 4]>(a)"
            " y = Reshape(b, back)"
        ),
        {
            "inputs": "float[1,4,6,6] image",
            "groups": ints(1, 2, 2, 6, 6),
            "back": ints(1, 4, 6, 6),
        },
    ),
}


@pytest.mark.parametrize("case", TRUNKS)
def test_trunk_is_refused_whole(case: str, build: Build, assert_refused: Refused) -> None:
    code, node, text, options = TRUNKS[case]
    options = {"inputs": "float[N,3,8,10] image", "outputs": "float[A,B,C,D] y"} | options
    model = build(text, **options)
    refusal = assert_refused(dynamic_spatial_axes, model, input_layout="nchw")
    assert (refusal.code, refusal.node) == (code, node)
    assert node in str(refusal)


@pytest.mark.parametrize("shape", [(6, 1), (6,), (6, 6), (1, 6, 1, 6)])
def test_constant_as_large_as_the_map_is_refused_where_channels_are_as_many(
    shape: tuple[int, ...], build: Build, assert_refused: Refused
) -> None:
    inputs, outputs = "float[1,6,6,6] image", "float[1,6,6,6] y"
    model = build("[add] y = Add(image, c)", inputs=inputs, outputs=outputs, c=shape)
    refusal = assert_refused(dynamic_spatial_axes, model, input_layout="nchw")
    assert (refusal.code, refusal.node) == (RefusalCode.MAP_SIZED_CONSTANT, "add")
