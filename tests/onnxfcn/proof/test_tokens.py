"""A head on tokens is proven on windows of the map that they were made of."""

from pathlib import Path

import onnx
import pytest
from onnx import ModelProto

import onnxfcn
from tests.model_texts import build
from tests.onnxfcn.model_texts import model
from tests.onnxfcn.proof.regions.test_regions import complaint

TOKENS = """
x = Conv<pads=[1, 1, 1, 1]>(image, kernel)
{}
f = Reshape(x, target) q = Transpose<perm=[0, 2, 1]>(f)
n = LayerNormalization<axis=-1>(q, @(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0))
p = MatMul(n, matrix) v = ReduceMax<keepdims=0>(p, @(1)) out = MatMul(v, matrix)
"""
TARGETS = {
    "computed": "s = Shape<start=0, end=2>(x) target = Concat<axis=0>(s, @(-1))",
    "baked": "target = Identity(@(1, 8, 64))",
}


@pytest.fixture(params=TARGETS)
def original(request: pytest.FixtureRequest) -> ModelProto:
    text = TOKENS.format(TARGETS[request.param])
    return model(text, "float[1, 3, 8, 8]", "float[1, 8] out")


@pytest.fixture
def rewritten(original: ModelProto, tmp_path: Path) -> ModelProto:
    onnxfcn.rewrite(original, tmp_path / "fcn.onnx", validate=False)
    return onnx.load(tmp_path / "fcn.onnx")


def test_tokens_are_proven(original: ModelProto, rewritten: ModelProto) -> None:
    report = onnxfcn.validate(original, rewritten)
    assert report.passed
    assert report.proven


@pytest.mark.parametrize("order", [[0, 3, 2, 1], [0, 1, 2, 3]])
def test_positions_that_are_taken_apart_wrongly_fail(
    order: list[int], original: ModelProto, rewritten: ModelProto
) -> None:
    """Both have the right shape at the original size."""
    (node,) = (n for n in rewritten.graph.node if n.output[0].endswith("_map_transposed"))
    node.attribute[0].ints[:] = order
    with pytest.raises(onnxfcn.ValidationFailedError):
        onnxfcn.validate(original, rewritten)


ATTENTION = """
x = Conv(image, kernel) f = Reshape(x, @(1, 8, 36)) k = Transpose<perm=[0, 2, 1]>(f)
s = MatMul(f, k) d = Div(s, @(36.0)) p = Softmax<axis=-1>(d) v = MatMul(p, f) {}
"""
BEHIND = {
    "pool of positions": "m = ReduceMean<keepdims=0>(v, @(2)) out = MatMul(m, matrix)",
    "dense layer": "r = Reshape(v, @(1, 288)) out = MatMul(r, flat)",
}


@pytest.mark.parametrize("head", BEHIND)
def test_tokens_behind_a_statistic_are_not_called_wrong(head: str) -> None:
    """Windows of the map before it have another statistic each, and tokens cannot be cut."""
    original = build(
        ATTENTION.format(BEHIND[head]),
        inputs="float[1, 3, 8, 8] image",
        outputs="float[1, 8] out",
        opset=18,
        kernel=(8, 3, 3, 3),
        matrix=(8, 8),
        flat=(288, 8),
    )
    rewritten = onnxfcn.rewrite(original, validate=False).model
    says = "whether 'out' is right cannot be told: 'v' depends on all of the map"
    assert complaint(original, rewritten).startswith(says)
