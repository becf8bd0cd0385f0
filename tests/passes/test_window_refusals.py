"""What stands between the feature map and the first dense layer: near misses of the lift."""

from typing import Any

import numpy as np
import pytest

from passes import RefusalCode, flatten_gemm_to_conv
from tests.model_texts import ints
from tests.passes.judges import assert_refused
from tests.passes.models import head_model

Case = tuple[RefusalCode, str, str, dict[str, Any]]
"""Code, node, text, and what the text needs."""


WINDOWS: dict[str, Case] = {
    "batch_flattened_too": (
        RefusalCode.BATCH_MIXED,
        "v",
        "[v] v = Flatten<axis=0>(map) [fc] y = Gemm(v, w)",
        {"batch": 2, "w": (80, 3)},
    ),
    "symbolic_batch_flattened_too": (
        RefusalCode.BATCH_MIXED,
        "v",
        "[v] v = Flatten<axis=0>(map) [fc] y = Gemm(v, w)",
        {"w": (40, 3)},
    ),
    "no_channels": (
        RefusalCode.MAP_SIZE,
        "map",
        "v = Flatten(map) [fc] y = Gemm(v, w)",
        {"kernel": (0, 3, 3, 3), "w": (0, 3)},
    ),
    "very_many_samples": (
        RefusalCode.MAP_SIZE,
        "map",
        "v = Flatten(map) [fc] y = Gemm(v, w)",
        {"batch": 2**20, "w": (40, 3)},
    ),
    "two_rows_a_sample": (
        RefusalCode.BATCH_MIXED,
        "v",
        "[v] v = Reshape(map, to) [fc] y = Gemm(v, w)",
        {"to": ints(-1, 20), "w": (20, 3)},
    ),
    "two_samples_a_row": (
        RefusalCode.BATCH_MIXED,
        "v",
        "[v] v = Reshape(map, to) [fc] y = Gemm(v, w)",
        {"batch": 4, "to": ints(2, 80), "w": (80, 3)},
    ),
    "batch_and_channels_exchanged": (
        RefusalCode.BATCH_MIXED,
        "v",
        "m = Reshape(map, to) [t] t = Transpose<perm=[1, 0, 2]>(m) v = Flatten(t) y = Gemm(v, w)",
        {"batch": 2, "to": ints(0, 2, 20), "w": (40, 3)},
    ),
    "samples_reversed": (
        RefusalCode.BATCH_MIXED,
        "v",
        "f = Flatten(map) [v] v = Gather<axis=0>(f, order) [fc] y = Gemm(v, w)",
        {"batch": 2, "order": ints(1, 0), "w": (40, 3)},
    ),
    "computed_gather": (
        RefusalCode.COMPUTED_WEIGHT,
        "v",
        "f = Flatten(map) [v] v = Gather<axis=1>(f, order) [fc] y = Gemm(v, w)",
        {"inputs": "float[N,3,9,11] image, int64[40] order", "w": (40, 3)},
    ),
    "flattened_window_is_an_output": (
        RefusalCode.INTERNAL_OUTPUT,
        "flatten",
        "[flatten] v = Flatten(map) y = Gemm(v, w)",
        {"outputs": "float[N,K] y, float[N,L] v", "w": (40, 3)},
    ),
    "flattened_window_read_by_another_node": (
        RefusalCode.INTERNAL_OUTPUT,
        "other",
        "v = Flatten(map) y = Gemm(v, w) [other] z = Relu(v)",
        {"outputs": "float[N,K] y, float[N,L] z", "w": (40, 3)},
    ),
    "two_images": (
        RefusalCode.SECOND_IMAGE,
        "fc",
        "both = Add(map, second) v = Flatten(both) [fc] y = Gemm(v, w)",
        {"inputs": "float[N,3,9,11] image, float[N,2,4,5] second", "w": (40, 3)},
    ),
    "map_of_one_size_beside_a_pool": (
        RefusalCode.BAKED_EXTENT,
        "cut",
        "a = GlobalAveragePool(map) s = Shape(map) r = Reshape(map, s)"
        " [cut] c = Slice(r, zeros, twos, spatial) d = Relu(c) p = GlobalAveragePool(d)"
        " v = Flatten(p) y = Gemm(v, w)",
        {
            "outputs": "float[] y, float[] a",
            "zeros": ints(0, 0),
            "twos": ints(2, 2),
            "spatial": ints(2, 3),
            "w": (2, 3),
        },
    ),
    "samples_in_orders_of_their_own": (
        RefusalCode.BATCH_MIXED,
        "v",
        "f = Reshape(map, flat) g = Gather<axis=0>(f, order) [v] v = Reshape(g, to) y = Gemm(v, w)",
        {
            "batch": 2,
            "flat": ints(-1),
            "order": np.append(np.arange(40), np.arange(79, 39, -1)),
            "to": ints(2, 40),
            "w": (40, 3),
        },
    ),
    "symbolic_image": (
        RefusalCode.INPUT_SIZE_NEEDED,
        "fc",
        "v = Flatten(map) [fc] y = Gemm(v, w)",
        {"inputs": "float[N,3,H,W] image", "w": (40, 3)},
    ),
    "batch_of_one_in_the_target": (
        RefusalCode.BATCH_MIXED,
        "v",
        "[v] v = Reshape(map, to) y = Gemm(v, w)",
        {"to": ints(1, 40), "w": (40, 3)},
    ),
    "window_as_columns": (
        RefusalCode.BATCH_MIXED,
        "t",
        "v = Flatten(map) [t] t = Transpose(v) p = MatMul(u, t) y = Transpose(p)",
        {"u": (3, 40)},
    ),
    "softmax_of_the_window": (
        RefusalCode.LAYOUT_UNKNOWN,
        "other",
        "v = Flatten(map) [other] z = Softmax<axis=1>(v) y = Gemm(z, w)",
        {"w": (40, 3)},
    ),
    "window_times_itself": (
        RefusalCode.LAYOUT_UNKNOWN,
        "other",
        "v = Flatten(map) [other] z = Mul(v, v) y = Gemm(z, w)",
        {"w": (40, 3)},
    ),
    "window_to_a_power": (
        RefusalCode.INTERNAL_OUTPUT,
        "other",
        "v = Flatten(map) [other] z = Pow(v, e) y = Gemm(z, w)",
        {"w": (40, 3), "e": np.array(2, np.float32)},
    ),
    "largest_of_window_and_constant": (
        RefusalCode.INTERNAL_OUTPUT,
        "other",
        "v = Flatten(map) [other] z = Max(v, e) y = Gemm(z, w)",
        {"w": (40, 3), "e": (40,)},
    ),
    "activation_of_a_scaled_window": (
        RefusalCode.NO_RULE,
        "other",
        "v = Flatten(map) s = Mul(v, e) [other] z = Relu(s) y = Gemm(z, w)",
        {"w": (40, 3), "e": (40,)},
    ),
    "constant_a_sample": (
        RefusalCode.BIAS_SHAPE,
        "other",
        "v = Flatten(map) [other] z = Mul(v, e) y = Gemm(z, w)",
        {"batch": 2, "w": (40, 3), "e": (2, 1)},
    ),
    "window_beside_its_head": (
        RefusalCode.INTERNAL_OUTPUT,
        "soft",
        "v = Flatten(map) y = Gemm(v, w) [soft] z = Softmax<axis=1>(v)",
        {"outputs": "float[] y, float[] z", "w": (40, 3)},
    ),
    "one_axis_multiplied": (
        RefusalCode.NO_RULE,
        "rows",
        "[rows] r = ReduceProd<axes=[3]>(map) v = Flatten(r) y = Gemm(v, w)",
        {"w": (8, 3)},
    ),
    "channels_pooled_too": (
        RefusalCode.BAKED_EXTENT,
        "mean",
        "[mean] p = ReduceMean<axes=[1, 2, 3]>(map) v = Flatten(p) y = Gemm(v, w)",
        {"w": (1, 3)},
    ),
    **{
        f"{name}_over_the_map": (
            RefusalCode.NO_RULE,
            "all",
            f"[all] p = {name}<axes=[2, 3]>(map) v = Flatten(p) y = Gemm(v, w)",
            {"w": (2, 3)},
        )
        for name in ("ReduceLogSum", "ReduceLogSumExp", "ReduceProd")
    },
    **{
        f"{name}_over_the_map_as_an_output": (
            RefusalCode.NO_RULE,
            "all",
            f"[all] y = {name}<axes=[2, 3], keepdims=0>(map)",
            {},
        )
        for name in ("ReduceLogSum", "ReduceLogSumExp", "ReduceProd")
    },
    "own_pool_of_the_map": (
        RefusalCode.CUSTOM_OPERATOR,
        "ours",
        "[ours] p = acme.Pool(map) y = Gemm(p, w)",
        {"outputs": "float[N,3] y", "w": (2, 3)},
    ),
    "places_of_the_largest": (
        RefusalCode.NO_RULE,
        "pool",
        "[pool] p, q = MaxPool<kernel_shape=[4, 5]>(map) y = Flatten(p) z = Flatten(q)",
        {"outputs": "float[] y, int64[] z"},
    ),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_window_is_refused_whole(case: str) -> None:
    code, node, text, options = WINDOWS[case]
    options = {"outputs": "float[] y"} | options
    refusal = assert_refused(flatten_gemm_to_conv, head_model(text, **options))
    assert (refusal.code, refusal.node) == (code, node)
    assert node in str(refusal)
