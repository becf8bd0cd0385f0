"""A gate pools the whole map but meets it again: it stays what it was, in the trunk."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_graphsurgeon as gs
import pytest

from passes import dynamic_spatial_axes, flatten_gemm_to_conv
from tests.model_texts import build, random_array
from tests.passes.judges import run

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
