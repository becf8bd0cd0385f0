"""Signals ``[N, T]``, which have no axis of channels, through the whole rewrite."""

import numpy as np
import pytest
from onnx import ModelProto

import onnxfcn
from tests.model_texts import build, ints, random_array
from tests.passes.judges import run


def classifier(norm: str = "s = Identity(signal)") -> ModelProto:
    return build(
        f"{norm} first = Unsqueeze(s, one) c = Conv<strides=[4]>(first, kernel) r = Relu(c)"
        " map = Conv<strides=[2]>(r, mixing) p = ReduceMean<axes=[2], keepdims=0>(map)"
        " h = Gemm(p, w) y = Softmax<axis=1>(h)",
        inputs="float[N,121] signal",
        outputs="float[N,3] y",
        one=ints(1),
        kernel=(4, 1, 9),
        mixing=(6, 4, 3),
        w=(6, 3),
    )


def test_signal_is_rewritten_proven_and_placed() -> None:
    model = classifier()
    report = onnxfcn.rewrite(model, sizes=[(160,)])
    assert report.validation.proven
    assert report.windows == {"map": (14,)}
    (output,) = report.outputs
    assert output.exactness is not None
    assert output.exactness.label == "exact"
    geometry = onnxfcn.Geometry.from_model(report.model)
    assert geometry.map_size(161) == (6,)
    assert (geometry.crop(2).start, geometry.crop(2).stop) == ((16,), (137,))
    signal = random_array("signal", (2, 161))
    (cells,) = run(report.model, signal)
    for cell in range(6):
        (expected,) = run(model, signal[:, 8 * cell : 8 * cell + 121])
        np.testing.assert_allclose(cells[:, :, cell], expected, rtol=1e-4, atol=1e-5)


def test_mean_of_the_signal_stays_that_of_all_of_it() -> None:
    centred = "m = ReduceMean<axes=[1]>(signal) s = Sub(signal, m)"
    report = onnxfcn.rewrite(classifier(centred))
    assert report.validation.proven
    (output,) = report.outputs
    assert output.exactness is not None
    assert output.exactness.label == "approximate"


def test_signal_by_matrix_products_keeps_its_layout() -> None:
    report = onnxfcn.rewrite(classifier(), passes=["conv_to_gemm"])
    assert report.validation.proven
    assert "Conv" not in {node.op_type for node in report.model.graph.node}


def test_table_has_nothing_to_rewrite() -> None:
    table = build("h = Gemm(row, w) y = Relu(h)", inputs="float[N,9] row", w=(9, 3))
    with pytest.raises(onnxfcn.NothingToRewriteError):
        onnxfcn.rewrite(table)
