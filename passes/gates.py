"""Tell gates, which belong to the trunk, from heads: a gate meets the map again."""

from collections.abc import Callable
from itertools import islice

import onnx_graphsurgeon as gs

from .images import Roles, spatial_axes
from .shapes import Shape
from .use_def import outer_inputs


def has_positions(shape: Shape, roles: Roles | None = None) -> bool:
    """Whether a tensor of some shape has more than one position.

    Args:
        shape: its shape.
        roles: the roles of its axes; ``None`` where they are not known: behind the first axis,
            one that is longer than 1 may be the channels, of several at least one is spatial.
    """
    if roles is None:
        return sum(extent != 1 for extent in shape[1:]) > 1
    return any(shape[axis] != 1 for axis in spatial_axes(roles))


def meets_map(
    graph: gs.Graph, first: gs.Node, position: int, is_map: Callable[[gs.Tensor], bool]
) -> bool:
    """Whether what follows from a node behind a map meets a spatial tensor again.

    Args:
        graph: the graph, in topological order.
        first: the node.
        position: its place in the graph.
        is_map: whether a tensor is computed from the image and has spatial axes.
    """
    own = {id(output) for output in first.outputs}
    # In a topological order, what is no part of the region when it is read never becomes one.
    for node in islice(graph.nodes, position + 1, None):
        operands = list(outer_inputs(node))
        if any(id(tensor) in own for tensor in operands):
            if any(is_map(tensor) and id(tensor) not in own for tensor in operands):
                return True
            own.update(id(output) for output in node.outputs)
    return False
