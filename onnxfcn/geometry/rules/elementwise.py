"""Operators that compute every element from the same element of their inputs."""

import onnx_graphsurgeon as gs

from passes.operators import UNARY, VARIADIC

from ..seen import Seen, joined
from ..trace import Rule, Trace

_BY_ELEMENT = UNARY | frozenset("BatchNormalization Clip DequantizeLinear QuantizeLinear".split())


def by_element(node: gs.Node, trace: Trace) -> list[Seen]:
    """One tensor in; numbers for all elements or for channels beside it."""
    data = trace[node.inputs[0]]
    return [joined([data], trace.salt(node)) if trace.view.marked else data]


def dropout(node: gs.Node, trace: Trace) -> list[Seen]:
    """Dropout at inference, and its mask."""
    return [trace[node.inputs[0]]] * 2


def broadcast(node: gs.Node, trace: Trace) -> list[Seen]:
    """Several tensors in, broadcast against one another."""
    tensors = [tensor for tensor in node.inputs if tensor.name]
    return [joined(trace.parts(node, tensors), trace.salt(node))]


RULES: dict[str, Rule] = {
    **dict.fromkeys(_BY_ELEMENT, by_element),
    **dict.fromkeys(VARIADIC, broadcast),
    "Dropout": dropout,
}
