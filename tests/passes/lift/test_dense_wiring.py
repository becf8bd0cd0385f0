"""Dense layers wired otherwise than in a row: residuals, computed biases, columns, many maps."""

from typing import Any

import numpy as np
import pytest

from tests.model_texts import random_array
from tests.passes.judges import assert_cells_are_crops, run
from tests.passes.models import head_model, rewrite

VECTOR = "v = Flatten(map) h = Gemm<transB=1>(v, w, b)"
WEIGHTS: dict[str, Any] = {"w": (6, 40), "b": (6,)}

WIRED: dict[str, tuple[str, dict[str, Any]]] = {
    "residual": ("r = Relu(h) d = Gemm(r, u, c) y = Add(h, d)", {"u": (6, 6), "c": (6,)}),
    "residual_of_two_layers": (
        "d = Gemm(h, u, c) r = Relu(d) e = Gemm<transB=1>(r, u) s = Add(h, e) y = Gemm(s, u)",
        {"u": (6, 6), "c": (6,)},
    ),
    "gated": ("d = Gemm(h, u, c) g = Sigmoid(d) y = Mul(h, g)", {"u": (6, 6), "c": (6,)}),
    "highway": (
        "d = Gemm(h, u, c) g = Sigmoid(d) n = Sub(one, g) q = Gemm(h, u) s = Mul(q, g)"
        " t = Mul(h, n) y = Add(s, t)",
        {"u": (6, 6), "c": (6,), "one": np.array(1, np.float32)},
    ),
    "shares_softmaxed": (
        "s = Softmax<axis=1>(h) p = Mul(s, h) q = ReduceSum<keepdims=1>(p, axes) y = Div(h, q)",
        {"axes": np.array([1])},
    ),
    "centred": ("q = ReduceMean<axes=[1]>(h) y = Sub(h, q)", {}),
    "bias_is_a_vector": ("r = Relu(h) y = Gemm(r, u, h)", {"u": (6, 6)}),
    "bias_is_one_feature": (
        "q = ReduceMax<axes=[1], keepdims=1>(h) y = Gemm<alpha=0.5>(h, u, q)",
        {"u": (6, 4)},
    ),
    "bias_is_the_other_branch": (
        "d = Gemm<transB=1>(v, x) r = Relu(d) y = Gemm<transB=1>(h, u, r)",
        {"x": (4, 40), "u": (4, 6)},
    ),
    "bias_multiplied_by_zero": ("y = Gemm<beta=0.0>(h, u, h)", {"u": (6, 6)}),
    "columns": (
        "t = Transpose<perm=[1, 0]>(h) p = MatMul(u, t) y = Transpose<perm=[1, 0]>(p)",
        {"u": (4, 6)},
    ),
    "columns_and_relu": (
        "t = Transpose(h) p = MatMul(u, t) r = Relu(p) q = MatMul(x, r) y = Transpose(q)",
        {"u": (4, 6), "x": (3, 4)},
    ),
    "columns_and_softmax": (
        "t = Transpose(h) p = MatMul(u, t) s = Softmax<axis=0>(p) y = Transpose(s)",
        {"u": (4, 6)},
    ),
    "matmul_on_both_sides": (
        "d = MatMul(h, u) t = Transpose(d) p = MatMul(x, t) q = Transpose(p) y = MatMul(q, u)",
        {"u": (6, 4), "x": (6, 4)},
    ),
    "factorised": ("d = MatMul(h, u) e = MatMul(d, x) y = Add(e, b)", {"u": (6, 2), "x": (2, 6)}),
}


@pytest.mark.parametrize("name", WIRED)
def test_behind_the_first_dense_layer(name: str) -> None:
    text, options = WIRED[name]
    assert_cells_are_crops(head_model(f"{VECTOR} {text}", **WEIGHTS, **options))


@pytest.mark.parametrize("opset", [9, 13, 21])
@pytest.mark.parametrize("name", ["bias_is_a_vector", "columns", "residual_of_two_layers"])
def test_behind_the_first_dense_layer_at_every_opset(name: str, opset: int) -> None:
    text, options = WIRED[name]
    if opset == 9:
        options = options | {"zero": np.zeros(1, np.float32)}
        text = text.replace("(r, u)", "(r, u, zero)").replace("(s, u)", "(s, u, zero)")
    assert_cells_are_crops(head_model(f"{VECTOR} {text}", opset=opset, **WEIGHTS, **options))


TWO_VECTORS = {
    "window_and_pool": "v = Flatten(map) h = Gemm(v, w) p = GlobalMaxPool(map) k = Flatten(p)",
    "two_pools": "q = GlobalAveragePool(map) h = Flatten(q) p = GlobalMaxPool(map) k = Flatten(p)",
    "relu_of_the_map": (
        "m = Relu(map) v = Flatten(m) h = Gemm(v, w) q = ReduceMean<axes=[2, 3], keepdims=0>(map)"
        " k = Relu(q)"
    ),
    "two_maps_of_one_size": (
        "other = Conv<strides=[2, 2]>(image, second) v = Flatten(other) h = Gemm(v, w)"
        " p = GlobalMaxPool(map) k = Flatten(p)"
    ),
    "maps_with_other_windows": (
        "m = MaxPool<kernel_shape=[2, 3]>(map) v = Flatten(m) h = Gemm(v, w2)"
        " p = GlobalMaxPool(map) k = Flatten(p)"
    ),
}


@pytest.mark.parametrize("join", ["y = Add(h, k)", "y = Concat<axis=1>(h, k)"])
@pytest.mark.parametrize("name", TWO_VECTORS)
def test_vectors_of_one_map_meet(name: str, join: str) -> None:
    text = TWO_VECTORS[name]
    shapes = {"w": (40, 2), "w2": (18, 2), "second": (2, 3, 3, 3)}
    assert_cells_are_crops(head_model(f"{text} {join}", outputs="float[] y", **shapes))


def test_heads_of_maps_with_other_strides_are_outputs_of_their_own() -> None:
    model = head_model(
        "v = Flatten(map) y = Gemm(v, w, b)"
        " m = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(map) q = Flatten(m) z = MatMul(q, u)",
        outputs="float[] y, float[] z",
        w=(40, 3),
        b=(3,),
        u=(8, 4),
    )
    image = random_array("image", (2, 3, 13, 15))
    for found, index, stride, counts in zip(
        run(rewrite(model), image), (0, 1), (2, 4), ((3, 3), (2, 2)), strict=True
    ):
        assert found.shape[2:] == counts
        for row, column in np.ndindex(*counts):
            top, left = row * stride, column * stride
            expected = run(model, image[:, :, top : top + 9, left : left + 11])[index]
            np.testing.assert_allclose(found[:, :, row, column], expected, rtol=1e-4, atol=1e-4)
