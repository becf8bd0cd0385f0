"""Heads that read tokens ``[N, H*W, C]``: a map whose positions are one axis."""

from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import pytest

from passes import RefusalCode, flatten_gemm_to_conv
from tests.model_texts import build, ints
from tests.passes.judges import assert_cells_are_crops, assert_nodes, assert_refused
from tests.passes.models import head_model

MERGED = "f = Reshape(map, flat) q = Transpose<perm=[0, 2, 1]>(f)"
NORM = f"{MERGED} n = LayerNormalization<axis=-1>(q, gain)"

HEADS: dict[str, str] = {
    "mean": f"{NORM} v = ReduceMean<axes=[1], keepdims=0>(n) y = Gemm(v, few)",
    "mean_and_largest": (
        f"{NORM} p = ReduceMean<axes=[1], keepdims=0>(n) o = ReduceMax<axes=[1], keepdims=0>(n)"
        " v = Concat<axis=1>(p, o) y = Gemm(v, twice)"
    ),
    "mean_beside_that_of_the_map": (
        f"{NORM} p = ReduceMean<axes=[1], keepdims=0>(n)"
        " o = ReduceMean<axes=[2, 3], keepdims=0>(map) v = Add(p, o) y = Gemm(v, few)"
    ),
    "global_pool_of_channels_first": (
        f"{NORM} t = Transpose<perm=[0, 2, 1]>(n) p = GlobalAveragePool(t) v = Flatten(p)"
        " y = Gemm(v, few)"
    ),
    "flattened": f"{NORM} v = Flatten(n) y = Gemm(v, all)",
    "column_by_column": (
        "t = Transpose<perm=[0, 1, 3, 2]>(map) f = Reshape(t, flat) q = Relu(f) s = Mul(q, q)"
        " v = ReduceMean<axes=[2], keepdims=0>(s) y = Gemm(v, few)"
    ),
    "flattened_channels_first": (
        f"{NORM} t = Transpose<perm=[0, 2, 1]>(n) v = Flatten(t) y = Gemm(v, all)"
    ),
    "flattened_behind_an_activation": f"{NORM} r = Relu(n) v = Flatten(r) y = Gemm(v, all)",
    "logits_of_every_token": (
        f"{MERGED} l = MatMul(q, few) y = ReduceMean<axes=[1], keepdims=0>(l)"
    ),
    "residual_branch": (
        f"{NORM} l = MatMul(n, mix) g = Tanh(l) s = Add(q, g)"
        " v = ReduceMax<axes=[1], keepdims=0>(s) y = Gemm(v, few)"
    ),
    "positions_of_other_channels": (
        "a = Reshape(map, split) b = Transpose<perm=[0, 2, 1, 3, 4]>(a) f = Reshape(b, flat)"
        " v = ReduceMean<axes=[2], keepdims=0>(f) y = Gemm(v, few)"
    ),
    "first_token": f"{NORM} v = Gather<axis=1>(n, zero) y = Gemm(v, few)",
}

CONSTANTS: dict[str, Any] = {
    "kernel": (4, 3, 3, 3),
    "flat": ints(0, 4, 20),
    "split": ints(0, 2, 2, 4, 5),
    "zero": np.array(0),
    "positions": (20, 20),
    "half": ints(10),
    "start": ints(0),
    "one": ints(1),
    "gain": (4,),
    "mix": (4, 4),
    "few": (4, 3),
    "twice": (8, 3),
    "all": (80, 3),
    "half_of_all": (40, 3),
    "single": (1, 3),
}


@pytest.mark.parametrize("batch", [1, "N"])
@pytest.mark.parametrize("head", HEADS)
def test_every_cell_is_the_crop(head: str, batch: int | str) -> None:
    text = HEADS[head]
    model = head_model(text, batch=batch, outputs="float[] y", **CONSTANTS)
    assert_cells_are_crops(model)


def test_tokens_of_a_volume() -> None:
    model = build(
        "map = Conv<strides=[2, 2, 2]>(image, kernel) f = Reshape(map, flat)"
        " q = Transpose<perm=[0, 2, 1]>(f) n = LayerNormalization<axis=-1>(q, gain)"
        " v = Flatten(n) y = Gemm(v, w)",
        inputs="float[N,1,5,7,9] image",
        kernel=(3, 1, 3, 3, 3),
        flat=ints(0, 3, 24),
        gain=(3,),
        w=(72, 2),
    )
    assert_cells_are_crops(model, larger=(7, 9, 13), stride=(2, 2, 2), step=(1, 1, 1))


def test_a_view_takes_the_positions_apart() -> None:
    graph = gs.import_onnx(head_model(HEADS["mean"], **CONSTANTS))
    result = flatten_gemm_to_conv.apply(graph)
    assert result.rewrites[0].feature_map == "n"
    assert result.rewrites[0].window == (4, 5)
    model = gs.export_onnx(graph)
    assert_nodes(
        model,
        """
        map = Conv<strides=[2, 2]>(image, kernel)
        f = Reshape(map, flat)
        q = Transpose<perm=[0, 2, 1]>(f)
        n = LayerNormalization<axis=-1>(q, gain)
        [v_reshape] n_map = Reshape(n, n_shape)
        [v_transpose] n_map_transposed = Transpose<perm=[0, 3, 1, 2]>(n_map)
        v = AveragePool<kernel_shape=[4, 5], strides=[1, 1]>(n_map_transposed)
        y = Conv<kernel_shape=[1, 1]>(v, few)
        """,
    )
    (shape,) = (t for t in model.graph.initializer if t.name == "n_shape")
    assert onnx.numpy_helper.to_array(shape).tolist() == [0, 4, 5, 4]


def test_gate_of_tokens_stays_in_the_trunk() -> None:
    text = (
        f"{NORM} p = ReduceMean<axes=[1]>(n) e = Sigmoid(p) x = Mul(n, e) l = MatMul(x, mix)"
        " v = ReduceMean<axes=[1], keepdims=0>(l) y = Gemm(v, few)"
    )
    result = flatten_gemm_to_conv.apply(gs.import_onnx(head_model(text, **CONSTANTS)))
    assert result.refusals == ()
    assert [change.node for change in result.rewrites] == ["l", "v", "y", "y"]


NEAR_MISSES: dict[str, tuple[RefusalCode, str, str]] = {
    "half_of_the_tokens": (
        RefusalCode.LAYOUT_UNKNOWN,
        "squares",
        f"{NORM} s = Slice(n, start, half, one) [squares] q2 = Mul(s, s) v = Flatten(q2)"
        " y = Gemm(v, half_of_all)",
    ),
    "attention_before_a_sum": (
        RefusalCode.POSITIONS_MIXED,
        "attention",
        f"{NORM} k = Transpose<perm=[0, 2, 1]>(n) [attention] a = MatMul(n, k)"
        " w = Softmax<axis=-1>(a) z = MatMul(w, n) s = Add(q, z)"
        " v = ReduceMean<axes=[1], keepdims=0>(s) y = Gemm(v, few)",
    ),
    "weighed_one_by_one_before_a_sum": (
        RefusalCode.MAP_SIZED_CONSTANT,
        "mixer",
        f"{NORM} k = Transpose<perm=[0, 2, 1]>(n) [mixer] a = MatMul(k, positions)"
        " z = Transpose<perm=[0, 2, 1]>(a) s = Add(q, z)"
        " v = ReduceMean<axes=[1], keepdims=0>(s) y = Gemm(v, few)",
    ),
    "mean_of_all_features": (
        RefusalCode.NO_RULE,
        "mean",
        f"{NORM} [mean] v = ReduceMean<axes=[1, 2]>(n) v2 = Flatten(v) y = MatMul(v2, single)",
    ),
    "weighed_by_a_softmax": (
        RefusalCode.GLOBAL_STATISTIC,
        "soft",
        f"{NORM} [soft] s = Softmax<axis=1>(n) x = Mul(n, s)"
        " v = ReduceMean<axes=[1], keepdims=0>(x) y = Gemm(v, few)",
    ),
    "attention_beside_what_it_attends_to": (
        RefusalCode.POSITIONS_MIXED,
        "scores",
        f"{MERGED} k = Transpose<perm=[0, 2, 1]>(q) [scores] s = MatMul(q, k)"
        " w = Softmax<axis=-1>(s) a = MatMul(w, q) l = MatMul(a, mix) r = Add(q, l)"
        " v = ReduceMean<axes=[1], keepdims=0>(r) y = Gemm(v, few)",
    ),
    "first_token_of_attention": (
        RefusalCode.POSITIONS_MIXED,
        "scores",
        f"{MERGED} k = Transpose<perm=[0, 2, 1]>(q) [scores] s = MatMul(q, k)"
        " w = Softmax<axis=-1>(s) a = MatMul(w, q) l = MatMul(a, few) y = Gather<axis=1>(l, zero)",
    ),
    "first_token_of_what_the_layer_says": (
        RefusalCode.BAKED_EXTENT,
        "pick",
        f"{NORM} l = MatMul(n, few) [pick] y = Gather<axis=1>(l, zero)",
    ),
    "gate_without_a_layer_behind_it": (
        RefusalCode.GLOBAL_STATISTIC,
        "gate",
        f"{NORM} [gate] p = ReduceMean<axes=[1]>(n) x = Mul(n, p)"
        " v = ReduceMean<axes=[1], keepdims=0>(x) y = Gemm(v, few)",
    ),
}


@pytest.mark.parametrize("case", NEAR_MISSES)
def test_near_miss_is_refused_whole(case: str) -> None:
    code, node, text = NEAR_MISSES[case]
    refusal = assert_refused(
        flatten_gemm_to_conv, head_model(text, outputs="float[] y", **CONSTANTS)
    )
    assert (refusal.code, refusal.node) == (code, node)
