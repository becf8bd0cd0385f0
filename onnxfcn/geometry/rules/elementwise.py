"""Operators that compute every element from the same element of their inputs."""

from dataclasses import replace

import numpy as np
import onnx_graphsurgeon as gs

from passes.operators import KEEPS_ZERO, UNARY, VARIADIC

from ..seen import Seen, joined
from ..trace import Rule, Trace

_BY_ELEMENT = UNARY | frozenset("BatchNormalization Clip DequantizeLinear QuantizeLinear".split())


def by_element(node: gs.Node, trace: Trace) -> list[Seen]:
    """One tensor in; numbers for all elements or for channels beside it."""
    data = trace[node.inputs[0]]
    if data.mark is None:
        return [data]
    found = joined([data], trace.salt(node))
    if node.op not in KEEPS_ZERO or found.mark is None:
        return [found]
    # Zeros, of pads and of gaps, are what they are elsewhere.
    return [replace(found, mark=np.where(data.mark == 0, np.uint64(0), found.mark))]


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
