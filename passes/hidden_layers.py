"""Dense layers in forms that no pass takes: quantized ones, and other people's operators."""

from collections.abc import Sequence

import onnx_graphsurgeon as gs

from .result import RefusalCode, refuse
from .use_def import downstream, is_standard

_INTEGER_PRODUCTS = ("MatMulInteger", "QLinearMatMul")


def check_nothing_hidden(graph: gs.Graph, images: Sequence[gs.Tensor]) -> None:
    """See that no dense layer goes by another name, in a graph that seems to have none.

    Args:
        graph: the graph.
        images: its inputs that are images.

    Raises:
        Refused: a layer may; names the first such node.
    """
    for node in downstream(graph, images):
        if is_standard(node) and node.op not in _INTEGER_PRODUCTS:
            continue
        raise refuse(
            RefusalCode.NO_RULE if is_standard(node) else RefusalCode.CUSTOM_OPERATOR,
            node,
            expected="dense layers that are Gemm or MatMul, between QuantizeLinear and"
            " DequantizeLinear where they are quantized",
            found=f"{node.domain}.{node.op}" if node.domain else node.op,
        )
