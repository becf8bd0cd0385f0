"""Parts of a graphsurgeon graph as onnx protos, without its weights, for onnx to reason about."""

from collections.abc import Sequence
from typing import Any

import onnx
import onnx_graphsurgeon as gs
from onnx_graphsurgeon.exporters.onnx_exporter import OnnxExporter, dtype_to_onnx
from onnx_graphsurgeon.ir.tensor import LazyValues

from .shapes import Dim
from .use_def import has_subgraph, is_standard


def value_info(name: str, tensor: gs.Tensor, shape: Sequence[Dim] | None) -> onnx.ValueInfoProto:
    """Name, data type and shape of a tensor; the name alone where it is no plain tensor."""
    if getattr(tensor, "type", "tensor_type") != "tensor_type":
        return onnx.helper.make_empty_tensor_value_info(name)
    dtype = dtype_to_onnx(tensor.dtype) if tensor.dtype is not None else onnx.TensorProto.UNDEFINED
    return onnx.helper.make_tensor_value_info(name, dtype, shape)


def _node_proto(node: gs.Node) -> onnx.NodeProto:
    proto = onnx.helper.make_node(
        node.op,
        [tensor.name for tensor in node.inputs],
        [tensor.name for tensor in node.outputs],
        node.name,
        domain="" if is_standard(node) else node.domain,
    )
    proto.attribute.extend(
        attribute
        for name, value in node.attrs.items()
        if not (isinstance(value, list) and not value)  # it has no type, and says nothing here
        for attribute in _attribute_protos(name, value)
    )
    return proto


def _attribute_protos(name: str, value: Any) -> list[onnx.AttributeProto]:
    if isinstance(value, gs.Constant) and isinstance(value._values, LazyValues):
        # graphsurgeon's export would give the stored tensor another name, in place.
        copy = onnx.TensorProto()
        copy.CopyFrom(value._values.tensor)
        return [onnx.helper.make_attribute(name, copy)]
    exported: list[onnx.AttributeProto] = OnnxExporter.export_attributes({name: value})
    return exported


def to_model(
    graph: gs.Graph,
    nodes: Sequence[gs.Node],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    initializers: Sequence[onnx.TensorProto] = (),
) -> onnx.ModelProto:
    """Some nodes of a graph as a model of its own, for onnx to reason about."""
    # The evaluator of onnx fails on functions that it does not need.
    needed = any(not is_standard(node) or has_subgraph(node) for node in nodes)
    functions = graph.functions if needed else []
    opsets = [onnx.helper.make_opsetid(o.domain, o.version) for o in graph.import_domains or []]
    return onnx.helper.make_model(
        onnx.helper.make_graph(
            [_node_proto(node) for node in nodes], "part", inputs, outputs, list(initializers)
        ),
        opset_imports=opsets or [onnx.helper.make_opsetid("", graph.opset)],
        functions=[OnnxExporter.export_function(function) for function in functions],
    )
