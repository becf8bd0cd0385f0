"""Convolutions as windows and matrix products: which ones are chosen, and which are refused."""

import re
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs
import pytest

from passes import RefusalCode, conv_to_gemm
from passes.options import OptionError
from tests.model_texts import build, random_array
from tests.passes.judges import assert_refused, assert_same_answers
from tests.passes.matmul.products import IMAGE, KERNELS, TWO_LAYERS, operators, products


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


def test_padded_layer_is_no_head_whatever_its_weight_is() -> None:
    text = "[one] x = Conv(image, a) y = Conv<kernel_shape=[3, 3], pads=[1, 1, 1, 1]>(image, fed)"
    inputs = f"{IMAGE}, float[3,2,3,3] fed"
    model = build(text, inputs=inputs, outputs="float[] x, float[] y", a=KERNELS["a"])
    rewritten = products(model, convolutions="heads")
    assert [n.input[1] for n in rewritten.graph.node if n.op_type == "Conv"] == ["fed"]


@pytest.mark.parametrize("which", ["one,three", "three, two", "heads,one", "one,", "three", "zzz*"])
def test_name_of_no_convolution_is_wrong(which: str) -> None:
    model = build(TWO_LAYERS, inputs=IMAGE, outputs="float[] y", **KERNELS)
    wrong = next(name.strip() for name in which.split(",") if name.strip() not in ("one", "two"))
    graph = gs.import_onnx(model)
    with pytest.raises(OptionError, match=f"no Conv matches '{re.escape(wrong)}'; .* one is 'two'"):
        conv_to_gemm.apply(graph, convolutions=which)
    assert [node.op for node in graph.nodes] == ["Conv", "Relu", "Conv"]


@pytest.mark.parametrize("which", ["all", "heads", "three,fc*"])
def test_without_a_convolution_nothing_is_done(which: str) -> None:
    model = build("y = Relu(image)", inputs=IMAGE, outputs="float[] y")
    result = conv_to_gemm.apply(gs.import_onnx(model), convolutions=which)
    assert (result.rewrites, result.refusals) == ((), ())


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
