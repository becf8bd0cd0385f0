"""Some nodes of a model as a model of its own."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, ValueInfoProto

from ..files.operands import operands
from ..files.stored_model import FIRST_IR_WITHOUT_WEIGHT_INPUTS, StoredModel


def model_part(
    model: StoredModel,
    nodes: Iterable[NodeProto],
    inputs: Mapping[str, tuple[np.dtype, int]],
    outputs: Iterable[str],
) -> StoredModel:
    """A model of some of a model's nodes, with the weights that they read.

    Args:
        model: the model; not changed.
        nodes: its nodes to keep, in graph order.
        inputs: data types and ranks of the tensors that come from outside, by name. ONNX Runtime
            misjudges arithmetic on shapes whose rank it does not know, and other providers than
            its own take no such tensors.
        outputs: names of the tensors to return.
    """
    whole = model.proto
    part = ModelProto(ir_version=max(whole.ir_version, FIRST_IR_WITHOUT_WEIGHT_INPUTS))
    part.opset_import.extend(whole.opset_import)
    part.functions.extend(whole.functions)
    graph = part.graph
    graph.name = "part"
    graph.node.extend(nodes)
    names = {name for node in graph.node for name in operands(node)}
    graph.initializer.extend(t for t in whole.graph.initializer if t.name in names)
    graph.sparse_initializer.extend(
        t for t in whole.graph.sparse_initializer if t.values.name in names
    )
    for name, (dtype, rank) in inputs.items():
        element = onnx.helper.np_dtype_to_tensor_dtype(dtype)
        graph.input.append(onnx.helper.make_tensor_value_info(name, element, [None] * rank))
    declared = {value.name: value for value in whole.graph.output}
    graph.output.extend(declared.get(name, ValueInfoProto(name=name)) for name in outputs)
    return replace(model, proto=part)
