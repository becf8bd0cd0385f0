"""Windows, pads and weights of a matrix product: what random convolutions do not draw."""

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import pytest

from passes import conv_to_gemm, flatten_gemm_to_conv
from tests.model_texts import build, random_array
from tests.passes.judges import assert_same_answers
from tests.passes.matmul.products import IMAGE, products
from tests.passes.models import head_model


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


@pytest.mark.parametrize("strides", ["[4, 4]", "[3, 4]", "[1, 2]"])
def test_strides_that_pass_over_positions(strides: str) -> None:
    text = f"""y = Conv<auto_pad="SAME_UPPER", strides={strides}>(image, a)"""
    model = build(text, inputs=IMAGE, outputs="float[N,3,P,Q] y", a=(3, 2, 2, 2))
    for size in ((8, 8), (9, 11), (12, 10)):
        assert_same_answers(model, products(model), random_array("image", (1, 2, *size)))


def test_dense_weights_come_back_bit_for_bit() -> None:
    model = head_model("v = Flatten(map) [fc] y = Gemm<transB=1>(v, w, b)", w=(6, 40), b=(6,))
    graph = gs.import_onnx(model)
    flatten_gemm_to_conv.apply(graph)
    conv_to_gemm.apply(graph, convolutions="heads")
    (product,) = [node for node in graph.nodes if node.op == "MatMul"]
    stored = {w.name: onnx.numpy_helper.to_array(w) for w in model.graph.initializer}
    undone = product.inputs[1].values.reshape(4, 5, 2, 6).transpose(3, 2, 0, 1).reshape(6, 40)
    np.testing.assert_array_equal(undone, stored["w"])
