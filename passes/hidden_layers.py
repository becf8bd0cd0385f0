"""Dense layers and pools in forms that no pass takes: quantized ones, other people's operators."""

from collections.abc import Callable, Sequence

import onnx_graphsurgeon as gs

from .evaluation import Constants
from .growth import Growth
from .lift.pooling import POOLING
from .operators import GLOBAL_POOLS, REDUCTIONS
from .result import RefusalCode, Refused, refuse
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


def check_growth(
    graph: gs.Graph,
    growth: Growth,
    meets_map: Callable[[gs.Node], bool],
    constants: Constants,
    lost: Callable[[gs.Node], Refused | None],
) -> None:
    """See that the answers of a graph that seems to have no head grow with the image.

    Args:
        graph: the graph.
        growth: what grows with the image.
        meets_map: whether what follows from a node meets a spatial tensor again.
        constants: constant tensors of the graph.
        lost: why the image's axes could not be followed through a node; ``None`` where they could.

    Raises:
        Refused: positions are reduced, picked or weighed one by one, and no head was found behind
            them.
    """
    for node in graph.nodes:
        weighs = is_standard(node, "MatMul") and node.inputs[1] in constants
        picks = is_standard(node, "Gather")
        # Behind attention, it is not known what grows: there the token that answers is picked.
        if picks and (cause := lost(node)) is not None and not meets_map(node):
            raise cause
        takes = weighs or is_standard(node, *REDUCTIONS, *GLOBAL_POOLS)
        if not takes or not growth.ends_at(node) or meets_map(node):
            continue
        pools = weighs or is_standard(node, *POOLING)
        raise refuse(
            RefusalCode.MAP_SIZED_CONSTANT if weighs else RefusalCode.NO_RULE,
            node,
            expected="views, elementwise operators and layers of single positions between a map"
            " and what takes its positions together"
            if pools
            else "a reduction of positions that a pool can do",
            found=f"{node.op} of '{node.inputs[0].name}'" + ", made otherwise" * pools,
        )
