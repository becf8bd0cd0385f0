"""The carrier loses nothing: what facts are known to be lost by graphsurgeon alone stays here."""

import onnx
import onnx_graphsurgeon as gs

import onnxfcn
from onnxfcn.files.document import Document
from onnxfcn.files.stored_model import StoredModel
from tests.onnxfcn.files.everything import everything, image_type
from tests.onnxfcn.protos import by_name, content, dims, rewritten

REWRITTEN_NODES = {"fc", "classes"}
RESHAPED = {"fc.weight": [6, 4, 5, 5], "classes.weight": [3, 6, 1, 1]}
"""Initializers that get other dims, and which."""
OLD_HEAD_ONLY = {"target"}
"""Initializers that nothing reads after the rewrite."""


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
