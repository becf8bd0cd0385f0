"""The nodes of a graph by what they compute, and the way back from a tensor to others."""

from collections.abc import Set

from onnx import GraphProto, NodeProto

from ..files.operands import operands


class GraphLinks:
    """A graph with the nodes that compute its tensors.

    Attributes:
        nodes: its nodes, in graph order.
        producers: index of the node that computes a tensor, by its name.
    """

    def __init__(self, graph: GraphProto) -> None:
        self.nodes = list(graph.node)
        self.producers = {
            name: index for index, node in enumerate(self.nodes) for name in node.output if name
        }
        weights = {tensor.name for tensor in graph.initializer}
        self._inputs = {value.name for value in graph.input} - weights

    def between(self, output: str, stops: Set[str]) -> tuple[frozenset[str], tuple[NodeProto, ...]]:
        """Go back from a tensor that a node computes to others.

        Args:
            output: name of the tensor.
            stops: names of tensors where the walk ends; at graph inputs it ends as well.

        Returns:
            Names of the tensors where the walk ended, and the nodes between them and ``output``,
            in graph order.
        """
        found: set[str] = set()
        nodes = {self.producers[output]}
        pending = list(operands(self.nodes[self.producers[output]]))
        while pending:
            name = pending.pop()
            if name in self._inputs or name in stops:
                found.add(name)
            elif name in self.producers and self.producers[name] not in nodes:
                nodes.add(self.producers[name])
                pending += operands(self.nodes[self.producers[name]])
        return frozenset(found), tuple(self.nodes[index] for index in sorted(nodes))

    def before(self, names: Set[str]) -> frozenset[str]:
        """Names of the tensors that some tensors are computed from, and their own."""
        nodes = [node for name in names for node in self.between(name, frozenset())[1]]
        return frozenset(name for node in nodes for name in node.output)


def node_text(node: NodeProto) -> str:
    """A node for people: ``conv1 (Conv)``."""
    name = node.name or next((name for name in node.output if name), "")
    return f"{name} ({node.op_type})"
