"""A statistic of the whole map that the head pools again is no gate: windowed, or refused."""

from typing import Any

import onnx_graphsurgeon as gs
import pytest

from passes import RefusalCode, dynamic_spatial_axes, flatten_gemm_to_conv
from tests.model_texts import ints
from tests.passes.judges import assert_cells_are_crops, assert_refused
from tests.passes.models import head_model

Case = tuple[RefusalCode, str, str]
"""Code, node and text."""


CONSTANTS: dict[str, Any] = {
    "merged": ints(0, 2, -1),
    "merged_score": ints(0, 1, -1),
    "fixed": ints(0, 2, 20),
    "apart": ints(0, 2, 4, 5),
    "map_again": ints(0, 1, 4, 5),
    "two": ints(2),
    "positions": ints(2, 3),
    "score": (1, 2, 1, 1),
    "w": (2, 3),
    "u": (4, 3),
    "gate": (2, 2),
    "all": (40, 3),
}
DENSE = "v = Flatten(p) y = Gemm(v, w)"

STATISTICS: dict[str, Case] = {
    "standard_deviation": (
        RefusalCode.GLOBAL_STATISTIC,
        "mean",
        "[mean] m = ReduceMean<axes=[2, 3]>(map) d = Sub(map, m) q = Mul(d, d)"
        f" s = ReduceMean<axes=[2, 3]>(q) p = Sqrt(s) {DENSE}",
    ),
    "standard_deviation_as_an_output": (
        RefusalCode.GLOBAL_STATISTIC,
        "mean",
        "[mean] m = GlobalAveragePool(map) d = Sub(map, m) q = Mul(d, d) y = GlobalAveragePool(q)",
    ),
    "distance_from_the_largest": (
        RefusalCode.GLOBAL_STATISTIC,
        "top",
        f"[top] m = GlobalMaxPool(map) d = Sub(map, m) e = Exp(d) p = GlobalAveragePool(e) {DENSE}",
    ),
    "softmax_by_hand": (
        RefusalCode.GLOBAL_STATISTIC,
        "total",
        "e = Exp(map) [total] t = ReduceSum(e, positions) a = Div(e, t) q = Mul(map, a)"
        f" p = ReduceSum(q, positions) {DENSE}",
    ),
    "attention_by_hand": (
        RefusalCode.GLOBAL_STATISTIC,
        "total",
        "c = Conv(map, score) e = Exp(c) [total] t = ReduceSum(e, positions) a = Div(e, t)"
        f" q = Mul(map, a) p = ReduceSum(q, positions) {DENSE}",
    ),
    "softmax_over_the_width": (
        RefusalCode.GLOBAL_STATISTIC,
        "soft",
        f"[soft] s = Softmax<axis=3>(map) q = Mul(map, s) p = GlobalAveragePool(q) {DENSE}",
    ),
    "softmax_on_a_map_again": (
        RefusalCode.GLOBAL_STATISTIC,
        "soft",
        "c = Conv(map, score) f = Reshape(c, merged_score) [soft] s = Softmax<axis=2>(f)"
        f" a = Reshape(s, map_again) q = Mul(map, a) p = ReduceSum(q, positions) {DENSE}",
    ),
    "softmax_pooling": (
        RefusalCode.GLOBAL_STATISTIC,
        "soft",
        "f = Reshape(map, fixed) [soft] s = Softmax<axis=2>(f) q = Mul(f, s)"
        f" p = ReduceSum<keepdims=0>(q, two) {DENSE}",
    ),
    "attention_pooling": (
        RefusalCode.GLOBAL_STATISTIC,
        "soft",
        "c = Conv(map, score) f = Reshape(c, merged_score) [soft] s = Softmax<axis=2>(f)"
        " g = Reshape(map, merged) q = Mul(g, s)"
        f" p = ReduceSum<keepdims=0>(q, two) {DENSE}",
    ),
    "deviation_of_a_view": (
        RefusalCode.GLOBAL_STATISTIC,
        "mean",
        "f = Reshape(map, merged) [mean] m = ReduceMean<axes=[2]>(f) d = Sub(f, m) q = Mul(d, d)"
        f" p = ReduceMean<axes=[2], keepdims=0>(q) {DENSE}",
    ),
    "deviation_channels_last": (
        RefusalCode.GLOBAL_STATISTIC,
        "mean",
        "t = Transpose<perm=[0, 2, 3, 1]>(map) [mean] m = ReduceMean<axes=[1, 2]>(t)"
        f" d = Sub(t, m) q = Abs(d) p = ReduceMean<axes=[1, 2], keepdims=0>(q) {DENSE}",
    ),
    "deviation_of_a_view_and_back": (
        RefusalCode.GLOBAL_STATISTIC,
        "mean",
        "f = Reshape(map, merged) [mean] m = ReduceMean<axes=[2]>(f) d = Sub(f, m) q = Abs(d)"
        f" r = Reshape(q, apart) p = GlobalAveragePool(r) {DENSE}",
    ),
    "tokens_gated_by_a_layer": (
        RefusalCode.GLOBAL_STATISTIC,
        "mean",
        "f = Reshape(map, merged) t = Transpose<perm=[0, 2, 1]>(f)"
        " [mean] m = ReduceMean<axes=[1]>(t) g = MatMul(m, gate) e = Sigmoid(g) q = Mul(t, e)"
        f" p = ReduceMean<axes=[1], keepdims=0>(q) {DENSE}",
    ),
    "centred_tokens_in_a_dense_layer": (
        RefusalCode.GLOBAL_STATISTIC,
        "mean",
        "f = Reshape(map, merged) [mean] m = ReduceMean<axes=[2]>(f) d = Sub(f, m)"
        " v = Flatten(d) y = Gemm(v, all)",
    ),
    "covariance": (
        RefusalCode.NO_RULE,
        "product",
        "f = Reshape(map, merged) t = Transpose<perm=[0, 2, 1]>(f) [product] c = MatMul(f, t)"
        " v = Flatten(c) y = Gemm(v, u)",
    ),
}

NOT_FREED: dict[str, Case] = {
    "softmax_over_the_width": (
        RefusalCode.BAKED_EXTENT,
        "soft",
        "[soft] s = Softmax<axis=3>(map) q = Mul(map, s) y = Relu(q)",
    ),
    "covariance": (
        RefusalCode.BAKED_EXTENT,
        "product",
        "f = Reshape(map, merged) t = Transpose<perm=[0, 2, 1]>(f) [product] c = MatMul(f, t)"
        " y = Flatten(c)",
    ),
}

WINDOWED: dict[str, str] = {
    "variance": (
        "q = Mul(map, map) s = GlobalAveragePool(q) m = GlobalAveragePool(map) o = Mul(m, m)"
        f" p = Sub(s, o) {DENSE}"
    ),
    "softmax_by_sums": (
        "e = Exp(map) q = Mul(map, e) a = ReduceSum(q, positions) t = ReduceSum(e, positions)"
        f" p = Div(a, t) {DENSE}"
    ),
    "attention_by_sums": (
        "c = Conv(map, score) e = Exp(c) q = Mul(map, e) a = ReduceSum(q, positions)"
        f" t = ReduceSum(e, positions) p = Div(a, t) {DENSE}"
    ),
    "mean_of_the_channels": (
        f"m = ReduceMean<axes=[1]>(map) d = Sub(map, m) r = Abs(d) p = GlobalAveragePool(r) {DENSE}"
    ),
    "range": (
        f"a = GlobalMaxPool(map) t = ReduceMin<axes=[2, 3]>(map) p = Sub(a, t) {DENSE}"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STATISTICS)
def test_statistic_is_refused_whole(case: str) -> None:
    code, node, text = STATISTICS[case]
    refusal = assert_refused(
        flatten_gemm_to_conv, head_model(text, outputs="float[] y", **CONSTANTS)
    )
    assert (refusal.code, refusal.node) == (code, node)


@pytest.mark.parametrize("case", NOT_FREED)
def test_statistic_without_a_dense_layer_is_not_freed(case: str) -> None:
    """Nothing is lifted where no dense layer and no pool of the map is found."""
    code, node, text = NOT_FREED[case]
    model = head_model(text, outputs="float[] y", **CONSTANTS)
    result = flatten_gemm_to_conv.apply(gs.import_onnx(model))
    assert (result.rewrites, result.refusals) == ((), ())
    refusal = assert_refused(dynamic_spatial_axes, model)
    assert (refusal.code, refusal.node) == (code, node)


@pytest.mark.parametrize("case", WINDOWED)
def test_statistic_of_pools_alone_is_that_of_the_window(case: str) -> None:
    text = WINDOWED[case]
    assert_cells_are_crops(head_model(text, outputs="float[] y", **CONSTANTS))


@pytest.mark.parametrize(
    "text",
    [
        "[mean] m = ReduceMax<axes=[1, 2, 3]>(map) d = Div(map, m)",
        "[mean] m = ReduceMean<axes=[1, 2, 3]>(map) s = Sub(map, m) d = Mul(s, s)",
        "[mean] m = ReduceMean<axes=[3]>(map) s = Sub(map, m) d = Mul(s, s)",
    ],
)
def test_statistic_of_other_axes_is_refused_whole(text: str) -> None:
    model = head_model(f"{text} p = GlobalAveragePool(d) {DENSE}", w=(2, 3))
    refusal = assert_refused(flatten_gemm_to_conv, model)
    assert (refusal.code, refusal.node) == (RefusalCode.GLOBAL_STATISTIC, "mean")
