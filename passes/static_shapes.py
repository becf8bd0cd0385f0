"""Static shapes of all tensors, inferred by onnx on a copy of the graph without its weights."""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from onnx_graphsurgeon.exporters.onnx_exporter import dtype_to_onnx
from onnx_graphsurgeon.ir.tensor import SparseValues

from .evaluation import computable, evaluate, load_values
from .inference import drop_torn
from .result import RefusalCode, refuse
from .shapes import LARGEST_SHAPE_OPERAND, Dim, Shape, shape_value
from .skeleton import to_model, value_info
from .use_def import downstream, is_standard, producer

_LONGEST_VECTOR = 2**24
"""Elements of a tensor with one axis, batch included."""
_LONGEST_CONSTANT = 2**20
"""Those of one that no input goes into."""


class StaticShapes(dict[str, Shape]):
    """Shapes by tensor name.

    Attributes:
        types: data types by tensor name, as in ``onnx.TensorProto.DataType``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.types: dict[str, int] = {}


def static_shapes(
    graph: gs.Graph, input_shapes: Mapping[str, Sequence[Dim]] | None = None
) -> StaticShapes:
    """Shape and data type of every tensor that can be told, by tensor name.

    Declared shapes of inner tensors are not trusted (they may be stale); they serve only where
    inference knows nothing and the graph's own input shapes are asked about.

    Args:
        graph: the graph; not changed.
        input_shapes: shapes of graph inputs to use in place of the declared ones, by name.

    Raises:
        Refused: a node makes a very long vector.
    """
    operands: dict[str, np.ndarray] = {}
    while True:
        shapes = _infer(graph, input_shapes or {}, operands)
        # onnx follows arithmetic on shapes only in part, and hardly in old opsets.
        found = _shape_operands(graph, shapes, operands)
        if not found:
            break
        operands |= found
    if input_shapes is None:
        for name, tensor in graph.tensors().items():
            if name not in shapes and tensor.shape is not None:
                shapes[name] = tuple(tensor.shape)
    return shapes


def _infer(
    graph: gs.Graph, input_shapes: Mapping[str, Sequence[Dim]], operands: Mapping[str, np.ndarray]
) -> StaticShapes:
    """One run of onnx's shape inference, with known values for some tensors."""
    shapes = StaticShapes()
    for name, tensor in graph.tensors().items():
        if isinstance(tensor, gs.Constant):
            shapes.types[name] = dtype_to_onnx(tensor.dtype)
            shapes[name] = tuple(int(extent) for extent in tensor.shape)
    shapes.update({name: values.shape for name, values in operands.items()})
    model = _without_weights(graph, input_shapes, operands)
    drop_torn(model)
    _check_vectors(graph, onnx.shape_inference.infer_shapes(model).graph)
    drop_torn(model, data_prop=True)
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    for value in [*inferred.input, *inferred.value_info]:
        shapes.types[value.name] = value.type.tensor_type.elem_type
        if value.type.tensor_type.HasField("shape"):
            shapes[value.name] = tuple(
                dim.dim_value if dim.HasField("dim_value") else (dim.dim_param or None)
                for dim in value.type.tensor_type.shape.dim
            )
    return shapes


def _without_weights(
    graph: gs.Graph, input_shapes: Mapping[str, Sequence[Dim]], operands: Mapping[str, np.ndarray]
) -> onnx.ModelProto:
    """The graph with inputs in the place of its weights, and constants in that of known values."""
    inputs, initializers, nodes = [], [], []
    for tensor in graph.inputs:
        declared = input_shapes.get(tensor.name, tensor.shape)
        inputs.append(value_info(tensor.name, tensor, declared))
    for name, tensor in graph.tensors().items():
        if not isinstance(tensor, gs.Constant):
            continue
        sparse = isinstance(tensor._values, SparseValues)
        if prod(tensor.shape) <= LARGEST_SHAPE_OPERAND and not sparse:
            initializers.append(onnx.numpy_helper.from_array(load_values(tensor), name))
        else:
            inputs.append(value_info(name, tensor, tensor.shape))
    for name, values in operands.items():
        initializers.append(onnx.numpy_helper.from_array(values, name))
    for node in graph.nodes:
        weight = _weight_made(node)
        if weight is not None:
            inputs.append(value_info(node.outputs[0].name, weight, weight.shape))
        elif all(tensor.name not in operands for tensor in node.outputs):
            nodes.append(node)
    model = to_model(graph, nodes, inputs, [], initializers)
    for proto in model.graph.node:
        if proto.op_type == "GroupNormalization" and not proto.domain:
            # It keeps the shape, but onnx infers none behind it.
            proto.op_type = "Identity"
            del proto.input[1:], proto.attribute[:]
    return model


def _check_vectors(graph: gs.Graph, inferred: onnx.GraphProto) -> None:
    """See that no node makes a very long vector.

    What could be a shape, onnx writes out element by element where it follows values.

    Raises:
        Refused: one does.
    """
    for value in inferred.value_info:
        dims = value.type.tensor_type.shape.dim
        if len(dims) == 1 and dims[0].dim_value > _LONGEST_CONSTANT:
            tensor = graph.tensors()[value.name]
            depends = any(
                output is tensor
                for node in downstream(graph, graph.inputs)
                for output in node.outputs
            )
            longest = _LONGEST_VECTOR if depends else _LONGEST_CONSTANT
            if dims[0].dim_value <= longest:
                continue
            raise refuse(
                RefusalCode.CONSTANT_UNKNOWN,
                producer(tensor),
                expected=f"vectors of at most {longest} elements",
                found=f"'{value.name}' of {dims[0].dim_value}",
            )


def _weight_made(node: gs.Node) -> gs.Constant | None:
    """The weight that a Constant node holds, which inference would copy for nothing."""
    value = node.attrs.get("value") if is_standard(node, "Constant") else None
    large = isinstance(value, gs.Constant) and prod(value.shape) > LARGEST_SHAPE_OPERAND
    return value if large else None


def _shape_operands(
    graph: gs.Graph, shapes: Mapping[str, Shape], known: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Values of shape operands that are computed from Shape nodes, where a result is unknown."""
    sources: dict[int, np.ndarray] = {}
    for node in graph.nodes:
        dims = shapes.get(node.inputs[0].name, ()) if is_standard(node, "Shape") else ()
        value = shape_value(node, dims)
        if value is not None:
            sources[id(node.outputs[0])] = value
    found: dict[str, np.ndarray] = {}
    stored = [id(t) for t in graph.tensors().values() if isinstance(t, gs.Constant)]
    told = computable(graph, {*sources, *stored})
    for node in graph.nodes:
        if all(_is_known(shapes.get(output.name)) for output in node.outputs if output.name):
            continue
        first = 0 if is_standard(node, "ConstantOfShape", "Range") else 1
        for operand in node.inputs[first:]:
            made = operand.name not in known and producer(operand) is not None
            if not made or id(operand) not in told or _is_weight(shapes.get(operand.name)):
                continue
            try:
                value = evaluate(graph, operand, sources)
            except Exception:  # whatever numpy raises where nothing fits at this size
                continue
            if value is not None and value.size <= LARGEST_SHAPE_OPERAND:
                found[operand.name] = value
    return found


def _is_weight(shape: Shape | None) -> bool:
    """Whether a tensor is too large to be a shape: a dequantized kernel would be computed."""
    extents = [extent for extent in shape or () if isinstance(extent, int)]
    return prod(extents) > LARGEST_SHAPE_OPERAND


def _is_known(shape: Shape | None) -> bool:
    return shape is not None and all(isinstance(extent, int) for extent in shape)
