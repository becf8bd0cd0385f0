"""Heads in the forms that people write them, from the file to the proof."""

from typing import Literal

import pytest
from onnx import ModelProto, numpy_helper

import onnxfcn
from tests.model_texts import build, ints, random_array

TRUNK = "map = Conv<strides=[2, 2]>(image, kernel)"
HEADS = {
    "pooled axis by axis": (
        "m = ReduceMean<axes=[3], keepdims=0>(map) p = ReduceMax<axes=[2], keepdims=0>(m)"
        " y = Gemm(p, layer)"
    ),
    "rows weighed": "m = ReduceMean<axes=[3]>(map) f = Flatten(m) y = Gemm(f, rows)",
    "layer of every position": (
        "f = Reshape(map, merged) t = Transpose<perm=[0, 2, 1]>(f) h = MatMul(t, layer)"
        " y = ReduceMean<axes=[1], keepdims=0>(h)"
    ),
    "one cell flattened": "cell = Conv(map, whole) f = Flatten(cell) y = Softmax<axis=1>(f)",
    "one cell squeezed": "cell = Conv(map, whole) r = Relu(cell) y = Squeeze(r)",
    "sample squeezed": "f = Flatten(map) h = Gemm(f, every) y = Squeeze(h)",
    "single answer": "f = Flatten(map) h = Gemm(f, one) s = Sigmoid(h) y = Squeeze(s)",
}


def net(body: str) -> ModelProto:
    return build(
        f"{TRUNK} {body}",
        inputs="float[1,1,9,11] image",
        outputs="float[] y",
        kernel=(3, 1, 3, 3),
        layer=(3, 4),
        rows=(12, 4),
        whole=(4, 3, 4, 5),
        every=(60, 4),
        one=random_array("one", (60, 1)) / 10,
        merged=ints(0, 3, -1),
    )


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("batch", ["keep", "free"])
@pytest.mark.parametrize("head", HEADS)
def test_every_cell_is_proven(head: str, batch: Literal["keep", "free"], step: int) -> None:
    report = onnxfcn.rewrite(net(HEADS[head]), batch=batch, window_step=step)
    assert report.validation is not None
    assert report.validation.proven
    assert report.windows in ({"map": (4, 5)}, {"cell": (1, 1)}, {"r": (1, 1)})
    assert [str(output.exactness and output.exactness.label) for output in report.outputs] == [
        "exact"
    ]


@pytest.mark.parametrize("head", ["sample squeezed", "single answer"])
def test_other_weights_are_not_proven(head: str) -> None:
    original = net(HEADS[head])
    rewritten = onnxfcn.rewrite(original).model
    for tensor in rewritten.graph.initializer:
        if tensor.name in ("every", "one"):
            values = numpy_helper.to_array(tensor).copy()
            values[0] *= 1.5
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    assert not onnxfcn.validate(original, rewritten).passed


def test_head_behind_an_operator_of_which_onnx_infers_no_shape_is_proven() -> None:
    model = build(
        f"{TRUNK} n = GroupNormalization<num_groups=3>(map, ones, ones) c = Conv(n, small)"
        " p = GlobalAveragePool(c) f = Flatten(p) y = Gemm(f, layer)",
        inputs="float[N,1,9,11] image",
        outputs="float[N,4] y",
        opset=21,
        kernel=(3, 1, 3, 3),
        small=(3, 3, 2, 2),
        ones=(3,),
        layer=(3, 4),
    )
    report = onnxfcn.rewrite(model)
    assert report.validation is not None
    assert report.validation.proven
