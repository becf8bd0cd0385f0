"""Follow a window from its map through the nodes before a dense layer or a pool."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import onnx_graphsurgeon as gs

from .evaluation import Constants
from .lift.pooling import pooled_axes
from .operators import REDUCTIONS
from .result import Refused
from .shapes import Shape
from .use_def import is_standard
from .view_chain import is_view, moved
from .window import Scattered, Window, at_positions, reduced


def window_behind(
    graph: gs.Graph,
    chain: Sequence[gs.Node],
    reader: gs.Node,
    window: Window,
    shapes: Mapping[str, Shape],
    constants: Constants,
) -> Window | None:
    """The window as a chain of nodes hands it on, values left aside.

    Args:
        graph: the graph; not changed.
        chain: views, elementwise nodes, reductions and layers at every position, first to last.
        reader: the node that reads the last one's output.
        window: the window that the first one reads.
        shapes: static shapes at the original input size.
        constants: constant tensors of the graph.

    Returns:
        The window; ``None`` where a node does something else with it.
    """
    for node, follower in pairwise([*chain, reader]):
        output = next(made for made in node.outputs if any(made is t for t in follower.inputs))
        try:
            behind = _behind(graph, node, output, window, shapes, constants)
        except Refused:
            return None
        if not isinstance(behind, Window):
            return None
        window = behind
    return window


def _behind(
    graph: gs.Graph,
    node: gs.Node,
    output: gs.Tensor,
    window: Window,
    shapes: Mapping[str, Shape],
    constants: Constants,
) -> Window | Scattered | None:
    """The window behind one node.

    Raises:
        Refused: a view cannot be followed.
    """
    if is_view(node, constants):
        return moved(graph, node, output, window, shapes)
    shape = shapes.get(output.name, ())
    if is_standard(node, *REDUCTIONS):
        axes = pooled_axes(node, window.order.ndim + 1, (), constants)
        keeps = bool(node.attrs.get("keepdims", 1))
        return None if axes is None else reduced(window, axes, keeps=keeps)
    if is_standard(node, "MatMul"):
        units = shape[-1] if shape else None
        return at_positions(window, units) if isinstance(units, int) else None
    return window if shape[1:] == window.order.shape else None
