"""The carrier on real graphs, old IR versions, branches and what graphsurgeon cannot read."""

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, ModelProto, TensorProto, helper, numpy_helper

import onnxfcn
from onnxfcn.files.document import Document
from onnxfcn.files.stored_model import StoredModel
from sample_models import light_models
from tests.onnxfcn.models import random_image, run_model
from tests.onnxfcn.protos import by_name, content, dims, rewritten


@pytest.mark.parametrize("name", light_models.NAMES)
def test_commit_without_edits_keeps_the_bytes_of_the_light_models(name: str) -> None:
    model = light_models.load(name)
    before = content(model)
    assert content(Document(StoredModel(model)).commit()) == before


def with_old_ir(model: ModelProto) -> ModelProto:
    """IR version 3, in which every initializer is a graph input too, with a Reshape target."""
    model.ir_version = 3
    model.opset_import[0].version = 9
    graph = model.graph
    (flatten,) = (node for node in graph.node if node.op_type == "Flatten")
    flatten.op_type = "Reshape"
    flatten.input.append("target")
    del flatten.attribute[:]
    graph.initializer.insert(2, numpy_helper.from_array(np.array([-1, 256]), "target"))
    graph.input.extend(
        helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in graph.initializer
    )
    return model


def test_with_ir_3_the_reshape_target_goes_from_inputs_and_initializers(
    lenet: ModelProto,
) -> None:
    before = with_old_ir(lenet)
    after = onnxfcn.rewrite(before).model
    onnx.checker.check_model(after)
    for entries in ("input", "initializer"):
        names = [entry.name for entry in getattr(before.graph, entries)]
        assert [entry.name for entry in getattr(after.graph, entries)] == [
            name for name in names if name != "target"
        ]
    weights = by_name(after.graph.initializer)
    for value in after.graph.input[1:]:
        assert dims(value) == list(weights[value.name].dims)


def test_weight_that_a_branch_reads_too_is_not_spoiled(lenet: ModelProto) -> None:
    side = helper.make_node("ReduceSum", ["fc5.weight"], ["sum"], keepdims=0)
    body = helper.make_graph(
        [side], "body", [], [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [])]
    )
    graph = lenet.graph
    graph.initializer.append(numpy_helper.from_array(np.array(True), "condition"))
    graph.node.append(
        helper.make_node("If", ["condition"], ["side"], then_branch=body, else_branch=body)
    )
    graph.output.append(helper.make_tensor_value_info("side", TensorProto.FLOAT, []))
    image = random_image(1, 1, 28, 28)
    (before,) = run_model(lenet, image, "side")

    after = rewritten(lenet)

    assert content(by_name(after.graph.initializer)["fc5.weight"]) == content(
        by_name(graph.initializer)["fc5.weight"]
    )
    assert run_model(after, image, "side") == [before]


def add_odd_attributes(model: ModelProto) -> None:
    """Attributes that make graphsurgeon's export raise or change them."""
    node = helper.make_node("Setup", ["fc5.bias"], ["odd"], name="odd", domain="acme")
    node.attribute.extend(
        [
            AttributeProto(name="a", type=AttributeProto.INTS),
            AttributeProto(name="b", type=AttributeProto.STRINGS),
            AttributeProto(
                name="c",
                type=AttributeProto.TENSOR,
                t=helper.make_tensor("", TensorProto.INT4, [3], [1, -2, 3]),
            ),
        ]
    )
    model.opset_import.append(helper.make_opsetid("acme", 1))
    model.graph.node.append(node)


def test_attributes_that_graphsurgeon_cannot_export_stay(lenet: ModelProto) -> None:
    add_odd_attributes(lenet)
    odd = by_name(rewritten(lenet).graph.node)["odd"]
    assert content(odd) == content(lenet.graph.node[-1])


def test_fields_of_a_later_onnx_stay(lenet: ModelProto) -> None:
    later = b"\xfa\x3f\x03abc"  # field 1023, three bytes
    model = ModelProto.FromString(lenet.SerializeToString() + later)
    assert rewritten(model).SerializeToString().endswith(later)


def test_string_that_is_no_utf_8_is_refused_with_a_reason(lenet: ModelProto) -> None:
    lenet.graph.node[0].attribute.append(helper.make_attribute("auto_pad", b"\xff\xfe"))
    with pytest.raises(onnxfcn.UnusableModelError, match="utf-8"):
        rewritten(lenet)


def test_weight_that_is_computed_anew_keeps_its_notes_and_its_place(lenet: ModelProto) -> None:
    weights, layers = by_name(lenet.graph.initializer), by_name(lenet.graph.node)
    layers["fc4"].attribute.append(helper.make_attribute("alpha", 0.5))
    weights["fc4.weight"].doc_string = "a note"
    weights["fc4.weight"].metadata_props.add(key="key", value="value")
    new = rewritten(lenet).graph.initializer
    assert [t.name for t in new] == [t.name for t in lenet.graph.initializer]
    changed = by_name(new)["fc4.weight"]
    assert changed.doc_string == "a note"
    assert changed.metadata_props == weights["fc4.weight"].metadata_props
    halved = numpy_helper.to_array(weights["fc4.weight"]) * np.float32(0.5)
    assert np.array_equal(numpy_helper.to_array(changed), halved[..., np.newaxis, np.newaxis])
