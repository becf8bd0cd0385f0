"""A head on tokens is proven on windows of the map that they were made of."""

from pathlib import Path

import onnx
import pytest
from onnx import ModelProto

import onnxfcn
from tests.onnxfcn.model_texts import model

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
