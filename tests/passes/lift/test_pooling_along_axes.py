"""Pools along one axis after the other slide one after the other, each along its own."""

from collections.abc import Sequence

import onnx_graphsurgeon as gs
import pytest

from passes import RefusalCode, flatten_gemm_to_conv
from tests.model_texts import build, ints, random_array
from tests.passes.judges import assert_cells_are_crops, assert_nodes, assert_refused, run
from tests.passes.models import head_model, rewrite

# From map [N, 2, 4, 5] to p [N, 2], perhaps with 1-sized axes behind.
POOLED: dict[str, tuple[int, str]] = {
    "columns_then_rows": (
        13,
        "m = ReduceMean<axes=[3], keepdims=0>(map) p = ReduceMean<axes=[2], keepdims=0>(m)",
    ),
    "rows_then_columns": (
        17,
        "m = ReduceMean<axes=[2], keepdims=0>(map) p = ReduceMean<axes=[2], keepdims=0>(m)",
    ),
    "axes_kept": (17, "m = ReduceMean<axes=[3]>(map) p = ReduceMean<axes=[2]>(m)"),
    "axes_kept_once": (
        17,
        "m = ReduceMean<axes=[-1]>(map) p = ReduceMean<axes=[2, 3], keepdims=0>(m)",
    ),
    "axes_as_input": (
        18,
        "m = ReduceMean<keepdims=0>(map, behind) p = ReduceMean<keepdims=0>(m, behind)",
    ),
    "largest_of_largest": (13, "m = ReduceMax<axes=[2]>(map) p = ReduceMax<axes=[3]>(m)"),
    "smallest_of_means": (
        17,
        "m = ReduceMean<axes=[3], keepdims=0>(map) p = ReduceMin<axes=[-1], keepdims=0>(m)",
    ),
    "norm_of_sums": (
        17,
        "m = ReduceSum<keepdims=0>(map, behind) p = ReduceL2<axes=[2], keepdims=0>(m)",
    ),
    "squares_of_absolutes": (
        17,
        "m = ReduceL1<axes=[3]>(map) p = ReduceSumSquare<axes=[2]>(m)",
    ),
    "activated_between": (
        17,
        "m = ReduceMean<axes=[3], keepdims=0>(map) r = Tanh(m) p = ReduceMax<axes=[2]>(r)",
    ),
    "two_of_one": (
        17,
        "m = ReduceMean<axes=[3], keepdims=0>(map) a = ReduceMax<axes=[2], keepdims=0>(m)"
        " b = ReduceMean<axes=[2], keepdims=0>(m) p = Add(a, b)",
    ),
    "channels_last": (
        17,
        "t = Transpose<perm=[0, 2, 3, 1]>(map) m = ReduceMean<axes=[1], keepdims=0>(t)"
        " p = ReduceMax<axes=[1], keepdims=0>(m)",
    ),
    "global_behind": (17, "m = ReduceMax<axes=[3]>(map) p = GlobalAveragePool(m)"),
}


@pytest.mark.parametrize("case", POOLED)
@pytest.mark.parametrize("step", [(1, 1), (2, 1)])
def test_both_pools_slide(case: str, step: Sequence[int]) -> None:
    opset, text = POOLED[case]
    model = head_model(
        f"{text} v = Flatten(p) y = Gemm(v, w, c)", opset=opset, w=(2, 3), c=(3,), behind=ints(-1)
    )
    assert_cells_are_crops(model, step=step, larger=(17, 15))


@pytest.mark.parametrize(
    ("text", "features"),
    [
        ("m = ReduceMean<axes=[3]>(map) v = Flatten(m)", 8),
        ("m = ReduceMax<axes=[2], keepdims=0>(map) t = Transpose<perm=[0, 2, 1]>(m)"
         " r = Relu(t) v = Flatten(r)", 10),
        ("m = ReduceMean<axes=[3]>(map) s, t = Split<axis=2>(m, halves) v = Flatten(t)", 4),
    ],
)  # fmt: skip
@pytest.mark.parametrize("step", [(1, 1), (1, 2)])
def test_dense_layer_slides_along_the_axis_that_is_left(
    text: str, features: int, step: Sequence[int]
) -> None:
    model = head_model(f"{text} y = Gemm(v, w)", w=(features, 3), halves=ints(2, 2))
    assert_cells_are_crops(model, step=step, larger=(17, 15))


def test_volumes_are_pooled_by_any_axes_together() -> None:
    model = build(
        "map = Conv(image, kernel) m = ReduceMax<axes=[2, 4]>(map)"
        " p = ReduceMean<axes=[3], keepdims=0>(m) y = Squeeze(p, behind)",
        inputs="float[N,1,5,6,7] image",
        outputs="float[] y",
        kernel=(2, 1, 2, 2, 2),
        behind=ints(2, 3),
    )
    assert_cells_are_crops(model, larger=(7, 7, 9), stride=(1, 1, 1), step=(1, 1, 1))


def test_volumes_are_pooled_one_axis_after_the_other() -> None:
    model = build(
        "map = Conv(image, kernel) m = ReduceMax<axes=[4]>(map) r = ReduceMean<axes=[3]>(m)"
        " p = ReduceMax<axes=[2]>(r) y = Squeeze(p, behind)",
        inputs="float[N,1,5,6,7] image",
        outputs="float[] y",
        kernel=(2, 1, 2, 2, 2),
        behind=ints(2, 3, 4),
    )
    assert_cells_are_crops(model, larger=(9, 8, 11), stride=(1, 1, 1), step=(2, 1, 2))


def test_one_pool_along_each_axis() -> None:
    model = head_model(
        "[first] m = ReduceMax<axes=[3], keepdims=0>(map)"
        " [second] p = ReduceMean<axes=[2], keepdims=0>(m) [dense] y = Gemm(p, w)",
        w=(2, 3),
    )
    assert_nodes(
        rewrite(model, window_step=2),
        """
        map = Conv<strides=[2, 2]>(image, kernel)
        [first] m = MaxPool<kernel_shape=[1, 5], strides=[1, 2]>(map)
        [second] p = AveragePool<kernel_shape=[4, 1], strides=[2, 1]>(m)
        [dense] y = Conv<kernel_shape=[1, 1]>(p, w)
        """,
    )


def test_report_tells_the_whole_window() -> None:
    text = "m = ReduceMax<axes=[3]>(map) p = ReduceMean<axes=[2]>(m) v = Flatten(p) y = Gemm(v, w)"
    graph = gs.import_onnx(head_model(text, w=(2, 3)))
    rewrites = flatten_gemm_to_conv.apply(graph).rewrites
    windows = {change.node: change.window for change in rewrites if change.window}
    assert windows["p"] == (4, 5)


NEAR_MISSES: dict[str, tuple[RefusalCode, str, str]] = {
    "spread_along_an_axis": (
        RefusalCode.GLOBAL_STATISTIC,
        "mean",
        "[mean] m = ReduceMean<axes=[3]>(map) d = Sub(map, m) s = Mul(d, d)"
        " a = ReduceMean<axes=[3]>(s) p = ReduceMean<axes=[2]>(a)",
    ),
    "rows_repeated": (
        RefusalCode.BAKED_EXTENT,
        "rows",
        "[rows] g = Gather<axis=2>(map, repeated) m = ReduceMean<axes=[2]>(g)"
        " p = ReduceMean<axes=[3]>(m)",
    ),
    "some_of_the_rows": (
        RefusalCode.BAKED_EXTENT,
        "rows",
        "[rows] g = Gather<axis=2>(map, some) m = ReduceMean<axes=[2]>(g)"
        " p = ReduceMean<axes=[3]>(m)",
    ),
    "channels_pooled_first": (
        RefusalCode.NO_RULE,
        "channels",
        "m = ReduceMean<axes=[1], keepdims=0>(map) [channels] p = ReduceMean<axes=[1, 2]>(m)",
    ),
    "weighted_by_softmax": (
        RefusalCode.NO_RULE,
        "sum",
        "m = ReduceMean<axes=[3], keepdims=0>(map) e = Softmax<axis=2>(m) q = Mul(m, e)"
        " [sum] p = ReduceMean<axes=[2], keepdims=0>(q)",
    ),
    "softmax_between": (
        RefusalCode.INTERNAL_OUTPUT,
        "soft",
        "m = ReduceMean<axes=[3], keepdims=0>(map) [soft] e = Softmax<axis=2>(m)"
        " a = ReduceMax<axes=[2], keepdims=0>(e) b = ReduceMean<axes=[2], keepdims=0>(m)"
        " p = Add(a, b)",
    ),
    "product_along_an_axis": (
        RefusalCode.NO_RULE,
        "product",
        "m = ReduceMean<axes=[3], keepdims=0>(map) a = ReduceMean<axes=[2], keepdims=0>(m)"
        " [product] b = ReduceProd<axes=[2], keepdims=0>(m) p = Add(a, b)",
    ),
}


@pytest.mark.parametrize("case", NEAR_MISSES)
def test_what_is_no_pool_along_an_axis_is_refused(case: str) -> None:
    code, node, text = NEAR_MISSES[case]
    model = head_model(
        f"{text} v = Flatten(p) y = Gemm(v, w)",
        w=(1 if "channels" in case else 2, 3),
        repeated=ints(0, 0, 1, 3),
        some=ints(0, 1),
    )
    refusal = assert_refused(flatten_gemm_to_conv, model)
    assert (refusal.code, refusal.node) == (code, node)


def test_gate_pooled_axis_by_axis_stays_in_the_trunk() -> None:
    gate = (
        "m = ReduceMean<axes=[3]>(map) p = ReduceMean<axes=[2]>(m) g = Sigmoid(p)"
        " gated = Mul(map, g) v = Flatten(gated) y = Gemm(v, w)"
    )
    rewritten = rewrite(head_model(gate, w=(40, 3)))
    assert [node.op_type for node in rewritten.graph.node].count("ReduceMean") == 2
    image = random_array("image", (2, 3, 9, 11))
    assert run(rewritten, image)[0].shape == (2, 3, 1, 1)


def test_pyramid_of_pools_has_no_one_window() -> None:
    model = head_model(
        "a = GlobalMaxPool(map) u = Flatten(a)"
        " b = MaxPool<kernel_shape=[2, 3], strides=[2, 2]>(map) v = Flatten(b)"
        " [join] j = Concat<axis=1>(u, v) y = Gemm(j, w)",
        w=(10, 3),
    )
    refusal = assert_refused(flatten_gemm_to_conv, model)
    assert (refusal.code, refusal.node) == (RefusalCode.WINDOWS_DIFFER, "join")
    assert "'v'" in refusal.found
