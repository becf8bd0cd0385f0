"""A gate pools the whole map but meets it again: it stays what it was, in the trunk."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_graphsurgeon as gs
import pytest

from passes import dynamic_spatial_axes, flatten_gemm_to_conv
from tests.model_texts import build, ints, random_array
from tests.passes.judges import assert_cells_are_crops, run
from tests.passes.models import head_model, rewrite

Array = npt.NDArray[Any]

GATED_TRUNK = """
m = Conv<strides=[2, 2]>(image, k)
s = GlobalAveragePool(m)
g = Conv(s, squeeze)
e = Sigmoid(g)
map = Mul(m, e)
"""
GATED_WEIGHTS = {"k": (4, 3, 3, 3), "squeeze": (4, 4, 1, 1)}
HEAD = "v = Flatten({map}) h = Gemm<transB=1>(v, w, b) y = Relu(h)"


def test_gate_keeps_its_global_pool() -> None:
    weights = {"w": (3, 80), "b": (3,)}
    model = build(
        GATED_TRUNK + HEAD.format(map="map"),
        inputs="float[N,3,9,11] image",
        **GATED_WEIGHTS,
        **weights,
    )
    graph = gs.import_onnx(model)
    lifted = flatten_gemm_to_conv.apply(graph)
    freed = dynamic_spatial_axes.apply(graph)
    assert (lifted.refusals, freed.refusals) == ((), ())
    assert [node.op for node in graph.nodes] == [
        *("Conv", "GlobalAveragePool", "Conv", "Sigmoid", "Mul"),
        *("Conv", "Relu"),
    ]
    trunk = build(
        GATED_TRUNK, inputs="float[N,3,H,W] image", outputs="float[N,4,P,Q] map", **GATED_WEIGHTS
    )
    head = build(HEAD.format(map="window"), inputs="float[N,4,4,5] window", **weights)
    image = random_array("image", (2, 3, 13, 16))
    (found,) = run(gs.export_onnx(graph), image)
    (feature_map,) = run(trunk, image)
    assert found.shape == (2, 3, 3, 3)
    for row, column in np.ndindex(3, 3):
        (expected,) = run(head, feature_map[:, :, row : row + 4, column : column + 5])
        np.testing.assert_allclose(found[:, :, row, column], expected, rtol=1e-4, atol=1e-4)


DENSE_GATES = {
    "of_the_flattened_map": "f = Flatten(m) g = Gemm(f, squeeze)",
    "of_the_global_pool": "p = GlobalAveragePool(m) f = Flatten(p) g = Gemm(f, squeeze)",
}


@pytest.mark.parametrize("gate", DENSE_GATES)
def test_dense_layer_of_a_gate_stays_one(gate: str) -> None:
    """Its result meets the map again, so it belongs to the trunk."""
    text = f"""
    m = Conv<strides=[2, 2]>(image, k)
    {DENSE_GATES[gate]}
    e = Sigmoid(g)
    u = Unsqueeze(e, axes)
    map = Mul(m, u)
    """
    model = build(
        text + HEAD.format(map="map"),
        inputs="float[N,3,9,11] image",
        k=(4, 3, 3, 3),
        squeeze=(80 if gate == "of_the_flattened_map" else 4, 4),
        axes=np.array([2, 3]),
        w=(3, 80),
        b=(3,),
    )
    graph = gs.import_onnx(model)
    result = flatten_gemm_to_conv.apply(graph)
    assert result.refusals == ()
    assert [change.node for change in result.rewrites] == ["h", "y"]
    assert [node.op for node in graph.nodes].count("Gemm") == 1
    image = random_array("image", (2, 3, 9, 11))
    (found,), (expected,) = run(gs.export_onnx(graph), image), run(model, image)
    np.testing.assert_allclose(found, expected[:, :, None, None], rtol=1e-4, atol=1e-4)


GATED_VIEWS: dict[str, str] = {
    "positions_on_one_axis": (
        "f = Reshape(m, merged) p = ReduceMean<axes=[2], keepdims=0>(f) g = MatMul(p, squeeze)"
        " e = Sigmoid(g) u = Unsqueeze(e, last) q = Mul(f, u) map = Reshape(q, apart)"
    ),
    "tokens": (
        "f = Reshape(m, merged) t = Transpose<perm=[0, 2, 1]>(f)"
        " p = ReduceMax<axes=[1], keepdims=0>(t) g = MatMul(p, squeeze) e = Sigmoid(g)"
        " u = Unsqueeze(e, first) q = Mul(t, u) r = Transpose<perm=[0, 2, 1]>(q)"
        " map = Reshape(r, apart)"
    ),
    "channels_last": (
        "t = Transpose<perm=[0, 2, 3, 1]>(m) p = ReduceMean<axes=[1, 2]>(t)"
        " g = MatMul(p, squeeze) e = Sigmoid(g) q = Mul(t, e)"
        " map = Transpose<perm=[0, 3, 1, 2]>(q)"
    ),
    "centred": (
        "f = Reshape(m, merged) p = ReduceMean<axes=[2]>(f) q = Sub(f, p)"
        " map = Reshape(q, apart)"
    ),
    "attention_of_unit_length": (
        "f = Reshape(m, merged) p = ReduceL2<axes=[2]>(f) q = Div(f, p)"
        " t = Transpose<perm=[0, 2, 1]>(q) a = MatMul(q, t) s = Softmax<axis=2>(a)"
        " r = MatMul(s, f) map = Reshape(r, apart)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GATED_VIEWS)
def test_gate_on_a_view_of_the_map_is_trunk(case: str) -> None:
    trunk = f"m = Conv<strides=[2, 2]>(image, k) {GATED_VIEWS[case]}"
    constants: dict[str, Any] = {
        "k": (4, 3, 3, 3),
        "squeeze": (4, 4),
        "merged": ints(0, 4, -1),
        "first": ints(1),
        "last": ints(2),
    }
    model = build(
        f"{trunk} {HEAD.format(map='map')}",
        inputs="float[N,3,9,11] image",
        w=(3, 80),
        b=(3,),
        apart=ints(0, 4, 4, 5),
        **constants,
    )
    rewritten = rewrite(model)
    larger = build(
        trunk,
        inputs="float[N,3,H,W] image",
        outputs="float[] map",
        apart=ints(0, 4, 6, 7),
        **constants,
    )
    head = build(HEAD.format(map="window"), inputs="float[N,4,4,5] window", w=(3, 80), b=(3,))
    image = random_array("image", (2, 3, 13, 16))
    (found,), (feature_map,) = run(rewritten, image), run(larger, image)
    for row, column in np.ndindex(3, 3):
        (expected,) = run(head, feature_map[:, :, row : row + 4, column : column + 5])
        np.testing.assert_allclose(found[:, :, row, column], expected, rtol=1e-4, atol=1e-4)


def test_head_on_a_view_that_the_trunk_reads_as_well() -> None:
    model = head_model(
        "t = Transpose<perm=[0, 2, 3, 1]>(map) p = ReduceMean<axes=[1, 2], keepdims=0>(t)"
        " y = MatMul(p, w) q = MatMul(t, mix) r = Transpose<perm=[0, 3, 1, 2]>(q)"
        " s = Add(map, r) f = Flatten(s) z = Gemm(f, u)",
        outputs="float[] y, float[] z",
        w=(2, 3),
        mix=(2, 2),
        u=(40, 3),
    )
    assert_cells_are_crops(model)


def test_gate_of_a_pool_as_large_as_the_map_becomes_global() -> None:
    text = GATED_TRUNK.replace(
        "s = GlobalAveragePool(m)", "[pool] s = AveragePool<kernel_shape=[7, 7]>(m)"
    )
    model = build(
        text, inputs="float[N,3,15,15] image", outputs="float[N,4,7,7] map", **GATED_WEIGHTS
    )
    graph = gs.import_onnx(model)
    result = dynamic_spatial_axes.apply(graph)
    assert result.refusals == ()
    assert (result.rewrites[0].node, result.rewrites[0].after) == ("pool", "GlobalAveragePool")
    trunk = build(
        GATED_TRUNK, inputs="float[N,3,H,W] image", outputs="float[N,4,P,Q] map", **GATED_WEIGHTS
    )
    image = random_array("image", (2, 3, 19, 23))
    (found,), (expected,) = run(gs.export_onnx(graph), image), run(trunk, image)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_pool_as_large_as_the_image_that_meets_the_image_becomes_global() -> None:
    text = "[pool] s = AveragePool<kernel_shape=[15, 17]>(image) d = Sub(image, s) y = Conv(d, k)"
    weights: dict[str, Any] = {"outputs": "float[N,4,P,Q] y", "k": (4, 3, 3, 3)}
    graph = gs.import_onnx(build(text, inputs="float[N,3,15,17] image", **weights))
    result = dynamic_spatial_axes.apply(graph)
    assert result.refusals == ()
    assert (result.rewrites[0].node, result.rewrites[0].after) == ("pool", "GlobalAveragePool")
    judge = text.replace("AveragePool<kernel_shape=[15, 17]>", "GlobalAveragePool")
    trunk = build(judge, inputs="float[N,3,H,W] image", **weights)
    image = random_array("image", (2, 3, 19, 23))
    (found,), (expected,) = run(gs.export_onnx(graph), image), run(trunk, image)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
