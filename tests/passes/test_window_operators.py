"""What stands between the map and the first dense layer acts on every window as it did on one."""

from typing import Any

import numpy as np
import pytest

from tests.passes.judges import assert_cells_are_crops
from tests.passes.models import head_model

DENSE = {
    "gemm": "y = Gemm(v, w, b)",
    "gemm_scaled": "y = Gemm<alpha=0.5, beta=-2.0, transB=1>(v, t, b)",
    "gemm_without_bias": "y = Gemm<transB=1>(v, t)",
    "matmul": "p = MatMul(v, w) y = Add(p, b)",
}
WEIGHTS: dict[str, Any] = {"w": (40, 3), "t": (3, 40), "b": (3,)}

NORM = {
    "scale": (40,),
    "shift": (40,),
    "mean": (40,),
    "var": np.linspace(0.5, 2, 40, dtype=np.float32),
}
ONE = np.array(0.7, np.float32)

ON_THE_WINDOW: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("f = Flatten(map) v = Relu(f)", {}),
    "several": ("f = Flatten(map) r = Relu(f) s = Neg(r) v = Tanh(s)", {}),
    "clip": (
        "f = Flatten(map) v = Clip(f, low, high)",
        {"low": np.array(-0.5, np.float32), "high": np.array(0.5, np.float32)},
    ),
    "between_views": (
        "m = Reshape(map, to) r = LeakyRelu(m) q = Transpose<perm=[0, 2, 1]>(r) s = Sigmoid(q)"
        " v = Flatten(s)",
        {"to": np.array([0, 2, 20])},
    ),
    "dropout": ("f = Flatten(map) d = Dropout(f) v = Relu(d)", {}),
    "times_one_each": ("f = Flatten(map) v = Mul(f, each)", {"each": (40,)}),
    "times_one_each_first": ("f = Flatten(map) v = Mul(each, f)", {"each": (1, 40)}),
    "times_a_number": ("f = Flatten(map) v = Mul(f, one)", {"one": ONE}),
    "plus_one_each": ("f = Flatten(map) v = Add(f, each)", {"each": (1, 40)}),
    "plus_a_number": ("f = Flatten(map) v = Add(one, f)", {"one": ONE}),
    "minus": ("f = Flatten(map) v = Sub(f, each)", {"each": (40,)}),
    "minus_from": ("f = Flatten(map) v = Sub(each, f)", {"each": (40,)}),
    "divided": ("f = Flatten(map) v = Div(f, by)", {"by": np.linspace(1, 3, 40, dtype=np.float32)}),
    "one_a_position": (
        "m = Reshape(map, to) s = Mul(m, each) v = Flatten(s)",
        {"to": np.array([0, 2, 20]), "each": (20,)},
    ),
    "one_a_channel": (
        "m = Reshape(map, to) s = Add(m, each) v = Flatten(s)",
        {"to": np.array([0, 2, 20]), "each": (1, 2, 1)},
    ),
    "affine": (
        "f = Flatten(map) s = Mul(f, each) a = Add(s, more) q = Sub(one, a) v = Mul(q, each)",
        {"each": (40,), "more": (40,), "one": ONE},
    ),
    "affine_then_gathered": (
        "f = Flatten(map) s = Mul(f, each) a = Add(s, more) v = Gather<axis=1>(a, order)",
        {"each": (40,), "more": (40,), "order": np.arange(40)[::-1].copy()},
    ),
    "relu_then_affine": (
        "f = Flatten(map) r = Relu(f) s = Mul(r, each) v = Add(s, more)",
        {"each": (40,), "more": (40,)},
    ),
    "quantized": (
        "f = Flatten(map) q = QuantizeLinear(f, step, zero) v = DequantizeLinear(q, step, zero)",
        {"step": np.array(0.05, np.float32), "zero": np.array(3, np.int8)},
    ),
    "normalised": ("f = Flatten(map) v = BatchNormalization(f, scale, shift, mean, var)", NORM),
    "normalised_twice": (
        "f = Flatten(map) n = BatchNormalization<epsilon=0.1>(f, scale, shift, mean, var)"
        " v = BatchNormalization(n, shift, scale, shift, var)",
        NORM,
    ),
    "normalised_then_scaled": (
        "f = Flatten(map) n = BatchNormalization(f, scale, shift, mean, var) v = Mul(n, each)",
        NORM | {"each": (40,)},
    ),
}


@pytest.mark.parametrize("dense", DENSE)
@pytest.mark.parametrize("name", ON_THE_WINDOW)
def test_before_the_first_dense_layer(name: str, dense: str) -> None:
    text, options = ON_THE_WINDOW[name]
    assert_cells_are_crops(head_model(f"{text} {DENSE[dense]}", **WEIGHTS, **options))


@pytest.mark.parametrize("opset", [9, 13, 21])
@pytest.mark.parametrize("name", ["times_one_each", "normalised", "relu_then_affine"])
def test_before_the_first_dense_layer_at_every_opset(name: str, opset: int) -> None:
    text, options = ON_THE_WINDOW[name]
    model = head_model(f"{text} {DENSE['gemm']}", opset=opset, **WEIGHTS, **options)
    assert_cells_are_crops(model)


POOLED: dict[str, tuple[str, dict[str, Any]]] = {
    "relu_flattened": ("m = Reshape(map, to) r = Relu(m) v = ReduceMean<axes=[2], keepdims=0>(r)",
                       {"to": np.array([0, 2, 20])}),
    "relu_on_the_map": ("r = Relu(map) p = GlobalAveragePool(r) v = Flatten(p)", {}),
    "one_a_channel_on_the_map": ("r = Mul(map, each) p = GlobalMaxPool(r) v = Flatten(p)",
                                 {"each": (2, 1, 1)}),
}  # fmt: skip


@pytest.mark.parametrize("name", POOLED)
def test_before_a_pool(name: str) -> None:
    text, options = POOLED[name]
    assert_cells_are_crops(head_model(f"{text} y = Gemm(v, w, b)", w=(2, 3), b=(3,), **options))


def test_two_dense_layers_on_one_scaled_window() -> None:
    model = head_model(
        "f = Flatten(map) r = Relu(f) s = Mul(r, each) y = Gemm(s, w, b) z = Gemm(r, w, b)",
        outputs="float[] y, float[] z",
        each=(40,),
        w=(40, 3),
        b=(3,),
    )
    assert_cells_are_crops(model)


def test_window_in_half_precision_is_scaled_once() -> None:
    model = head_model(
        "f = Flatten(map) s = Mul(f, each) a = Add(s, more) y = Gemm<alpha=0.5>(a, w, b)",
        inputs="float16[N,3,9,11] image",
        outputs="float16[N,K] y",
        dtype=np.float16,
        each=(40,),
        more=(40,),
        w=(40, 3),
        b=(3,),
    )
    assert_cells_are_crops(model, tolerance=1e-2)
