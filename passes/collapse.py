"""Where the spatial axes of a feature map disappear."""

from dataclasses import dataclass

import onnx_graphsurgeon as gs

from .use_def import downstream
from .window import Window


@dataclass(frozen=True)
class Collapse:
    """Where the spatial axes disappear.

    Attributes:
        node: a dense layer on a window of a feature map, a pool over all of it, or a view of a map
            that is a single cell.
        window: the whole feature map.
        chain: the nodes that move data between the map and ``node``, first to last.
    """

    node: gs.Node
    window: Window
    chain: tuple[gs.Node, ...]

    @property
    def first(self) -> gs.Node:
        """The first node behind the feature map."""
        return self.chain[0] if self.chain else self.node


def nodes_behind(graph: gs.Graph, first: gs.Node) -> list[gs.Node]:
    """A node and all that depend on it, in graph order."""
    return [first, *(node for node in downstream(graph, first.outputs) if node is not first)]
