"""Which convolutions are dense layers that slide: the heads of a fully convolutional network."""

from collections.abc import Sequence

import onnx_graphsurgeon as gs

from ..evaluation import Constants
from ..kernels import Kernel, kernels
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
        Refused: the kernel of a Conv without ``kernel_shape`` is not known.
    """
    found: list[gs.Node] = []
    neighbours_read: set[int] = set()
    for node in reversed(graph.nodes):
        below = any(id(output) in neighbours_read for output in node.outputs)
        if is_standard(node, "Conv") and not below:
            axes = _axes(node, constants)
            if not any(axis.is_padded for axis in axes):
                found.append(node)
            below = not all(axis.is_trivial for axis in axes)
        if below or is_standard(node, *_READS_NEIGHBOURS):
            neighbours_read.update(id(tensor) for tensor in outer_inputs(node))
    return found[::-1]


def _axes(node: gs.Node, constants: Constants) -> Sequence[Kernel]:
    """The kernel of a Conv along each spatial axis, whatever its weight is if that can be."""
    sizes = node.attrs.get("kernel_shape")
    return kernels(node, sizes) if sizes else read_convolution(node, constants).axes
