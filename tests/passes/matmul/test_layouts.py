"""Maps stay channels-last between convolutions that became matrix products."""

import numpy as np
import onnx
import pytest

from tests.model_texts import build, random_array
from tests.passes.judges import assert_nodes, assert_same_answers
from tests.passes.matmul.products import IMAGE, KERNELS, TWO_LAYERS, operators, products

ONE_PRODUCT_AFTER_THE_OTHER = """
[one_transpose] image_transposed = Transpose<perm=[0, 2, 3, 1]>(image)
[one_slice] one_slice_output = Slice(image_transposed, int64_0_0, int64_end_m1, int64_1_2)
[one_slice_1] one_slice_1_output = Slice(image_transposed, int64_0_1, int64_end_end, int64_1_2)
[one_concat] one_concat_output = Concat<axis=3>(one_slice_output, one_slice_1_output)
[one] x_channels_last = MatMul(one_concat_output, a)
r_channels_last = Relu(x_channels_last)
[two] y_product = MatMul(r_channels_last, b)
[two_add] two_add_output = Add(y_product, c)
[two_transpose] y = Transpose<perm=[0, 3, 1, 2]>(two_add_output)
"""
JOINED = """
[one] x = Conv(image, a) [two] z = Conv(image, a)
r = Relu(x) s = Add(r, z) q = Concat<axis=1>(s, x) p = Mul(q, half) [three] y = Conv(p, b, c)
"""


def test_layers_follow_one_another_without_transposes_in_between() -> None:
    model = build(TWO_LAYERS, inputs=IMAGE, outputs="float[] y", **KERNELS)
    rewritten = products(model)
    assert_nodes(rewritten, ONE_PRODUCT_AFTER_THE_OTHER)
    weights = {w.name: onnx.numpy_helper.to_array(w) for w in rewritten.graph.initializer}
    first, second = (random_array(name, KERNELS[name]) for name in "ab")
    # Cell by cell of the kernel, and for each its channels.
    np.testing.assert_array_equal(weights["a"], first.transpose(2, 3, 1, 0).reshape(4, 3))
    np.testing.assert_array_equal(weights["b"], second.reshape(4, 3).T)


@pytest.mark.parametrize("between", ["Relu", "Sigmoid", "LeakyRelu", "Identity"])
def test_unary_operators_stay_between(between: str) -> None:
    text = TWO_LAYERS.replace("Relu", between)
    found = operators(products(build(text, inputs=IMAGE, outputs="float[] y", **KERNELS)))
    assert found.count("Transpose") == 2


def test_branches_meet_without_transposes_and_share_a_weight() -> None:
    given = KERNELS | {"b": (4, 6, 1, 1), "half": np.array([0.5], np.float32)}
    model = build(JOINED, inputs=IMAGE, outputs="float[] y", **given)
    rewritten = products(model)
    assert operators(rewritten).count("Transpose") == 2
    assert [w.name for w in rewritten.graph.initializer if w.dims == [4, 3]] == ["a_fcn"]
    image = random_array("image", (2, 2, 5, 6))
    assert_same_answers(model, rewritten, image)


@pytest.mark.parametrize("text", ["r = PRelu(x, slope)", "m = Mul(slope, x) r = Add(m, slope)"])
@pytest.mark.parametrize("shape", [(3, 1, 1), (1, 3, 1, 1)])
def test_constants_by_channel_come_along(text: str, shape: tuple[int, ...]) -> None:
    layers = f"[one] x = Conv(image, a) {text} [two] y = Conv(r, b, c)"
    model = build(layers, inputs=IMAGE, outputs="float[] y", **KERNELS, slope=shape)
    rewritten = products(model)
    assert operators(rewritten).count("Transpose") == 2
    image = random_array("image", (2, 2, 4, 4))
    assert_same_answers(model, rewritten, image)


def test_number_with_more_axes_than_the_map_stays_where_it_is() -> None:
    model = build(
        "x = Conv(image, a) m = Mul(x, number) y = Conv(m, b)",
        inputs="float[1,2,H,W] image",
        outputs="float[N,C,D,P,Q] y",
        a=(3, 2, 1, 2),
        number=(1, 1, 1, 1, 1),
        b=(2, 1, 1, 1, 1),
    )
    image = random_array("image", (1, 2, 5, 6))
    assert_same_answers(model, products(model), image)


def test_constant_by_column_stays_where_it_is() -> None:
    layers = "[one] x = Conv(image, a) r = Mul(x, columns) [two] y = Conv(r, b, c)"
    model = build(layers, inputs=IMAGE, outputs="float[] y", **KERNELS, columns=(3,))
    rewritten = products(model)
    assert operators(rewritten).count("Transpose") == 4
    image = random_array("image", (1, 2, 4, 4))
    assert_same_answers(model, rewritten, image)


def test_transpose_of_a_channels_last_image_falls_away() -> None:
    text = "t = Transpose<perm=[0, 3, 1, 2]>(image) [two] y = Conv(t, b)"
    image_last = "float[N,H,W,3] image"
    model = build(text, inputs=image_last, outputs="float[] y", b=(4, 3, 1, 1))
    rewritten = products(model)
    assert_nodes(
        rewritten,
        """[two] y_product = MatMul(image, b)
        [two_transpose] y = Transpose<perm=[0, 3, 1, 2]>(y_product)""",
    )
    image = random_array("image", (2, 4, 5, 3))
    assert_same_answers(model, rewritten, image)


def test_map_that_something_else_reads_is_there_for_it() -> None:
    text = "[one] x = Conv(image, a) r = Relu(x) m = MaxPool<kernel_shape=[1, 1]>(x)"
    model = build(
        f"{text} [two] y = Conv(r, b, c)",
        inputs=IMAGE,
        outputs="float[] y, float[] m",
        **KERNELS,
    )
    rewritten = products(model)
    assert operators(rewritten).count("Transpose") == 3
    image = random_array("image", (1, 2, 4, 4))
    assert_same_answers(model, rewritten, image)
