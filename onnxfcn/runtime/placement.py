"""Which nodes ONNX Runtime left to the CPU though another execution provider was asked for."""

from collections.abc import Iterator

import onnxruntime as ort
from onnx import GraphProto, TensorProto

from ..errors import UsageError
from ..files.operands import MEASURES, operands
from .providers import CPU, Provider

RECORD_ENTRY = "session.record_ep_graph_assignment_info"
"""Entry of a session's configuration without which it cannot be told."""


def fallen_back(
    session: ort.InferenceSession, graph: GraphProto, provider: Provider
) -> list[tuple[str, str]]:
    """Nodes with activations that run on the CPU, by name and operator.

    Shape arithmetic, whatever depends on the extents of activations only, may stay there: the
    shapes are there already.

    Args:
        session: the session, whose configuration has ``RECORD_ENTRY``.
        graph: its graph.
        provider: what was asked for.

    Raises:
        UsageError: this ONNX Runtime does not tell.
    """
    if not hasattr(session, "get_provider_graph_assignment_info"):
        raise UsageError(
            f"this onnxruntime ({ort.__version__}) does not tell which nodes {provider.name} takes:"
            " install a newer one"
        )
    parts = session.get_provider_graph_assignment_info()
    nodes = [node for part in parts if part.ep_name == CPU for node in part.get_nodes()]
    # A node that the runtime made itself is none of the graph's, and nobody knows its inputs.
    arithmetic = shape_arithmetic(graph)
    left = [(node.name, node.op_type) for node in nodes]
    return [node for node in left if node not in arithmetic]


def shape_arithmetic(graph: GraphProto) -> set[tuple[str, str]]:
    """Name and operator of nodes that no activation goes into, except to be measured."""
    weights = {tensor.name for tensor in graph.initializer}
    active = {name for name in _activations(graph) if name not in weights}
    idle: set[tuple[str, str]] = set()
    busy: set[tuple[str, str]] = set()
    for node in graph.node:  # Producers come before consumers.
        if node.op_type in MEASURES or active.isdisjoint(operands(node)):
            idle.add((node.name, node.op_type))
        else:
            busy.add((node.name, node.op_type))
            active.update(node.output)
    return idle - busy


def _activations(graph: GraphProto) -> Iterator[str]:
    """Names of inputs that are no list of extents."""
    for value in graph.input:
        tensor = value.type.tensor_type
        is_list = tensor.HasField("shape") and len(tensor.shape.dim) <= 1
        if not (is_list and tensor.elem_type == TensorProto.INT64):
            yield value.name
