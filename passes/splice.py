"""Collects the structural changes of a rewrite and makes them in one sweep over the graph."""

from collections.abc import Iterable

import onnx_graphsurgeon as gs

from .evaluation import Constants
from .use_def import UniqueNames, producer
from .weights import WeightEditor


class Splice:
    """New nodes and changed constants of one rewrite.

    Attributes:
        names: names that are free in the graph.
        weights: changes constants of the graph.
    """

    def __init__(self, graph: gs.Graph, constants: Constants) -> None:
        self.names = UniqueNames(graph)
        self.weights = WeightEditor(graph, constants, self.names)
        self._graph = graph
        self._before: dict[int, list[gs.Node]] = {}
        self._after: dict[int, list[gs.Node]] = {}

    def insert_before(self, anchor: gs.Node, node: gs.Node) -> None:
        """Put a new node right before ``anchor``."""
        self._before.setdefault(id(anchor), []).append(node)

    def insert_after(self, anchor: gs.Node, node: gs.Node) -> None:
        """Put a new node right after ``anchor``."""
        self._after.setdefault(id(anchor), []).append(node)

    def finish(self, detached: Iterable[gs.Tensor]) -> None:
        """Put the new nodes in place and remove those that nothing reads any more.

        Args:
            detached: tensors that something read before the rewrite. What only they needed goes;
                nodes that were without effect before stay as they are.
        """
        dead = self._unread_producers(detached)
        nodes = list(self.weights.new_nodes)
        for node in self._graph.nodes:
            if id(node) not in dead:
                nodes += [*self._before.get(id(node), ()), node, *self._after.get(id(node), ())]
        self._graph.nodes[:] = nodes

    def _unread_producers(self, detached: Iterable[gs.Tensor]) -> set[int]:
        outputs = {id(tensor) for tensor in self._graph.outputs}
        dead: set[int] = set()
        pending = list(detached)
        while pending:
            node = producer(pending.pop())
            if node is None or id(node) in dead:
                continue
            if any(tensor.outputs or id(tensor) in outputs for tensor in node.outputs):
                continue
            dead.add(id(node))
            pending.extend(node.inputs)
            node.inputs.clear()
        return dead
