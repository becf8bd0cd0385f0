"""The dense layer itself, and heads whose vectors do not fit together: near misses of the lift."""

from typing import Any

import numpy as np
import pytest

from passes import RefusalCode, flatten_gemm_to_conv
from tests.passes.judges import assert_refused
from tests.passes.models import head_model

Case = tuple[RefusalCode, str, str, dict[str, Any]]
"""Code, node, text, and what the text needs."""


GEMM = "v = Flatten(map) h = Gemm(v, w, b)"
HEAD_WEIGHTS: dict[str, Any] = {"w": (40, 3), "b": (3,)}
TWO_STRIDES = (
    "v = Flatten(map) h = Gemm(v, w) m = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(map)"
    " q = Flatten(m) k = Gemm(q, u)"
)
TWO_HEADS: dict[str, Any] = {"w": (40, 3), "u": (8, 3)}

LAYERS: dict[str, Case] = {
    "transposed_data": (
        RefusalCode.TRANSPOSED_DATA,
        "fc",
        "v = Flatten(map) [fc] y = Gemm<transA=1>(v, w)",
        {"batch": 40, "w": (40, 3)},
    ),
    "weight_is_an_input": (
        RefusalCode.COMPUTED_WEIGHT,
        "fc",
        "v = Flatten(map) [fc] y = Gemm(v, w)",
        {"inputs": "float[N,3,9,11] image, float[40,3] w"},
    ),
    "weight_is_computed": (
        RefusalCode.COMPUTED_WEIGHT,
        "fc",
        "v = Flatten(map) [fc] y = MatMul(v, w) w2 = Relu(w)",
        {"inputs": "float[N,3,9,11] image, float[40,3] w"},
    ),
    "bias_a_sample": (
        RefusalCode.BIAS_SHAPE,
        "fc",
        "v = Flatten(map) [fc] y = Gemm(v, w, b)",
        {"batch": 2, "w": (40, 3), "b": (2, 3)},
    ),
    "added_bias_a_sample": (
        RefusalCode.BIAS_SHAPE,
        "add",
        "v = Flatten(map) p = MatMul(v, w) [add] y = Add(p, b)",
        {"batch": 2, "w": (40, 3), "b": (2, 1)},
    ),
    "weight_of_unknown_shape": (
        RefusalCode.SHAPE_UNKNOWN,
        "fc",
        "v = Flatten(map) w = Compress<axis=1>(w0, some) [fc] y = Gemm(v, w)",
        {"w0": (40, 60), "some": np.arange(60) % 2 == 0},
    ),
    "bias_is_an_input": (
        RefusalCode.SECOND_INPUT,
        "fc",
        "v = Flatten(map) [fc] y = Gemm(v, w, b)",
        {"inputs": "float[N,3,9,11] image, float[3] b", "w": (40, 3)},
    ),
    "computed_bias_scaled": (
        RefusalCode.BIAS_SHAPE,
        "fc",
        f"{GEMM} [fc] y = Gemm<beta=2.0>(h, u, h)",
        HEAD_WEIGHTS | {"u": (3, 3)},
    ),
    "weight_of_integers": (
        RefusalCode.TYPE_UNSUPPORTED,
        "fc",
        "i = Cast<to=6>(map) v = Flatten(i) [fc] y = Gemm(v, w)",
        {"outputs": "int32[] y", "w": np.ones((40, 3), np.int32)},
    ),
    "product_of_long_integers": (
        RefusalCode.TYPE_UNSUPPORTED,
        "fc",
        "i = Cast<to=7>(map) v = Flatten(i) [fc] y = MatMul(v, w)",
        {"outputs": "int64[] y", "w": np.ones((40, 3), np.int64)},
    ),
    "heads_of_maps_with_other_strides_joined": (
        RefusalCode.WINDOWS_DIFFER,
        "join",
        f"{TWO_STRIDES} [join] y = Concat<axis=1>(h, k)",
        TWO_HEADS,
    ),
    "heads_of_maps_with_other_strides_added": (
        RefusalCode.WINDOWS_DIFFER,
        "join",
        f"{TWO_STRIDES} [join] y = Add(h, k)",
        TWO_HEADS,
    ),
    "bias_from_a_map_with_another_stride": (
        RefusalCode.WINDOWS_DIFFER,
        "join",
        f"{TWO_STRIDES} [join] y = Gemm(h, s, k)",
        TWO_HEADS | {"s": (3, 3)},
    ),
}


@pytest.mark.parametrize("case", LAYERS)
def test_dense_layer_is_refused_whole(case: str) -> None:
    code, node, text, options = LAYERS[case]
    options = {"outputs": "float[] y"} | options
    refusal = assert_refused(flatten_gemm_to_conv, head_model(text, **options))
    assert (refusal.code, refusal.node) == (code, node)
    assert node in str(refusal)
