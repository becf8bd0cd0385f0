"""What onnx's checker takes for granted: data that fills its dims, and functions that end."""

from math import prod

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto
from onnx.external_data_helper import uses_external_data

from .stored_model import StoredModel
from .tensor_data import element_bits, stored_bytes, tensors

_LARGEST = 2**62
"""Elements; the products of larger dims overflow."""
_LONGEST = 2**22
"""Extent of an axis of an input; what is told of every position takes memory."""
_LARGEST_EXPANSION = 2**18
"""Nodes of a model whose functions are written out, as shape inference does."""
_SHARE_NUMBERS = (2, 4)
"""Bits of elements of which several stand in one number."""
_FIELDS = "raw_data string_data float_data int32_data int64_data double_data uint64_data".split()


def find_fault(model: StoredModel) -> str:
    """Look for what would fail, or never end, in code that trusts a model.

    Args:
        model: a model whose external data was looked at when it was loaded.

    Returns:
        What is wrong and where; empty where nothing is.
    """
    proto = model.proto
    # Listing the tensors keeps them alive, so that an id stays one tensor's own.
    initializers = list(proto.graph.initializer)
    left_out = {id(tensor) for tensor in initializers if model.lacks_data(tensor)}
    graphs = [proto.graph, *(GraphProto(node=function.node) for function in proto.functions)]
    stored = [tensor for graph in graphs for tensor in tensors(graph)]
    for tensor in stored:
        fault = _dims_fault(tensor)
        if not fault and id(tensor) not in left_out and not uses_external_data(tensor):
            fault = _data_fault(tensor)
        if fault:
            return f"the tensor '{tensor.name}' {fault}"
    return _names_fault(proto.graph) or _extents_fault(proto.graph) or _expansion_fault(proto)


def _dims_fault(tensor: TensorProto) -> str:
    dims = list(tensor.dims)
    if min(dims, default=0) < 0:
        return f"has the negative dims {dims}"
    return f"has the dims {dims}, too large" if prod(filter(None, dims)) > _LARGEST else ""


def _data_fault(tensor: TensorProto) -> str:
    """How the data in a tensor contradicts its dims and data type."""
    bits = element_bits(tensor.data_type)
    if not bits:
        return f"has the data type {tensor.data_type}, which there is not"
    name = TensorProto.DataType.Name(tensor.data_type)
    field = onnx.helper.tensor_dtype_to_field(tensor.data_type)
    filled = [(each, len(getattr(tensor, each))) for each in _FIELDS if _is_filled(tensor, each)]
    needed, unit = stored_bytes(tensor), "bytes"
    if [each for each, _ in filled] != ["raw_data"]:
        unit = "numbers"
        if bits not in _SHARE_NUMBERS:
            needed = prod(tensor.dims) * (2 if name.startswith("COMPLEX") else 1)
    found = sum(count for _, count in filled)
    if found == needed and len(filled) < 2 and {each for each, _ in filled} <= {"raw_data", field}:
        return ""
    places = ", ".join(each for each, _ in filled)
    return (
        f"has {found} {unit} of data{f' in {places}' if places else ''}; its dims"
        f" {list(tensor.dims)} and data type {name} need {needed}"
    )


def _is_filled(tensor: TensorProto, field: str) -> bool:
    # Empty bytes are data of no elements, and take precedence over numbers.
    return tensor.HasField(field) if field == "raw_data" else bool(getattr(tensor, field))


def _names_fault(graph: GraphProto) -> str:
    """Whether a name is no text: protobuf gives its bytes then."""
    for node in graph.node:
        attributes = [attribute.name for attribute in node.attribute]
        for name in (node.name, node.op_type, *node.input, *node.output, *attributes):
            if isinstance(name, bytes):
                return f"the name {name!r} is not UTF-8"
    return ""


def _extents_fault(graph: GraphProto) -> str:
    """Whether an input is declared with an axis that is very long, or negative."""
    for value in graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if not 0 <= dim.dim_value <= _LONGEST:
                return (
                    f"the input '{value.name}' has the extent {dim.dim_value}, not 0 to {_LONGEST};"
                    " give an axis of any length a name"
                )
    return ""


def _expansion_fault(model: ModelProto) -> str:
    """Whether local functions call themselves, or so many others that it would never end."""
    functions = {(f.domain, f.name): f for f in model.functions}
    sizes: dict[tuple[str, str], int] = {}
    pending = list(functions)
    opened: set[tuple[str, str]] = set()
    while pending:
        key = pending[-1]
        called = _calls(list(functions[key].node))
        missing = [each for each in called if each in functions and each not in sizes]
        if key in sizes or not missing:
            sizes[key] = sum(1 + sizes.get(each, 0) for each in called)
            pending.pop()
        elif key in opened:
            return f"the function '{key[1]}' of the domain '{key[0]}' calls itself"
        else:
            opened.add(key)
            pending += missing
    total = sum(1 + sizes.get(each, 0) for each in _calls(list(model.graph.node)))
    if total > _LARGEST_EXPANSION:
        return f"its functions, written out, have {total} nodes"
    return ""


def _calls(nodes: list[NodeProto]) -> list[tuple[str, str]]:
    """Domain and name of the operator of every node, those in branches included."""
    found, pending = [], nodes
    while pending:
        node = pending.pop()
        found.append((node.domain, node.op_type))
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                pending += graph.node
    return found
