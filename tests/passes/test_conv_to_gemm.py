"""Convolutions as windows and matrix products: the exact nodes, the choice, the refusals."""

from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import pytest

from passes import RefusalCode, conv_to_gemm, flatten_gemm_to_conv
from passes.options import OptionError
from tests.model_texts import build, random_array
from tests.passes.judges import assert_nodes, assert_refused, run
from tests.passes.models import head_model

IMAGE = "float[N,2,H,W] image"
KERNELS: dict[str, Any] = {"a": (3, 2, 1, 2), "b": (4, 3, 1, 1), "c": (4,)}

TWO_LAYERS = "[one] x = Conv(image, a) r = Relu(x) [two] y = Conv(r, b, c)"
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


def products(model: onnx.ModelProto, **options: Any) -> onnx.ModelProto:
    """The model after the pass, exported and checked."""
    graph = gs.import_onnx(model)
    result = conv_to_gemm.apply(graph, **options)
    assert result.refusals == ()
    rewritten = gs.export_onnx(graph)
    rewritten.ir_version = max(rewritten.ir_version, 4)
    onnx.checker.check_model(rewritten, full_check=True)
    return rewritten


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def assert_same_answers(
    model: onnx.ModelProto, rewritten: onnx.ModelProto, image: np.ndarray
) -> None:
    (expected,), (actual,) = run(model, image), run(rewritten, image)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


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


JOINED = """
[one] x = Conv(image, a) [two] z = Conv(image, a)
r = Relu(x) s = Add(r, z) q = Concat<axis=1>(s, x) p = Mul(q, half) [three] y = Conv(p, b, c)
"""


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


def test_bfloat16_is_rearranged_bit_for_bit() -> None:
    bfloat16 = onnx.helper.tensor_dtype_to_np_dtype(onnx.TensorProto.BFLOAT16)
    values = np.arange(4 * 3 * 3 * 3, dtype=np.uint16).reshape(4, 3, 3, 3)
    model = build(
        "y = Conv(image, w)",
        inputs="bfloat16[1,3,H,W] image",
        outputs="bfloat16[N,C,P,Q] y",
        opset=22,
        ir_version=10,
        w=values.view(bfloat16),
    )
    (weight,) = (w for w in products(model).graph.initializer if w.name == "w")
    assert (weight.data_type, list(weight.dims)) == (onnx.TensorProto.BFLOAT16, [27, 4])
    assert weight.raw_data == values.transpose(2, 3, 1, 0).tobytes()


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
    for expected, actual in zip(run(model, image), run(rewritten, image), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("which", "left"),
    [
        ("all", []),
        ("one", ["two"]),
        ("t*", ["one"]),
        ("heads", ["one"]),
        ("one,two", []),
        ("o*, t??", []),
        (" heads ", ["one"]),
    ],
)
def test_convolutions_are_chosen(which: str, left: list[str]) -> None:
    text = "[one] x = Conv<pads=[0, 1, 0, 1]>(image, a) r = Relu(x) [two] y = Conv(r, b, c)"
    rewritten = products(
        build(text, inputs=IMAGE, outputs="float[] y", **KERNELS), convolutions=which
    )
    assert [n.name for n in rewritten.graph.node if n.op_type == "Conv"] == left


@pytest.mark.parametrize("pads", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("shape", ["", ", kernel_shape=[1, 1]"])
def test_layer_of_single_cells_has_no_pads_whatever_it_calls_them(pads: str, shape: str) -> None:
    last = f'y = Conv<auto_pad="{pads}"{shape}>(r, b, c)'
    text = f"x = Conv(image, a) r = Relu(x) {last}"
    model = build(text, inputs=IMAGE, outputs="float[] y", **KERNELS)
    rewritten = products(model, convolutions="heads")
    assert operators(rewritten).count("Conv") == 0
    assert_same_answers(model, rewritten, random_array("image", (1, 2, 4, 5)))


@pytest.mark.parametrize("strides", ["[4, 4]", "[3, 4]", "[1, 2]"])
def test_strides_that_pass_over_positions(strides: str) -> None:
    text = f"""y = Conv<auto_pad="SAME_UPPER", strides={strides}>(image, a)"""
    model = build(text, inputs=IMAGE, outputs="float[N,3,P,Q] y", a=(3, 2, 2, 2))
    for size in ((8, 8), (9, 11), (12, 10)):
        assert_same_answers(model, products(model), random_array("image", (1, 2, *size)))


def test_padded_layer_is_no_head_whatever_its_weight_is() -> None:
    text = "[one] x = Conv(image, a) y = Conv<kernel_shape=[3, 3], pads=[1, 1, 1, 1]>(image, fed)"
    inputs = f"{IMAGE}, float[3,2,3,3] fed"
    model = build(text, inputs=inputs, outputs="float[] x, float[] y", a=KERNELS["a"])
    rewritten = products(model, convolutions="heads")
    assert [n.input[1] for n in rewritten.graph.node if n.op_type == "Conv"] == ["fed"]


@pytest.mark.parametrize("which", ["one,three", "three, two", "heads,one", "one,"])
def test_name_of_no_convolution_is_wrong_beside_others(which: str) -> None:
    model = build(TWO_LAYERS, inputs=IMAGE, outputs="float[] y", **KERNELS)
    wrong = next(name.strip() for name in which.split(",") if name.strip() not in ("one", "two"))
    graph = gs.import_onnx(model)
    with pytest.raises(OptionError, match=f"'{wrong}' matches no .* last one is 'two'"):
        conv_to_gemm.apply(graph, convolutions=which)
    assert [node.op for node in graph.nodes] == ["Conv", "Relu", "Conv"]


@pytest.mark.parametrize("which", ["three", "three,fc*"])
def test_nothing_chosen_is_nothing_done(which: str) -> None:
    model = build(TWO_LAYERS, inputs=IMAGE, outputs="float[] y", **KERNELS)
    result = conv_to_gemm.apply(gs.import_onnx(model), convolutions=which)
    assert (result.rewrites, result.refusals) == ((), ())


def test_dense_weights_come_back_bit_for_bit() -> None:
    model = head_model("v = Flatten(map) [fc] y = Gemm<transB=1>(v, w, b)", w=(6, 40), b=(6,))
    graph = gs.import_onnx(model)
    flatten_gemm_to_conv.apply(graph)
    conv_to_gemm.apply(graph, convolutions="heads")
    (product,) = [node for node in graph.nodes if node.op == "MatMul"]
    stored = {w.name: onnx.numpy_helper.to_array(w) for w in model.graph.initializer}
    undone = product.inputs[1].values.reshape(4, 5, 2, 6).transpose(3, 2, 0, 1).reshape(6, 40)
    np.testing.assert_array_equal(undone, stored["w"])


CONVOLUTIONS: dict[str, tuple[RefusalCode, str, str, dict[str, Any]]] = {
    "weight fed as an input": (
        RefusalCode.COMPUTED_WEIGHT,
        "[node] y = Conv(image, fed)",
        f"{IMAGE}, float[3,2,1,2] fed",
        {},
    ),
    "quantized weight": (
        RefusalCode.TYPE_UNSUPPORTED,
        "w = DequantizeLinear(q, scale) [node] y = Conv(image, w)",
        IMAGE,
        {"q": np.ones((3, 2, 1, 2), np.int8), "scale": np.array(0.5, np.float32)},
    ),
    "four spatial axes": (
        RefusalCode.NO_RULE,
        "[node] x = Conv(image, a) y = ReduceMax<axes=[4, 5], keepdims=0>(x)",
        "float[N,2,A,B,C,D] image",
        {"a": (3, 2, 1, 2, 1, 1)},
    ),
    "pads that ONNX Runtime takes for negative": (
        RefusalCode.NO_RULE,
        """[node] y = Conv<auto_pad="SAME_UPPER", strides=[1, 5]>(image, a)""",
        IMAGE,
        {"a": (3, 2, 1, 2)},
    ),
    "in a branch": (
        RefusalCode.CONTROL_FLOW,
        "x = Conv(image, a) [node] y = If(which) <then_branch = yes () => (float[N,3,J,K] t)"
        " { t = Conv(image, a) }, else_branch = no () => (float[N,3,J,K] e) { e = Relu(x) }>",
        f"{IMAGE}, bool which",
        {"a": (3, 2, 1, 2)},
    ),
}
"""Refused models: the code, the text, the inputs, the weights; the opset is 17."""

OLD: dict[str, tuple[RefusalCode, str, int]] = {
    "pads that follow the map": (
        RefusalCode.OPSET_TOO_OLD,
        """[node] y = Conv<auto_pad="SAME_UPPER", strides=[2, 2]>(image, a)""",
        8,
    ),
    "no broadcasting": (RefusalCode.OPSET_TOO_OLD, "[node] y = Conv(image, a)", 6),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_refused(name: str) -> None:
    code, text, inputs, weights = CONVOLUTIONS[name]
    model = build(text, inputs=inputs, outputs="float[N,3,P,Q] y", **weights)
    refusal = assert_refused(conv_to_gemm, model)
    assert (refusal.code, refusal.node) == (code, "node")


@pytest.mark.parametrize("name", OLD)
def test_refused_at_an_old_opset(name: str) -> None:
    code, text, opset = OLD[name]
    options = {"inputs": IMAGE, "outputs": "float[N,3,P,Q] y", "a": (3, 2, 1, 2)}
    refusal = assert_refused(conv_to_gemm, build(text, opset=opset, **options))
    assert (refusal.code, refusal.node) == (code, "node")
    newer = gs.import_onnx(build(text, opset=9, **options))
    assert conv_to_gemm.apply(newer).rewrites


def test_others_than_the_one_in_a_branch_can_be_named() -> None:
    _, text, inputs, weights = CONVOLUTIONS["in a branch"]
    model = build(f"[own] {text}", inputs=inputs, outputs="float[N,3,P,Q] y", **weights)
    assert operators(products(model, convolutions="own")).count("Conv") == 0
