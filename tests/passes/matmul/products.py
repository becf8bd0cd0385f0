"""Models of two convolutions, and what conv_to_gemm makes of a model."""

from typing import Any

import onnx
import onnx_graphsurgeon as gs

from passes import conv_to_gemm
from tests.passes.models import export

IMAGE = "float[N,2,H,W] image"
KERNELS: dict[str, Any] = {"a": (3, 2, 1, 2), "b": (4, 3, 1, 1), "c": (4,)}
TWO_LAYERS = "[one] x = Conv(image, a) r = Relu(x) [two] y = Conv(r, b, c)"


def products(model: onnx.ModelProto, **options: Any) -> onnx.ModelProto:
    """The model after the pass, exported and checked."""
    graph = gs.import_onnx(model)
    result = conv_to_gemm.apply(graph, **options)
    assert result.refusals == ()
    return export(graph)


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]
