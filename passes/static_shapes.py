"""Static shapes of all tensors, inferred by onnx on a copy of the graph without its weights."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from onnx_graphsurgeon.exporters.onnx_exporter import OnnxExporter, dtype_to_onnx
from onnx_graphsurgeon.ir.tensor import LazyValues

from .use_def import is_standard

Dim = int | str | None
"""An extent, the name of a symbolic one, or ``None`` where nothing is known."""
Shape = tuple[Dim, ...]

_LARGEST_SHAPE_OPERAND = 1024
"""Constants above this many elements are weights: no operator takes a shape, an axis list or a
scale list as long as that."""


def load_values(constant: gs.Constant) -> np.ndarray:
    """Values of an initializer, without storing them in it: reading must not change an export."""
    values = constant._values
    loaded = values.load() if isinstance(values, LazyValues) else values
    return np.asarray(loaded)


def _element_count(shape: Sequence[int]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _value_info(name: str, tensor: gs.Tensor, shape: Sequence[Dim] | None) -> onnx.ValueInfoProto:
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
    # An empty list has no type that make_attribute could tell; it says nothing about shapes.
    attributes = {
        key: value
        for key, value in node.attrs.items()
        if not (isinstance(value, list) and not value)
    }
    proto.attribute.extend(OnnxExporter.export_attributes(attributes))
    return proto


def operator_sets(graph: gs.Graph) -> list[onnx.OperatorSetIdProto]:
    """Opset imports of a graph, as a list that the caller may keep."""
    imports = [onnx.helper.make_opsetid(o.domain, o.version) for o in graph.import_domains or []]
    return imports or [onnx.helper.make_opsetid("", graph.opset)]


def to_model(
    graph: gs.Graph,
    nodes: Sequence[gs.Node],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    initializers: Sequence[onnx.TensorProto] = (),
) -> onnx.ModelProto:
    """Some nodes of a graph as a model of its own, for onnx to reason about."""
    return onnx.helper.make_model(
        onnx.helper.make_graph(
            [_node_proto(node) for node in nodes], "part", inputs, outputs, list(initializers)
        ),
        opset_imports=operator_sets(graph),
        functions=[OnnxExporter.export_function(function) for function in graph.functions],
    )


def static_shapes(
    graph: gs.Graph, input_shapes: Mapping[str, Sequence[Dim]] | None = None
) -> dict[str, Shape]:
    """Shape of every tensor that onnx's shape inference can tell, by tensor name.

    Declared shapes of inner tensors are not trusted (they may be stale); they serve only where
    inference knows nothing and the graph's own input shapes are asked about.

    Args:
        graph: the graph; not changed.
        input_shapes: shapes of graph inputs to use in place of the declared ones, by name.
    """
    inputs, initializers = [], []
    for tensor in graph.inputs:
        declared = (input_shapes or {}).get(tensor.name, tensor.shape)
        inputs.append(_value_info(tensor.name, tensor, declared))
    shapes: dict[str, Shape] = {}
    for name, tensor in graph.tensors().items():
        if not isinstance(tensor, gs.Constant):
            continue
        shapes[name] = tuple(int(extent) for extent in tensor.shape)
        if _element_count(tensor.shape) <= _LARGEST_SHAPE_OPERAND:
            initializers.append(onnx.numpy_helper.from_array(load_values(tensor), name))
        else:
            inputs.append(_value_info(name, tensor, tensor.shape))
    model = to_model(graph, graph.nodes, inputs, [], initializers)
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    for value in [*inferred.input, *inferred.value_info]:
        if value.type.tensor_type.HasField("shape"):
            shapes[value.name] = tuple(
                dim.dim_value if dim.HasField("dim_value") else (dim.dim_param or None)
                for dim in value.type.tensor_type.shape.dim
            )
    if input_shapes is None:
        for name, tensor in graph.tensors().items():
            if name not in shapes and tensor.shape is not None:
                shapes[name] = tuple(tensor.shape)
    return shapes
