"""What a node reads."""

from collections.abc import Iterator

from onnx import NodeProto

MEASURES = frozenset({"Shape", "Size"})
"""Operators that read the shape of a tensor, and none of its values."""


def operands(node: NodeProto) -> Iterator[str]:
    """Names that a node reads; for a branch, all names that it might read from outside."""
    yield from (name for name in node.input if name)
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            own = {name for inner in graph.node for name in inner.output}
            own |= {value.name for value in graph.input}
            own |= {tensor.name for tensor in graph.initializer}
            for inner in graph.node:
                yield from (name for name in operands(inner) if name not in own)
