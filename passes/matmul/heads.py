"""Which convolutions are dense layers that slide: the heads of a fully convolutional network."""

import onnx_graphsurgeon as gs

from ..evaluation import Constants
from ..operators import GLOBAL_POOLS, POOLS
from ..use_def import is_standard, outer_inputs
from .convolution import read_convolution

_READS_NEIGHBOURS = GLOBAL_POOLS | POOLS | {"ConvTranspose"}


def head_convolutions(graph: gs.Graph, constants: Constants) -> list[gs.Node]:
    """Convolutions without pads behind which only convolutions of single cells follow.

    No pool and no convolution reads neighbouring cells of what they compute, so each of their
    cells is the answer on one window.

    Args:
        graph: the graph; not changed.
        constants: its constants.

    Raises:
        Refused: such a convolution has a weight that is not constant.
    """
    found: list[gs.Node] = []
    neighbours_read: set[int] = set()
    for node in reversed(graph.nodes):
        below = any(id(output) in neighbours_read for output in node.outputs)
        if is_standard(node, "Conv") and not below:
            if _is_padded(node):
                below = True
            else:
                convolution = read_convolution(node, constants)
                found.append(node)
                below = not convolution.is_pointwise
        if below or is_standard(node, *_READS_NEIGHBOURS):
            neighbours_read.update(id(tensor) for tensor in outer_inputs(node))
    return found[::-1]


def _is_padded(node: gs.Node) -> bool:
    automatic = node.attrs.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID")
    return automatic or any(node.attrs.get("pads") or ())
