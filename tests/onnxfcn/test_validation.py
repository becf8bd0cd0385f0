"""The proof fails on models that were spoiled on purpose, and knows when it proves nothing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

import onnxfcn
from sample_models import lenet as lenet_sample


@pytest.fixture(scope="module")
def pair() -> tuple[ModelProto, ModelProto]:
    """LeNet and its fully convolutional form."""
    original = lenet_sample.build()
    return original, onnxfcn.rewrite(original, validate=False).model


def node(graph: GraphProto, name: str) -> NodeProto:
    return next(node for node in graph.node if node.name == name)


def weight(graph: GraphProto, name: str) -> TensorProto:
    return next(tensor for tensor in graph.initializer if tensor.name == name)


def change(graph: GraphProto, name: str, edit: Callable[[np.ndarray], np.ndarray]) -> None:
    """Replace the values of an initializer."""
    tensor = weight(graph, name)
    values = np.array(numpy_helper.to_array(tensor))
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(edit(values)), name))


def transpose_kernel(graph: GraphProto) -> None:
    change(graph, "fc3.weight", lambda values: values.swapaxes(2, 3))


def exchange_channels(graph: GraphProto) -> None:
    change(graph, "fc3.weight", lambda values: values[:, ::-1])


def drop_bias(graph: GraphProto) -> None:
    del node(graph, "fc4").input[2]


def perturb_bias(graph: GraphProto) -> None:
    change(graph, "fc5.bias", lambda values: values + np.float32([0.01] + [0] * 9))


def double_the_step(graph: GraphProto) -> None:
    node(graph, "fc3").attribute.append(helper.make_attribute("strides", [2, 2]))


def pad_the_window(graph: GraphProto) -> None:
    node(graph, "fc3").attribute.append(helper.make_attribute("pads", [1, 1, 1, 1]))


def softmax_over_rows(graph: GraphProto) -> None:
    node(graph, "softmax").attribute[0].i = 2


def change_first_trunk_weight(graph: GraphProto) -> None:
    change(graph, "conv1.weight", lambda values: values * np.float32(1.01))


def change_last_trunk_weight(graph: GraphProto) -> None:
    change(graph, "conv2.weight", lambda values: values * np.float32(1.01))


def poison(graph: GraphProto) -> None:
    change(graph, "fc5.bias", lambda values: values * np.nan)


def rotate(graph: GraphProto, tensor: str, axis: int) -> None:
    """Let the readers of a tensor see every cell one further, the first one last."""
    one, end = ([extent] for extent in (1, np.iinfo(np.int64).max))
    bounds = {"zero": [0], "one": one, "end": end, "axis": [axis]}
    graph.initializer.extend(
        numpy_helper.from_array(np.array(values), f"rotate.{name}")
        for name, values in bounds.items()
    )
    readers = [n for n in graph.node if tensor in n.input]
    for reader in readers:
        reader.input[0] = "rotated"
    before, after = (
        helper.make_node("Slice", [tensor, *(f"rotate.{b}" for b in cut), "rotate.axis"], [name])
        for name, cut in (("rotated.first", ("zero", "one")), ("rotated.rest", ("one", "end")))
    )
    joined = helper.make_node("Concat", [after.output[0], before.output[0]], ["rotated"], axis=axis)
    index = next(i for i, n in enumerate(graph.node) if n.input[0] == "rotated")
    for added in (joined, after, before):
        graph.node.insert(index, added)


def rotate_answers_by_a_row(graph: GraphProto) -> None:
    rotate(graph, "relu4", 2)


def rotate_answers_by_a_column(graph: GraphProto) -> None:
    rotate(graph, "relu4", 3)


SPOILED = [
    transpose_kernel,
    exchange_channels,
    drop_bias,
    perturb_bias,
    double_the_step,
    pad_the_window,
    softmax_over_rows,
    change_first_trunk_weight,
    change_last_trunk_weight,
    poison,
    rotate_answers_by_a_row,
    rotate_answers_by_a_column,
]


def passes(original: ModelProto, model: ModelProto, **options: Any) -> bool:
    try:
        return onnxfcn.validate(original, model, **options).passed
    except onnxfcn.ValidationFailedError:
        return False


def copy_of(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy


def test_faithful_model_passes_with_proof(pair: tuple[ModelProto, ModelProto]) -> None:
    report = onnxfcn.validate(*pair)
    assert report
    assert report.passed
    assert report.proven
    assert report.windows == {"pool2": (4, 4)}


@pytest.mark.parametrize("spoil", SPOILED)
def test_spoiled_model_does_not_pass(
    pair: tuple[ModelProto, ModelProto], spoil: Callable[[GraphProto], None]
) -> None:
    spoiled = copy_of(pair[1])
    spoil(spoiled.graph)
    onnx.checker.check_model(spoiled)
    assert not passes(pair[0], spoiled)


@pytest.mark.parametrize(
    "spoil", [rotate_answers_by_a_row, rotate_answers_by_a_column, double_the_step]
)
def test_some_spoiled_models_show_at_larger_sizes_only(
    pair: tuple[ModelProto, ModelProto],
    spoil: Callable[[GraphProto], None],
    run_model: Callable[..., list[np.ndarray]],
    random_image: Callable[..., np.ndarray],
) -> None:
    spoiled = copy_of(pair[1])
    spoil(spoiled.graph)
    image = random_image(1, 1, 28, 28)
    (expected,), (actual,) = (run_model(model, image) for model in (pair[0], spoiled))
    assert actual.reshape(expected.shape) == pytest.approx(expected, abs=1e-6)


def test_model_whose_size_was_not_freed_cannot_be_compared(
    pair: tuple[ModelProto, ModelProto],
) -> None:
    with pytest.raises(onnxfcn.ValidationFailedError, match="symbolic spatial axes"):
        onnxfcn.validate(pair[0], pair[0])


def test_map_of_another_size_fails_and_says_both(pair: tuple[ModelProto, ModelProto]) -> None:
    spoiled = copy_of(pair[1])
    double_the_step(spoiled.graph)
    with pytest.raises(onnxfcn.ValidationFailedError, match=r"2x2 cells, expected 3x4"):
        onnxfcn.validate(pair[0], spoiled, sizes=[(36, 40)])


def test_wanted_step_makes_the_stepping_model_right_and_the_other_one_wrong(
    pair: tuple[ModelProto, ModelProto],
) -> None:
    stepping = copy_of(pair[1])
    double_the_step(stepping.graph)
    assert passes(pair[0], stepping, window_step=2, sizes=[(40, 48)])
    assert not passes(pair[0], pair[1], window_step=2, sizes=[(40, 48)])


def test_cells_of_constant_answers_pass_but_prove_nothing() -> None:
    original = lenet_sample.build()
    change(original.graph, "fc3.weight", np.zeros_like)
    report = onnxfcn.rewrite(original).validation
    assert report
    assert not report.proven


def test_saturated_softmax_is_proven_by_the_logits_before_it() -> None:
    original = lenet_sample.build()
    # One class wins everywhere, by far.
    change(original.graph, "fc5.bias", lambda values: values + np.float32([200] + [0] * 9))
    report = onnxfcn.rewrite(original).validation
    assert report
    assert report.proven
    at_larger = {c.output: c for c in report.sizes[0].comparisons}
    assert not at_larger["probabilities"].proven
    assert at_larger["fc5"].proven


def test_difference_behind_a_saturated_softmax_is_seen_in_the_logits() -> None:
    original = lenet_sample.build()
    change(original.graph, "fc5.bias", lambda values: values + np.float32([200] + [0] * 9))
    spoiled = onnxfcn.rewrite(original, validate=False).model
    change(spoiled.graph, "fc5.bias", lambda values: values + np.float32([0] * 9 + [1]))
    report = onnxfcn.validate(original, spoiled)
    assert {c.output for c in report.sizes[0].comparisons if not c} == {"fc5"}
    assert not report


def test_validated_sizes_are_larger_not_square_and_one_is_off_the_stride(
    pair: tuple[ModelProto, ModelProto],
) -> None:
    report = onnxfcn.validate(*pair)
    sizes = [result.size for result in report.sizes]
    assert len(sizes) == 2
    assert all(height != width for height, width in sizes)
    assert all(min(size) > 28 for size in sizes)
    assert any((extent - 28) % 4 for size in sizes for extent in size)
    assert report.identity.size == (28, 28)
    assert report.identity.map_size == (1, 1)


def test_asked_sizes_replace_the_default_ones(pair: tuple[ModelProto, ModelProto]) -> None:
    report = onnxfcn.validate(*pair, sizes=[(32, 28), (60, 33)])
    assert [(r.size, r.map_size) for r in report.sizes] == [((32, 28), (2, 1)), ((60, 33), (9, 2))]


@pytest.mark.parametrize("size", [(27, 28), (28, 4), (1, 1), (28,), (28, 28, 28)])
def test_size_that_gives_no_map_is_a_usage_error(
    pair: tuple[ModelProto, ModelProto], size: tuple[int, ...]
) -> None:
    with pytest.raises(onnxfcn.UsageError, match="28x28"):
        onnxfcn.validate(*pair, sizes=[size])


def test_same_seed_gives_the_same_report(pair: tuple[ModelProto, ModelProto]) -> None:
    first, again, other = (onnxfcn.validate(*pair, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_progress_reaches_the_end_of_every_step(pair: tuple[ModelProto, ModelProto]) -> None:
    last: dict[str, tuple[int, int]] = {}
    onnxfcn.validate(*pair, progress=lambda what, done, total: last.update({what: (done, total)}))
    assert {what.split()[0] for what in last} == {"original", "windows", "crops"}
    assert len(last) == 1 + 2 + 2
    assert all(done == total > 0 for done, total in last.values())


def test_validation_changes_neither_model(pair: tuple[ModelProto, ModelProto]) -> None:
    before = [model.SerializeToString(deterministic=True) for model in pair]
    onnxfcn.validate(*pair)
    assert [model.SerializeToString(deterministic=True) for model in pair] == before


def test_pad_that_a_step_would_hide_fails(lenet: ModelProto) -> None:
    rewritten = onnxfcn.rewrite(lenet, window_step=2).model
    spoiled = copy_of(rewritten)
    (head,) = (node for node in spoiled.graph.node if node.name == "fc3")
    head.attribute.append(onnx.helper.make_attribute("pads", [0, 0, 1, 1]))
    assert onnxfcn.validate(lenet, rewritten, window_step=2)
    with pytest.raises(onnxfcn.ValidationFailedError, match="cells"):
        onnxfcn.validate(lenet, spoiled, window_step=2)


def test_batch_that_is_free_no_more_fails(pair: tuple[ModelProto, ModelProto]) -> None:
    spoiled = copy_of(pair[1])
    spoiled.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    with pytest.raises(onnxfcn.ValidationFailedError, match="takes"):
        onnxfcn.validate(pair[0], spoiled)
