"""Gemm and MatMul with every scale, bias and kind of weight become the same convolution."""

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_graphsurgeon as gs
import pytest

from passes import flatten_gemm_to_conv
from tests.model_texts import build, random_array
from tests.passes.judges import assert_cells_are_crops, run
from tests.passes.models import head_model, rewrite

Array = npt.NDArray[Any]

FACTORS = (0.0, 1.0, 0.5, -2.0)
BIASES: dict[str, tuple[int, ...] | None] = {
    "none": None,
    "K": (3,),
    "1xK": (1, 3),
    "1": (1,),
    "1x1": (1, 1),
    "scalar": (),
}


def weight_shape(trans_b: int) -> tuple[int, int]:
    return (3, 40) if trans_b else (40, 3)


@pytest.mark.parametrize("trans_b", [0, 1])
@pytest.mark.parametrize(("alpha", "beta"), [*itertools.product(FACTORS, FACTORS)])
def test_alpha_and_beta_scale_kernel_and_bias(alpha: float, beta: float, trans_b: int) -> None:
    model = head_model(
        f"v = Flatten(map) y = Gemm<alpha={alpha}, beta={beta}, transB={trans_b}>(v, w, b)",
        w=weight_shape(trans_b),
        b=(3,),
    )
    assert_cells_are_crops(model)


@pytest.mark.parametrize("beta", [1.0, -2.0])
@pytest.mark.parametrize("trans_b", [0, 1])
@pytest.mark.parametrize("bias", BIASES)
def test_bias_of_a_gemm(bias: str, trans_b: int, beta: float) -> None:
    shape = BIASES[bias]
    operands = "v, w" if shape is None else "v, w, b"
    model = head_model(
        f"v = Flatten(map) y = Gemm<transB={trans_b}, beta={beta}>({operands})",
        w=weight_shape(trans_b),
        **{} if shape is None else {"b": shape},
    )
    assert_cells_are_crops(model)


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("sum_of", ["p, b", "b, p"])
def test_bias_added_to_a_matmul(bias: str, sum_of: str) -> None:
    shape = BIASES[bias]
    text = "v = Flatten(map) p = MatMul(v, w) " + (
        "y = Identity(p)" if shape is None else f"y = Add({sum_of})"
    )
    weights = {} if shape is None else {"b": shape}
    assert_cells_are_crops(head_model(text, w=(40, 3), **weights))


def test_one_unit() -> None:
    model = head_model("v = Flatten(map) y = Gemm(v, w, b)", w=(40, 1), b=(1,))
    assert_cells_are_crops(model)


def test_square_weight_without_transb_is_transposed() -> None:
    assert_cells_are_crops(head_model("v = Flatten(map) y = Gemm(v, w)", w=(40, 40)))


SOURCES: dict[str, tuple[str, dict[str, Any]]] = {
    "constant_node": (
        "w = Constant<value = float[40, 2] {" + ", ".join(f"{i % 7}" for i in range(80)) + "}>()",
        {},
    ),
    "constant_of_shape": (
        "w = ConstantOfShape<value = float[1] {0.25}>(shape)",
        {"shape": np.array([40, 2])},
    ),
    "constant_of_shape_transposed": (
        "s = ConstantOfShape<value = float[1] {0.25}>(shape) w = Transpose(s)",
        {"shape": np.array([2, 40])},
    ),
    "reshape": ("w = Reshape(flat, shape)", {"flat": (80,), "shape": np.array([40, -1])}),
    "transpose": ("w = Transpose(turned)", {"turned": (2, 40)}),
    "identity": ("w = Identity(stored)", {"stored": (40, 2)}),
    "cast": (
        "w = Cast<to=1>(stored)",
        {"stored": np.random.default_rng(0).standard_normal((40, 2))},
    ),
}


@pytest.mark.parametrize("dense", ["Gemm", "MatMul"])
@pytest.mark.parametrize("source", SOURCES)
def test_weight_behind_nodes(source: str, dense: str) -> None:
    text, weights = SOURCES[source]
    assert_cells_are_crops(head_model(f"{text} v = Flatten(map) y = {dense}(v, w)", **weights))


def test_weight_that_the_evaluator_cannot_compute_is_no_traceback() -> None:
    model = head_model(
        "w = DequantizeLinear(stored, scale) v = Flatten(map) y = Gemm(v, w)",
        opset=13,
        stored=np.zeros((40, 3), np.uint8),
        scale=np.array(0.5, np.float32),
    )
    result = flatten_gemm_to_conv.apply(gs.import_onnx(model))
    assert bool(result.rewrites) != bool(result.refusals)


def test_bias_behind_nodes() -> None:
    model = head_model(
        "b = Reshape(stored, shape) v = Flatten(map) y = Gemm<beta=3.0>(v, w, b)",
        w=(40, 3),
        stored=(3,),
        shape=np.array([1, 3]),
    )
    assert_cells_are_crops(model)


UNIFORM = (
    "w = ConstantOfShape<value = float[1] {0.25}>(w_shape)"
    " b = ConstantOfShape<value = float[1] {3.0}>(b_shape) "
)


@pytest.mark.parametrize("scales", ["alpha=-2.0", "beta=0.5", "alpha=0.5, beta=-2.0"])
def test_uniform_weight_and_bias_are_scaled(scales: str) -> None:
    model = head_model(
        f"{UNIFORM} v = Flatten(map) y = Gemm<{scales}>(v, w, b)",
        w_shape=np.array([40, 3]),
        b_shape=np.array([3]),
    )
    assert_cells_are_crops(model)


@pytest.mark.parametrize("order", [[0, 0, 7, 0], [3, 39]])
def test_uniform_weight_on_repeated_or_dropped_elements(order: list[int]) -> None:
    model = head_model(
        f"{UNIFORM} f = Flatten(map) v = Gather<axis=1>(f, order) y = Gemm(v, w, b)",
        order=np.array(order),
        w_shape=np.array([len(order), 3]),
        b_shape=np.array([3]),
    )
    assert_cells_are_crops(model)


def test_ir_3_initializers_that_are_inputs() -> None:
    model = head_model(
        "v = Flatten(map) y = Gemm<beta=0.5>(v, w, b)", ir_version=3, opset=9, w=(40, 3), b=(3,)
    )
    assert_cells_are_crops(model)


def test_weight_in_half_precision_is_rounded_once() -> None:
    model = head_model(
        "v = Flatten(map) y = Gemm<alpha=0.3>(v, w)",
        inputs="float16[N,3,9,11] image",
        outputs="float16[N,K] y",
        dtype=np.float16,
        w=(40, 3),
    )
    (kernel,) = (w for w in rewrite(model).graph.initializer if list(w.dims) == [3, 2, 4, 5])
    alpha = np.float64(np.float32(0.3))
    exact = random_array("w", (40, 3), np.float16).astype(np.float64) * alpha
    np.testing.assert_array_equal(
        onnx.numpy_helper.to_array(kernel).reshape(3, 40), exact.T.astype(np.float16)
    )


def test_weight_of_two_layers_serves_both() -> None:
    model = head_model(
        "v = Flatten(map) h = Gemm<transB=1>(v, w, b) r = Tanh(h) y = Gemm<alpha=0.5>(r, w, b)",
        w=(40, 40),
        b=(40,),
    )
    assert_cells_are_crops(model)


def test_weight_that_is_an_output_stays_what_it_was() -> None:
    model = head_model(
        "v = Flatten(map) y = Gemm<transB=1, beta=2.0>(v, w, b)",
        outputs="float[N,K] y, float[3,40] w, float[3] b",
        w=(3, 40),
        b=(3,),
    )
    image = random_array("image", (2, 3, 9, 11))
    expected = run(model, image)
    found = run(rewrite(model), image)
    assert found[0].ravel() == pytest.approx(expected[0].ravel(), rel=1e-4, abs=1e-4)
    for before, after in zip(expected[1:], found[1:], strict=True):
        np.testing.assert_array_equal(after, before)


def test_weight_that_the_trunk_uses_too_is_not_spoiled() -> None:
    model = build(
        "k = Reshape(w, shape) map = Conv(image, k) v = Flatten(map) y = Gemm<transB=1>(v, w, w1)",
        inputs="float[N,3,4,2] image",
        shape=np.array([4, 3, 2, 2]),
        w=(4, 12),
        w1=(4,),
    )
    assert_cells_are_crops(model, larger=(7, 5), stride=(1, 1))


def test_bias_that_the_trunk_uses_too_is_not_spoiled() -> None:
    model = build(
        "map = Conv(image, k, b) v = Flatten(map) y = Gemm<beta=-2.0>(v, w, b)",
        inputs="float[N,1,3,3] image",
        k=(3, 1, 2, 2),
        w=(12, 3),
        b=(3,),
    )
    assert_cells_are_crops(model, larger=(5, 4), stride=(1, 1))


def test_vector_of_an_add_and_of_a_gemm_serves_both() -> None:
    model = head_model(
        "v = Flatten(map) p = MatMul(v, w) a = Add(p, b) h = Gemm<beta=0.5>(a, u, b)"
        " y = Gemm(h, u, b)",
        w=(40, 3),
        u=(3, 3),
        b=(3,),
    )
    assert_cells_are_crops(model)


@pytest.mark.parametrize("attributes", ["transB=1", "transB=1, alpha=0.5, beta=2.0"])
def test_half_precision(attributes: str) -> None:
    model = head_model(
        f"v = Flatten(map) h = Gemm<{attributes}>(v, w, b) r = Relu(h) p = MatMul(r, u)"
        " y = Add(p, c)",
        inputs="float16[N,3,9,11] image",
        outputs="float16[N,K] y",
        dtype=np.float16,
        w=(4, 40),
        b=(4,),
        u=(4, 3),
        c=(3,),
    )
    assert_cells_are_crops(model, tolerance=1e-2)


@pytest.mark.parametrize(
    "pooled",
    [
        "p = GlobalAveragePool(map) t = Transpose<perm=[0, 2, 3, 1]>(p)",
        "l = Transpose<perm=[0, 2, 3, 1]>(map) t = ReduceMax<axes=[1, 2], keepdims=1>(l)",
        "m = ReduceMean<axes=[2, 3], keepdims=0>(map) t = Unsqueeze(m, one)",
    ],
)
def test_layer_of_vectors_that_kept_axes_of_extent_1(pooled: str) -> None:
    assert_cells_are_crops(
        head_model(
            f"{pooled} h = MatMul(t, w) a = Add(h, b) r = Relu(a) g = MatMul(r, u) y = Flatten(g)",
            w=(2, 6),
            b=(6,),
            u=(6, 3),
            one=np.array([1]),
        )
    )
