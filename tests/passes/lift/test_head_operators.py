"""What stands between and behind the dense layers does at every cell what it did on the vector."""

from typing import Any

import numpy as np
import pytest

from tests.model_texts import random_array
from tests.passes.judges import assert_cells_are_crops, run
from tests.passes.models import head_model, rewrite

OPSETS = (9, 12, 13, 17, 21)

LAYERS = """
v = Flatten(map)
h = Gemm<transB=1>(v, w1, b1)
"""
WEIGHTS: dict[str, Any] = {"w1": (6, 40), "b1": (6,), "w2": (6, 6), "b2": (6,)}

AT_EVERY_OPSET: dict[str, str] = {
    "relu": "a = Relu(h)",
    "leaky_relu": "a = LeakyRelu<alpha=0.3>(h)",
    "sigmoid": "a = Sigmoid(h)",
    "tanh": "a = Tanh(h)",
    "elu": "a = Elu<alpha=0.5>(h)",
    "identity": "a = Identity(h)",
    "prelu_one_slope_a_feature": "a = PRelu(h, b2)",
    "scaled_and_shifted": "s = Mul(h, b2) a = Sub(s, b1)",
    "constant_first": "s = Div(b2, h) a = Tanh(s)",
    "largest_of_three": "a = Max(h, b2, b1)",
    "chosen_by_feature": "a = Where(even, h, b2)",
    "power": "p = Abs(h) a = Pow(p, high)",
    "residual": "r = Relu(h) a = Add(h, r)",
    "softmax": "a = Softmax<axis=1>(h)",
    "log_softmax": "a = LogSoftmax<axis=1>(h)",
    "softmax_negative_axis": "a = Softmax<axis=-1>(h)",
}

AT_SOME_OPSETS: list[tuple[str, int, str]] = [
    ("clip_attributes", 9, "a = Clip<min=-1.0, max=2.0>(h)"),
    ("dropout_attribute", 9, "a = Dropout<ratio=0.4>(h)"),
    ("softmax_default_axis", 9, "a = Softmax(h)"),
    ("log_softmax_default_axis", 9, "a = LogSoftmax(h)"),
    *(
        row
        for opset in OPSETS[1:]
        for row in (
            ("clip_inputs", opset, "a = Clip(h, low, high)"),
            ("clip_above_only", opset, "a = Clip(h, , high)"),
            ("dropout_inputs", opset, "a = Dropout(h, ratio, train)"),
            ("softmax_default_axis", opset, "a = Softmax(h)"),
            ("log_softmax_default_axis", opset, "a = LogSoftmax(h)"),
        )
    ),
]

CONSTANTS: dict[str, Any] = {
    "low": np.array(-1, np.float32),
    "high": np.array(2, np.float32),
    "ratio": np.array(0.4, np.float32),
    "train": np.array(False),
    "even": np.arange(6) % 2 == 0,
}

CASES = [
    *((name, opset, text) for name, text in AT_EVERY_OPSET.items() for opset in OPSETS),
    *AT_SOME_OPSETS,
]


@pytest.mark.parametrize(
    ("opset", "text"), [pytest.param(*rest, id=f"{name}-{rest[0]}") for name, *rest in CASES]
)
def test_between_dense_layers(opset: int, text: str) -> None:
    model = head_model(f"{LAYERS} {text} y = Gemm(a, w2, b2)", opset=opset, **WEIGHTS, **CONSTANTS)
    assert_cells_are_crops(model)


@pytest.mark.parametrize(
    ("opset", "text"), [pytest.param(*rest, id=f"{name}-{rest[0]}") for name, *rest in CASES]
)
def test_behind_the_last_dense_layer(opset: int, text: str) -> None:
    model = head_model(
        f"{LAYERS} {text.replace('a = ', 'y = ')}", opset=opset, **WEIGHTS, **CONSTANTS
    )
    assert_cells_are_crops(model)


@pytest.mark.parametrize("view", ["Flatten(h)", "Reshape(h, same)", "Gather<axis=1>(h, all)"])
def test_view_without_effect_between_dense_layers(view: str) -> None:
    model = head_model(
        f"{LAYERS} a = {view} y = Gemm(a, w2, b2)",
        **WEIGHTS,
        same=np.array([0, -1]),
        all=np.arange(6),
    )
    assert_cells_are_crops(model)


@pytest.mark.parametrize("view", ["Flatten(h)", "Reshape(h, same)", "Gather<axis=1>(h, all)"])
def test_view_without_effect_as_output(view: str) -> None:
    model = head_model(f"{LAYERS} y = {view}", **WEIGHTS, same=np.array([0, -1]), all=np.arange(6))
    assert_cells_are_crops(model)


@pytest.mark.parametrize("opset", OPSETS)
def test_batch_normalization(opset: int) -> None:
    model = head_model(
        f"{LAYERS} n = BatchNormalization<epsilon=0.01>(h, scale, shift, mean, var) y = Relu(n)",
        opset=opset,
        scale=(6,),
        shift=(6,),
        mean=(6,),
        var=np.linspace(0.5, 2, 6, dtype=np.float32),
        w1=(6, 40),
        b1=(6,),
    )
    assert_cells_are_crops(model)


@pytest.mark.parametrize("opset", OPSETS)
def test_three_dense_layers(opset: int) -> None:
    model = head_model(
        f"""
        {LAYERS}
        r = Relu(h)
        d = Dropout(r)
        p = MatMul(d, w2)
        s = Add(p, b2)
        t = Tanh(s)
        z = Gemm<transB=1, alpha=0.5, beta=2.0>(t, w3, b3)
        y = Softmax<axis=1>(z)
        """,
        opset=opset,
        **WEIGHTS,
        w3=(4, 6),
        b3=(1, 4),
    )
    assert_cells_are_crops(model)


def test_features_permuted_between_dense_layers() -> None:
    model = head_model(
        f"{LAYERS} a = Gather<axis=1>(h, order) y = Gemm(a, w2, b2)",
        **WEIGHTS | {"w2": (4, 3), "b2": (3,)},
        order=np.array([5, 0, 0, 2]),
    )
    assert_cells_are_crops(model)


def test_unsqueezed_to_a_map_of_one_cell_between_dense_layers() -> None:
    model = head_model(
        f"{LAYERS} u = Unsqueeze(h, axes) a = Squeeze(u, axes) y = Gemm(a, w2, b2)",
        **WEIGHTS,
        axes=np.array([2, 3]),
    )
    assert_cells_are_crops(model)


def test_two_heads_on_one_map() -> None:
    model = head_model(
        "v = Flatten(map) y = Gemm(v, w, b) z = Gemm(v, u, c)",
        outputs="float[N,K] y, float[N,L] z",
        w=(40, 3),
        b=(3,),
        u=(40, 2),
        c=(2,),
    )
    image = random_array("image", (2, 3, 11, 13))
    found = run(rewrite(model), image)
    for row, column in np.ndindex(2, 2):
        crop = image[:, :, 2 * row : 2 * row + 9, 2 * column : 2 * column + 11]
        for lifted, expected in zip(found, run(model, crop), strict=True):
            assert lifted.shape[2:] == (2, 2)
            np.testing.assert_allclose(lifted[:, :, row, column], expected, rtol=1e-4, atol=1e-4)
