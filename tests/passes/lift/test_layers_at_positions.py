"""Layers that mix the channels of every position, before the positions are pooled or weighed."""

from typing import Any

import numpy as np
import pytest

from passes import RefusalCode, flatten_gemm_to_conv
from tests.model_texts import ints
from tests.passes.judges import assert_cells_are_crops, assert_nodes, assert_refused
from tests.passes.models import head_model, rewrite

TOKENS = "f = Reshape(map, merged) t = Transpose<perm=[0, 2, 1]>(f)"
CHANNELS_LAST = "t = Transpose<perm=[0, 2, 3, 1]>(map)"
CONSTANTS: dict[str, Any] = {
    "merged": ints(0, 2, -1),
    "w": (2, 6),
    "b": (6,),
    "u": (6, 3),
    "c": (3,),
    "two": np.array(2, np.float32),
    "slopes": (2,),
    "places": (20, 1),
    "every": (120, 3),
    "positions": ints(1, 2),
    "rows": ints(0, 4, 10),
    "three": np.array(3, np.int8),
}

# From map [N, 2, 4, 5] to y [N, 3] or [N, 6].
HEADS: dict[str, str] = {
    "tokens": f"{TOKENS} m = MatMul(t, w) y = ReduceMean<axes=[1], keepdims=0>(m)",
    "tokens_with_bias": (
        f"{TOKENS} m = MatMul(t, w) h = Add(b, m) y = ReduceMax<axes=[1], keepdims=0>(h)"
    ),
    "two_layers": (
        f"{TOKENS} m = MatMul(t, w) h = Add(m, b) r = Relu(h) n = MatMul(r, u)"
        " o = Add(n, c) s = Sigmoid(o) y = ReduceMean<axes=[1], keepdims=0>(s)"
    ),
    "channels_last": (
        f"{CHANNELS_LAST} m = MatMul(t, w) h = Add(m, b) y = ReduceMean<axes=[1, 2], keepdims=0>(h)"
    ),
    "channels_last_one_axis_after_the_other": (
        f"{CHANNELS_LAST} m = MatMul(t, w) h = Add(m, b) p = ReduceMax<axes=[2], keepdims=0>(h)"
        " y = ReduceMean<axes=[1], keepdims=0>(p)"
    ),
    "activation_with_channels_last": (
        f"{CHANNELS_LAST} r = Sigmoid(t) y = ReduceSum<keepdims=0>(r, positions)"
    ),
    "scaled_before": (
        f"{TOKENS} s = Mul(t, slopes) d = Sub(two, s) a = Abs(d) m = MatMul(a, w)"
        " y = ReduceL2<axes=[1], keepdims=0>(m)"
    ),
    "scaled_and_shifted_on_the_way_in": (
        f"{TOKENS} s = Div(t, slopes) d = Add(s, slopes) m = MatMul(d, w)"
        " y = ReduceMin<axes=[1], keepdims=0>(m)"
    ),
    "weighed_behind": f"{TOKENS} m = MatMul(t, w) r = Tanh(m) v = Flatten(r) y = Gemm(v, every, c)",
    "between_the_pools": (
        f"{CHANNELS_LAST} p = ReduceMean<axes=[1], keepdims=0>(t) m = MatMul(p, w)"
        " h = Add(m, b) y = ReduceMax<axes=[1], keepdims=0>(h)"
    ),
}


@pytest.mark.parametrize("case", HEADS)
@pytest.mark.parametrize("step", [(1, 1), (2, 1)])
def test_layer_of_every_position(case: str, step: tuple[int, int]) -> None:
    model = head_model(HEADS[case], outputs="float[] y", **CONSTANTS)
    assert_cells_are_crops(model, step=step, larger=(17, 15))


def test_layer_becomes_a_convolution_of_the_map() -> None:
    model = head_model(
        f"{TOKENS} [layer] m = MatMul(t, w) h = Add(m, b)"
        " [pool] y = ReduceMean<axes=[1], keepdims=0>(h)",
        **CONSTANTS,
    )
    assert_nodes(
        rewrite(model),
        """
        map = Conv<strides=[2, 2]>(image, kernel)
        [layer] m = Conv<kernel_shape=[1, 1]>(map, w)
        [pool_add] m_add = Add(m, m_add_by)
        [pool] y = AveragePool<kernel_shape=[4, 5], strides=[1, 1]>(m_add)
        """,
    )


NEAR_MISSES: dict[str, tuple[RefusalCode, str, str]] = {
    "constant_a_position": (
        RefusalCode.NO_RULE,
        "pool",
        f"{TOKENS} s = Mul(t, places) [pool] y = ReduceMean<axes=[1], keepdims=0>(s)",
    ),
    "constant_a_position_before_the_layer": (
        RefusalCode.NO_RULE,
        "layer",
        f"{TOKENS} s = Add(t, places) [layer] m = MatMul(s, w)"
        " y = ReduceMean<axes=[1], keepdims=0>(m)",
    ),
    "positions_mixed": (
        RefusalCode.MAP_SIZED_CONSTANT,
        "mixer",
        "f = Reshape(map, merged) [mixer] m = MatMul(f, mixing)"
        " y = ReduceMean<axes=[2], keepdims=0>(m)",
    ),
    "channels_and_rows_mixed": (
        RefusalCode.MAP_SIZED_CONSTANT,
        "mixer",
        "f = Reshape(map, rows) [mixer] m = MatMul(f, mixing) y = ReduceMean<axes=[1]>(m)",
    ),
    "tokens_weighed_by_a_softmax": (
        RefusalCode.GLOBAL_STATISTIC,
        "s",
        f"{TOKENS} s = Softmax<axis=1>(t) [pool] y = ReduceMean<axes=[1], keepdims=0>(s)",
    ),
    "product_of_positions": (
        RefusalCode.NO_RULE,
        "pool",
        f"{TOKENS} s = Sigmoid(t) [pool] y = ReduceProd<axes=[1], keepdims=0>(s)",
    ),
    "pool_of_scaled_integers": (
        RefusalCode.NO_RULE,
        "pool",
        "i = Cast<to=3>(map) f = Reshape(i, merged) s = Mul(f, three)"
        " [pool] p = ReduceMax<axes=[2], keepdims=0>(s) y = Cast<to=1>(p)",
    ),
}


@pytest.mark.parametrize("case", NEAR_MISSES)
def test_what_is_no_layer_of_single_positions_is_refused(case: str) -> None:
    code, node, text = NEAR_MISSES[case]
    mixing = (20, 4) if case == "positions_mixed" else (10, 4)
    model = head_model(text, outputs="float[] y", mixing=mixing, **CONSTANTS)
    refusal = assert_refused(flatten_gemm_to_conv, model)
    assert (refusal.code, refusal.node) == (code, node)
