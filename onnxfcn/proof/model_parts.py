"""Some nodes of a model as a model of its own."""

from collections.abc import Iterable, Mapping

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, ValueInfoProto

from ..files.operands import operands
from ..files.stored_model import FIRST_IR_WITHOUT_WEIGHT_INPUTS


def model_part(
    model: ModelProto,
    nodes: Iterable[NodeProto],
    inputs: Mapping[str, tuple[np.dtype, int]],
    outputs: Iterable[str],
) -> ModelProto:
    """A model of some of a model's nodes, with the weights that they read.

    Args:
        model: the model; not changed.
        nodes: its nodes to keep, in graph order.
        inputs: data types and ranks of the tensors that come from outside, by name. ONNX Runtime
            misjudges arithmetic on shapes whose rank it does not know, and other providers than
            its own take no such tensors.
        outputs: names of the tensors to return.
    """
    part = ModelProto(ir_version=max(model.ir_version, FIRST_IR_WITHOUT_WEIGHT_INPUTS))
    part.opset_import.extend(model.opset_import)
    part.functions.extend(model.functions)
    graph = part.graph
    graph.name = "part"
    graph.node.extend(nodes)
    names = {name for node in graph.node for name in operands(node)}
    graph.initializer.extend(t for t in model.graph.initializer if t.name in names)
    graph.sparse_initializer.extend(
        t for t in model.graph.sparse_initializer if t.values.name in names
    )
    for name, (dtype, rank) in inputs.items():
        element = onnx.helper.np_dtype_to_tensor_dtype(dtype)
        graph.input.append(onnx.helper.make_tensor_value_info(name, element, [None] * rank))
    declared = {value.name: value for value in model.graph.output}
    graph.output.extend(declared.get(name, ValueInfoProto(name=name)) for name in outputs)
    return part
