"""What a graphsurgeon graph computes from what, by identity, and the names that are free in it."""

from collections.abc import Iterable, Iterator

import onnx_graphsurgeon as gs


def is_standard(node: gs.Node, *operators: str) -> bool:
    """Whether a node is one of ``operators`` (any, where none are named) of the ai.onnx domain."""
    return node.domain in (None, "", "ai.onnx") and (not operators or node.op in operators)


def producer(tensor: gs.Tensor) -> gs.Node | None:
    """The node that computes a tensor; ``None`` for graph inputs and initializers."""
    return tensor.inputs[0] if tensor.inputs else None


def has_subgraph(node: gs.Node) -> bool:
    """Whether a node carries a branch or a loop body."""
    return next(node.subgraphs(), None) is not None


def outer_inputs(node: gs.Node) -> Iterator[gs.Tensor]:
    """Inputs of a node, and the tensors that its subgraphs take from the outer graph.

    gs shares the tensor objects of the outer graph with the subgraph, so a tensor that nothing
    inside the subgraph produces is an outer one (or an input of the subgraph, which does no harm
    to callers that look tensors up among those of the outer graph).
    """
    yield from (tensor for tensor in node.inputs if tensor.name)
    for subgraph in node.subgraphs(recursive=True):
        for inner in subgraph.nodes:
            yield from (tensor for tensor in inner.inputs if tensor.name)
        yield from subgraph.outputs


def downstream(graph: gs.Graph, sources: Iterable[gs.Tensor]) -> list[gs.Node]:
    """Nodes that depend on ``sources``, in graph order (which ONNX requires to be topological)."""
    reached = {id(tensor) for tensor in sources}
    nodes = []
    for node in graph.nodes:
        if any(id(tensor) in reached for tensor in outer_inputs(node)):
            nodes.append(node)
            reached.update(id(tensor) for tensor in node.outputs)
    return nodes


def reached(graph: gs.Graph, sources: Iterable[gs.Tensor]) -> set[int]:
    """``id`` of ``sources`` and of all tensors that depend on them."""
    tensors = list(sources)
    nodes = downstream(graph, tensors)
    return {id(tensor) for tensor in tensors} | {id(t) for node in nodes for t in node.outputs}


def upstream(tensor: gs.Tensor) -> set[int]:
    """``id`` of all nodes that a tensor is computed from."""
    pending, found = list(tensor.inputs), set[int]()
    while pending:
        node = pending.pop()
        if id(node) not in found:
            found.add(id(node))
            pending += [maker for operand in outer_inputs(node) for maker in operand.inputs]
    return found


def is_graph_output(graph: gs.Graph, tensor: gs.Tensor) -> bool:
    """Whether a tensor is one of the graph's outputs."""
    return any(output is tensor for output in graph.outputs)


class UniqueNames:
    """Hands out names that no tensor and no node of a graph has."""

    def __init__(self, graph: gs.Graph) -> None:
        self._taken = set(graph.tensors())
        self._taken.update(node.name for node in graph.nodes)
        for subgraph in graph.subgraphs(recursive=True):
            self._taken.update(subgraph.tensors())

    def __call__(self, base: str) -> str:
        """``base``, or ``base_1``, ``base_2``, ... where that is taken."""
        name, count = base, 0
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken.add(name)
        return name
