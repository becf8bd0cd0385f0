"""Quantized models: between QuantizeLinear and DequantizeLinear layers stay layers."""

from typing import Any

import numpy as np
import onnx
import pytest

from passes import RefusalCode, flatten_gemm_to_conv
from tests.model_texts import build
from tests.passes.judges import assert_cells_are_crops, assert_refused
from tests.passes.models import head_model, rewrite

STEPS: dict[str, Any] = {
    "step": np.array(0.05, np.float32),
    "zero": np.array(3, np.int8),
    "units": np.linspace(0.01, 0.02, 3, dtype=np.float32),
    "zeros": np.zeros(3, np.int8),
}


def int8(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(-127, 128, shape, np.int8)


def rounded(source: str, target: str) -> str:
    """Text of a tensor that is quantized and dequantized, with one step for all."""
    return (
        f"{target}_q = QuantizeLinear({source}, step, zero)"
        f" {target} = DequantizeLinear({target}_q, step, zero)"
    )


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("opset", [13, 17, 21])
def test_whole_model_as_quantizers_write_it(axis: int, opset: int) -> None:
    weight = int8(*((3, 40) if axis == 0 else (40, 3)))
    model = build(
        f"{rounded('image', 'i')} c = Conv<strides=[2, 2]>(i, kernel) {rounded('c', 'map')}"
        f" f = Flatten(map) {rounded('f', 'v')}"
        f" w = DequantizeLinear<axis={axis}>(weight, units, zeros)"
        f" h = Gemm<transB={1 - axis}>(v, w) {rounded('h', 's')} p = Softmax<axis=1>(s)"
        f" {rounded('p', 'y')}",
        inputs="float[N,3,9,11] image",
        opset=opset,
        kernel=(2, 3, 3, 3),
        weight=weight,
        **STEPS,
    )
    assert_cells_are_crops(model)


@pytest.mark.parametrize("axis", [0, 1])
def test_kernel_stays_quantized(axis: int) -> None:
    model = head_model(
        f"v = Flatten(map) w = DequantizeLinear<axis={axis}>(weight, units, zeros)"
        f" y = Gemm<transB={1 - axis}>(v, w)",
        weight=int8(*((3, 40) if axis == 0 else (40, 3))),
        **STEPS,
    )
    kernels = [w for w in rewrite(model).graph.initializer if list(w.dims) == [3, 2, 4, 5]]
    assert [w.data_type for w in kernels] == [onnx.TensorProto.INT8]


def test_quantized_columns_of_one_element_are_added_as_numbers() -> None:
    """As int8 they would overflow."""
    model = head_model(
        "f = Flatten(map) v = Gather<axis=1>(f, order)"
        " w = DequantizeLinear(weight, step, zero) y = Gemm(v, w)",
        order=np.append(np.arange(40), 7),
        weight=np.full((41, 3), 100, np.int8),
        **STEPS,
    )
    assert_cells_are_crops(model)


@pytest.mark.parametrize(
    ("dense", "code"),
    [
        ("[fc] p = MatMulInteger(v, weight) y = Cast<to=1>(p)", RefusalCode.NO_RULE),
        (
            "[fc] p = QLinearMatMul(v, step, zero, weight, step, zero, step, zero)"
            " y = DequantizeLinear(p, step, zero)",
            RefusalCode.NO_RULE,
        ),
        ("[fc] y = acme.QGemm(v, weight)", RefusalCode.CUSTOM_OPERATOR),
    ],
)
def test_dense_layers_by_other_names_are_refused(dense: str, code: RefusalCode) -> None:
    used = {"weight": int8(40, 3)} | {name: STEPS[name] for name in ("step", "zero")}
    model = head_model(f"f = Flatten(map) v = QuantizeLinear(f, step, zero) {dense}", **used)
    refusal = assert_refused(flatten_gemm_to_conv, model)
    assert (refusal.code, refusal.node) == (code, "fc")
