"""A classifier that carries all that a round trip through graphsurgeon loses."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    StringStringEntryProto,
    TensorProto,
    TypeProto,
    helper,
    numpy_helper,
)


def note(entry: Any, text: str) -> None:
    """Put metadata and a doc string on a message."""
    entry.metadata_props.append(StringStringEntryProto(key=f"{text} key", value=f"{text} value"))
    entry.doc_string = f"{text} doc"


def initializers() -> list[TensorProto]:
    """Neither in the order of use nor in that of the alphabet, some of them not used at all."""
    rng = np.random.default_rng(1)
    arrays = {
        "unused.first": np.arange(3, dtype=np.int16),
        "classes.weight": rng.standard_normal((3, 6)).astype(np.float32),
        "shared": rng.standard_normal(3).astype(np.float32),
        "fc.bias": rng.standard_normal(6).astype(np.float32),
        "condition": np.array(True),
        "target": np.array([-1, 100], np.int64),
        "fc.weight": rng.standard_normal((6, 100)).astype(np.float32),
        "unused.middle": np.ones((2, 2), np.float64),
        "conv.weight": rng.standard_normal((4, 1, 3, 3)).astype(np.float32),
        "unused.last": np.array([b"text"], object),
    }
    tensors = [numpy_helper.from_array(values, name) for name, values in arrays.items()]
    for tensor in tensors:
        note(tensor, tensor.name)
    four_bits = helper.make_tensor("unused.int4", TensorProto.INT4, [3], [1, -2, 3])
    float8 = helper.make_tensor("unused.float8", TensorProto.FLOAT8E4M3FNUZ, [2], [1.0, -2.0])
    return [*tensors[:4], four_bits, float8, *tensors[4:]]


def branch(operator: str) -> GraphProto:
    """A branch that reads an initializer of the outer graph."""
    name = f"{operator}.result"
    node = helper.make_node(operator, ["shared"], [name], name=f"{operator} in a branch")
    note(node, operator)
    return helper.make_graph([node], operator, [], [floats(name, [3])])


def floats(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def nodes(*, custom: bool) -> Iterable[NodeProto]:
    yield helper.make_node("Conv", ["image", "conv.weight"], ["conv"], name="conv")
    yield helper.make_node("Relu", ["conv"], ["relu"], name="relu")
    yield helper.make_node(
        "MaxPool", ["relu"], ["pool"], name="pool", kernel_shape=[2, 2], strides=[2, 2]
    )
    yield helper.make_node(
        "If",
        ["condition"],
        ["side"],
        name="side",
        then_branch=branch("Neg"),
        else_branch=branch("Abs"),
    )
    if custom:
        yield custom_node()
    yield helper.make_node("Reshape", ["pool", "target"], ["flat"], name="reshape")
    yield helper.make_node("Gemm", ["flat", "fc.weight", "fc.bias"], ["fc"], name="fc", transB=1)
    yield helper.make_node("Relu", ["fc"], ["hidden"], name="hidden")
    doubled = helper.make_node("Double", ["shared"], ["doubled"], name="double", domain="local")
    doubled.overload = "of floats"
    yield doubled
    yield helper.make_node(
        "Gemm", ["hidden", "classes.weight"], ["logits"], name="classes", transB=1
    )


def custom_node() -> NodeProto:
    """A node of a domain that nobody knows, with attributes that graphsurgeon cannot read."""
    sparse = helper.make_sparse_tensor(
        helper.make_tensor("", TensorProto.FLOAT, [1], [2.0]),
        helper.make_tensor("", TensorProto.INT64, [1], [1]),
        [3],
    )
    node = helper.make_node("Setup", ["shared"], ["setup"], name="setup", domain="acme")
    node.attribute.extend(
        [
            AttributeProto(name="a", type=AttributeProto.TENSORS, tensors=initializers()[:2]),
            AttributeProto(name="b", type=AttributeProto.GRAPHS, graphs=[branch("Exp")]),
            AttributeProto(name="c", type=AttributeProto.SPARSE_TENSOR, sparse_tensor=sparse),
            AttributeProto(name="d", type=AttributeProto.SPARSE_TENSORS, sparse_tensors=[sparse]),
            AttributeProto(name="e", type=AttributeProto.TYPE_PROTO, tp=image_type()),
            AttributeProto(name="f", type=AttributeProto.TYPE_PROTOS, type_protos=[image_type()]),
            AttributeProto(name="g", type=AttributeProto.INT, i=3, doc_string="three"),
        ]
    )
    return node


def image_type() -> TypeProto:
    """``[N, 1, 12, 12]`` with a denotation of the type and one an axis."""
    declared = helper.make_tensor_type_proto(TensorProto.FLOAT, ["N", 1, 12, 12])
    declared.denotation = "IMAGE"
    meanings = ["DATA_BATCH", "DATA_CHANNEL", "DATA_FEATURE", "DATA_FEATURE"]
    for axis, meaning in zip(declared.tensor_type.shape.dim, meanings, strict=True):
        axis.denotation = meaning
    return declared


def inner_values() -> list[onnx.ValueInfoProto]:
    """Some of the inner tensors, in no order, among them two initializers."""
    return [
        floats("pool", ["N", 4, 5, 5]),
        floats("fc.weight", [6, 100]),
        floats("unused.first", [3]),
        floats("conv", ["N", 4, 10, 10]),
        floats("flat", ["N", 100]),
        floats("hidden", ["N", 6]),
    ]


def local_function() -> FunctionProto:
    """What the node ``Double`` means."""
    double = helper.make_function(
        "local",
        "Double",
        ["x"],
        ["y"],
        [helper.make_node("Add", ["x", "x"], ["y"])],
        [helper.make_opsetid("", 17)],
        overload="of floats",
    )
    note(double, "function")
    return double


def everything(*, custom: bool = True) -> ModelProto:
    """A classifier that carries all that a round trip through graphsurgeon loses.

    Args:
        custom: with a node that ONNX Runtime does not know.
    """
    model = ModelProto(ir_version=10, producer_name="a tool", producer_version="7")
    model.domain, model.model_version = "org.example", 42
    note(model, "model")
    domains = {"": 17, "local": 3, "ai.onnx.ml": 3} | ({"acme": 2} if custom else {})
    model.opset_import.extend(helper.make_opsetid(*pair) for pair in domains.items())
    model.functions.append(local_function())
    graph = model.graph
    graph.name = "everything"
    note(graph, "graph")
    graph.node.extend(nodes(custom=custom))
    for node in graph.node:
        note(node, node.name)
    graph.initializer.extend(initializers())
    graph.input.append(onnx.ValueInfoProto(name="image", type=image_type()))
    graph.output.extend([floats("logits", ["N", 3]), floats("side", [3]), floats("doubled", [3])])
    if custom:
        graph.output.append(floats("setup", [3]))
    graph.value_info.extend(inner_values())
    for value in (*graph.input, *graph.output, *graph.value_info):
        note(value, value.name)
    annotation = graph.quantization_annotation.add(tensor_name="conv")
    annotation.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="unused.middle")
    training = model.training_info.add()
    training.algorithm.CopyFrom(helper.make_graph([], "step", [], []))
    training.update_binding.add(key="conv.weight", value="unused.middle")
    return model
