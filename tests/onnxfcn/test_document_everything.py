"""The carrier loses nothing: what facts are known to be lost by graphsurgeon alone stays here."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    StringStringEntryProto,
    TensorProto,
    TypeProto,
    helper,
    numpy_helper,
)

import onnxfcn
from onnxfcn.files.document import Document
from onnxfcn.files.stored_model import StoredModel

REWRITTEN_NODES = {"fc", "classes"}
RESHAPED = {"fc.weight": [6, 4, 5, 5], "classes.weight": [3, 6, 1, 1]}
"""Initializers that get other dims, and which."""
OLD_HEAD_ONLY = {"target"}
"""Initializers that nothing reads after the rewrite."""


def content(message: Any) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


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
    model.functions.append(double)
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
    graph.value_info.extend(
        [
            floats("pool", ["N", 4, 5, 5]),
            floats("fc.weight", [6, 100]),
            floats("unused.first", [3]),
            floats("conv", ["N", 4, 10, 10]),
            floats("flat", ["N", 100]),
            floats("hidden", ["N", 6]),
        ]
    )
    for value in (*graph.input, *graph.output, *graph.value_info):
        note(value, value.name)
    annotation = graph.quantization_annotation.add(tensor_name="conv")
    annotation.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="unused.middle")
    training = model.training_info.add()
    training.algorithm.CopyFrom(helper.make_graph([], "step", [], []))
    training.update_binding.add(key="conv.weight", value="unused.middle")
    return model


def rewritten(model: ModelProto, *, validate: bool = False) -> ModelProto:
    return onnxfcn.rewrite(model, validate=validate).model


def by_name(entries: Iterable[Any]) -> dict[str, Any]:
    return {entry.name: entry for entry in entries}


def dims(value: onnx.ValueInfoProto) -> list[int | str]:
    return [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]


def test_model_with_everything_is_valid_and_graphsurgeon_alone_would_spoil_it() -> None:
    onnx.checker.check_model(everything())
    exported = gs.export_onnx(gs.import_onnx(everything(custom=False)))
    assert not exported.metadata_props
    assert len(exported.graph.initializer) < len(everything().graph.initializer)


def test_commit_without_edits_gives_the_same_bytes() -> None:
    model = everything()
    assert content(Document(StoredModel(model)).commit()) == content(everything())


def test_opening_a_document_does_not_change_its_model() -> None:
    model = everything()
    Document(StoredModel(model))
    assert content(model) == content(everything())


def test_rewrite_leaves_the_given_model_alone() -> None:
    model = everything()
    rewritten(model)
    assert content(model) == content(everything())


def test_rewrite_gives_the_same_bytes_twice() -> None:
    assert content(rewritten(everything())) == content(rewritten(everything()))


def test_rewritten_model_with_everything_answers_as_the_original() -> None:
    report = onnxfcn.rewrite(everything(custom=False))
    assert report.validation
    assert report.validation.proven
    assert {c.output for c in report.validation.identity.comparisons} >= {
        "logits",
        "side",
        "doubled",
    }


def test_rewrite_keeps_every_field_of_the_model_beside_the_graph() -> None:
    before, after = everything(), rewritten(everything())
    before.ClearField("graph")
    after.ClearField("graph")
    own = [entry for entry in after.metadata_props if entry.key.startswith("onnxfcn.")]
    assert {entry.key for entry in own} > {"onnxfcn.windows", "onnxfcn.geometry_version"}
    del after.metadata_props[-len(own) :]
    assert content(after) == content(before)


def test_rewrite_keeps_every_field_of_the_graph_beside_nodes_and_values() -> None:
    before, after = everything().graph, rewritten(everything()).graph
    for graph in (before, after):
        for field in ("node", "initializer", "input", "output", "value_info"):
            graph.ClearField(field)
    assert content(after) == content(before)
    assert after.quantization_annotation
    assert after.metadata_props
    assert after.doc_string


def test_rewrite_keeps_untouched_nodes_byte_for_byte_and_in_order() -> None:
    before, after = everything().graph.node, rewritten(everything()).graph.node
    old, new = by_name(before), by_name(after)
    assert [node.name for node in after] == [n.name for n in before if n.name != "reshape"]
    for name in new.keys() - REWRITTEN_NODES:
        assert content(new[name]) == content(old[name]), name


def test_rewritten_nodes_keep_their_name_output_doc_string_and_metadata() -> None:
    old, new = by_name(everything().graph.node), by_name(rewritten(everything()).graph.node)
    for name in REWRITTEN_NODES:
        assert new[name].op_type == "Conv"
        assert new[name].output == old[name].output
        assert new[name].doc_string == old[name].doc_string
        assert new[name].metadata_props == old[name].metadata_props


def test_rewrite_keeps_untouched_initializers_byte_for_byte_and_in_order() -> None:
    before, after = everything().graph.initializer, rewritten(everything()).graph.initializer
    assert [t.name for t in after] == [t.name for t in before if t.name not in OLD_HEAD_ONLY]
    new = by_name(after)
    for tensor in before:
        if tensor.name not in {*RESHAPED, *OLD_HEAD_ONLY}:
            assert content(new[tensor.name]) == content(tensor), tensor.name


def test_rewrite_changes_nothing_but_the_dims_of_reshaped_weights() -> None:
    old = by_name(everything().graph.initializer)
    new = by_name(rewritten(everything()).graph.initializer)
    for name, shape in RESHAPED.items():
        assert list(new[name].dims) == shape
        old[name].dims[:] = shape
        assert content(new[name]) == content(old[name])


def test_rewrite_drops_values_that_only_the_old_head_had() -> None:
    before, after = everything().graph.value_info, rewritten(everything()).graph.value_info
    kept = [v.name for v in before if v.name != "flat"]
    assert [v.name for v in after][: len(kept)] == kept


def test_rewrite_tells_the_shapes_of_inner_tensors() -> None:
    graph = rewritten(everything()).graph
    told = {value.name for value in (*graph.value_info, *graph.output)}
    assert {name for node in graph.node for name in node.output if name} <= told


def test_dims_are_renewed_but_notes_and_denotations_stay() -> None:
    after = rewritten(everything()).graph
    old = everything().graph
    values = by_name([*after.input, *after.output, *after.value_info])
    expected: dict[str, list[int | str]] = {
        "image": ["N", 1, "height", "width"],
        "logits": ["N", 3, "logits_height", "logits_width"],
        "pool": ["N", 4, "height/2", "width/2"],
        "conv": ["N", 4, "height_", "width_"],
        "hidden": ["N", 6, "height/2_", "width/2_"],
        "fc.weight": [6, 4, 5, 5],
    }
    assert {name: dims(values[name]) for name in expected} == expected
    for value in (*old.input, *old.output, *old.value_info):
        if value.name == "flat":
            continue
        now = values[value.name]
        assert now.doc_string == value.doc_string
        assert now.metadata_props == value.metadata_props
        assert now.type.denotation == value.type.denotation
        if value.name not in expected:
            assert content(now) == content(value)
    image = values["image"].type.tensor_type.shape.dim
    assert [axis.denotation for axis in image] == [
        axis.denotation for axis in image_type().tensor_type.shape.dim
    ]
