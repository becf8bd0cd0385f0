"""The exact nodes that the rewrite leaves, in onnx.parser text."""

import numpy as np
import onnx_graphsurgeon as gs
import pytest

from passes import Rewrite, dynamic_spatial_axes, flatten_gemm_to_conv
from tests.model_texts import build
from tests.passes.judges import assert_nodes
from tests.passes.models import head_model, rewrite

LENET_HEAD = """
v = Flatten(map)
[fc1] h1 = Gemm<transB=1>(v, w1, b1)
[relu1] r1 = Relu(h1)
[fc2] h2 = Gemm<transB=1>(r1, w2, b2)
[relu2] r2 = Relu(h2)
[fc3] h3 = Gemm<transB=1>(r2, w3, b3)
[answer] y = Softmax{axis}(h3)
"""
LENET_WEIGHTS = {"w1": (8, 40), "b1": (8,), "w2": (6, 8), "b2": (6,), "w3": (3, 6), "b3": (3,)}

LENET_CONVOLUTIONS = """
map = Conv<strides=[2, 2]>(image, kernel)
[fc1] h1 = Conv<kernel_shape=[4, 5]>(map, w1, b1)
[relu1] r1 = Relu(h1)
[fc2] h2 = Conv<kernel_shape=[1, 1]>(r1, w2, b2)
[relu2] r2 = Relu(h2)
[fc3] h3 = Conv<kernel_shape=[1, 1]>(r2, w3, b3)
"""

SOFTMAX_BETWEEN_TRANSPOSES = """
[answer_transpose] h3_transposed = Transpose<perm=[0, 2, 3, 1]>(h3)
[answer] y_last = Softmax<axis=3>(h3_transposed)
[answer_transpose_1] y = Transpose<perm=[0, 3, 1, 2]>(y_last)
"""


@pytest.mark.parametrize("axis", ["", "<axis=-1>", "<axis=1>"])
def test_lenet_head_at_opset_13(axis: str) -> None:
    model = head_model(LENET_HEAD.format(axis=axis), opset=13, **LENET_WEIGHTS)
    assert_nodes(rewrite(model), LENET_CONVOLUTIONS + "[answer] y = Softmax<axis=1>(h3)")


@pytest.mark.parametrize("axis", ["", "<axis=-1>", "<axis=1>"])
def test_softmax_before_opset_13_stands_between_transposes(axis: str) -> None:
    model = head_model(LENET_HEAD.format(axis=axis), opset=12, **LENET_WEIGHTS)
    assert_nodes(rewrite(model), LENET_CONVOLUTIONS + SOFTMAX_BETWEEN_TRANSPOSES)


def test_opset_9_clip_and_step() -> None:
    model = head_model(
        "v = Flatten(map) h = MatMul(v, w) c = Clip<min=0.0, max=6.0>(h) p = MatMul(c, u)"
        " [answer] y = LogSoftmax(p)",
        opset=9,
        w=(40, 4),
        u=(4, 3),
    )
    assert_nodes(
        rewrite(model, window_step=(2, 3)),
        """
        map = Conv<strides=[2, 2]>(image, kernel)
        h = Conv<kernel_shape=[4, 5], strides=[2, 3]>(map, w)
        c = Clip<min=0.0, max=6.0>(h)
        p = Conv<kernel_shape=[1, 1]>(c, u)
        [answer_transpose] p_transposed = Transpose<perm=[0, 2, 3, 1]>(p)
        [answer] y_last = LogSoftmax<axis=3>(p_transposed)
        [answer_transpose_1] y = Transpose<perm=[0, 3, 1, 2]>(y_last)
        """,
    )


def test_matmul_and_add_become_conv_and_broadcast_add() -> None:
    model = head_model(
        "v = Reshape(map, to) p = MatMul(v, w) s = Add(p, b) y = Mul(s, two)",
        to=np.array([0, -1]),
        w=(40, 3),
        b=(3,),
        two=np.array(2, np.float32),
    )
    rewritten = rewrite(model)
    assert_nodes(
        rewritten,
        """
        map = Conv<strides=[2, 2]>(image, kernel)
        p = Conv<kernel_shape=[4, 5]>(map, w)
        s = Add(p, b)
        y = Mul(s, two)
        """,
    )
    dims = {tensor.name: list(tensor.dims) for tensor in rewritten.graph.initializer}
    assert dims == {"kernel": [2, 3, 3, 3], "w": [3, 2, 4, 5], "b": [3, 1, 1], "two": []}


def test_weight_of_two_layers_is_cloned_once_a_shape() -> None:
    model = head_model(
        "v = Flatten(map) h = Gemm<transB=1>(v, w) y = Gemm<transB=1>(h, w)", w=(40, 40)
    )
    rewritten = rewrite(model)
    assert_nodes(
        rewritten,
        """
        map = Conv<strides=[2, 2]>(image, kernel)
        h = Conv<kernel_shape=[4, 5]>(map, w_fcn)
        y = Conv<kernel_shape=[1, 1]>(h, w)
        """,
    )
    dims = {tensor.name: list(tensor.dims) for tensor in rewritten.graph.initializer}
    assert dims == {"kernel": [2, 3, 3, 3], "w_fcn": [40, 2, 4, 5], "w": [40, 40, 1, 1]}


def test_kernel_in_the_order_of_the_weight_keeps_its_bytes() -> None:
    model = head_model("v = Flatten(map) y = Gemm<transB=1>(v, w)", w=(3, 40))
    before = {tensor.name: tensor.raw_data for tensor in model.graph.initializer}
    after = {tensor.name: tensor.raw_data for tensor in rewrite(model).graph.initializer}
    assert after == before


def test_result_tells_what_became_of_every_changed_node() -> None:
    model = head_model(
        "v = Flatten(map) [fc] h = Gemm(v, w, b) r = Relu(h) [answer] y = Softmax(r)",
        outputs="float[N,3] y",
        w=(40, 3),
        b=(3,),
    )
    graph = gs.import_onnx(model)
    lifted = flatten_gemm_to_conv.apply(graph, window_step=2)
    assert lifted.refusals == ()
    assert lifted.rewrites == (
        Rewrite(
            node="fc",
            before="Gemm 40 -> 3",
            after="Conv 4x5x2 -> 3",
            feature_map="map",
            window=(4, 5),
        ),
        Rewrite(node="answer", before="Softmax axis -1", after="Softmax axis 1"),
        Rewrite(node="y", before="output [N, 3]", after="output [N, 3, 1, 1]"),
    )
    freed = dynamic_spatial_axes.apply(graph)
    assert freed.refusals == ()
    assert [(rewrite.node, rewrite.before) for rewrite in freed.rewrites] == [
        ("image", "input [N, 3, 9, 11]"),
        ("y", "output [N, 3, 1, 1]"),
    ]


def test_nothing_to_rewrite_changes_nothing() -> None:
    model = build(
        "h = Conv(image, kernel) y = Relu(h)",
        inputs="float[N,3,9,11] image",
        outputs="float[N,2,7,9] y",
        kernel=(2, 3, 3, 3),
    )
    graph = gs.import_onnx(model)
    result = flatten_gemm_to_conv.apply(graph)
    assert (result.rewrites, result.refusals) == ((), ())
    assert gs.export_onnx(graph) == gs.export_onnx(gs.import_onnx(model))


def test_second_run_finds_nothing_to_do() -> None:
    graph = gs.import_onnx(head_model("v = Flatten(map) y = Gemm(v, w)", w=(40, 3)))
    flatten_gemm_to_conv.apply(graph)
    once = gs.export_onnx(graph)
    again = flatten_gemm_to_conv.apply(graph)
    assert (again.rewrites, again.refusals) == ((), ())
    assert gs.export_onnx(graph) == once


def test_same_model_in_same_bytes_out() -> None:
    model = head_model(LENET_HEAD.format(axis=""), opset=9, **LENET_WEIGHTS)
    first, second = (rewrite(model).SerializeToString(deterministic=True) for _ in range(2))
    assert first == second
