"""The proof fails on models that were spoiled on purpose, and knows when it proves nothing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import GraphProto, ModelProto

import onnxfcn
from sample_models import lenet as lenet_sample
from tests.onnxfcn.model_texts import model
from tests.onnxfcn.models import random_image, run_model
from tests.onnxfcn.sabotage import (
    change,
    change_first_trunk_weight,
    change_last_trunk_weight,
    copy_of,
    double_the_step,
    drop_bias,
    exchange_channels,
    pad_the_window,
    perturb_bias,
    poison,
    rotate_answers_by_a_column,
    rotate_answers_by_a_row,
    softmax_over_rows,
    transpose_kernel,
)

Models = tuple[ModelProto, ModelProto]

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


def test_faithful_model_passes_with_proof(models: Models) -> None:
    report = onnxfcn.validate(*models)
    assert report
    assert report.passed
    assert report.proven
    assert report.windows == {"pool2": (4, 4)}


@pytest.mark.parametrize("spoil", SPOILED)
def test_spoiled_model_does_not_pass(models: Models, spoil: Callable[[GraphProto], None]) -> None:
    spoiled = copy_of(models[1])
    spoil(spoiled.graph)
    onnx.checker.check_model(spoiled)
    assert not passes(models[0], spoiled)


def test_what_differs_is_not_proven(models: Models) -> None:
    """Although a difference would have shown: it did."""
    spoiled = copy_of(models[1])
    perturb_bias(spoiled.graph)
    report = onnxfcn.validate(models[0], spoiled)
    assert not report
    assert not report.proven
    assert report.unproven == ()
    assert report.as_dict()["proven"] is False


@pytest.mark.parametrize(
    "spoil", [rotate_answers_by_a_row, rotate_answers_by_a_column, double_the_step]
)
def test_some_spoiled_models_show_at_larger_sizes_only(
    models: Models, spoil: Callable[[GraphProto], None]
) -> None:
    spoiled = copy_of(models[1])
    spoil(spoiled.graph)
    image = random_image(1, 1, 28, 28)
    (expected,), (actual,) = (run_model(model, image) for model in (models[0], spoiled))
    assert actual.reshape(expected.shape) == pytest.approx(expected, abs=1e-6)


def test_failure_says_where_and_by_how_much(models: Models) -> None:
    spoiled = copy_of(models[1])
    perturb_bias(spoiled.graph)
    report = onnxfcn.validate(models[0], spoiled)
    worst = next(found for found in report.identity.comparisons if not found)
    assert report.failure == (
        f"the rewritten model's answers differ from the original's: at 28x28 '{worst.output}' by up"
        f" to {worst.max_error:.1e}, more than {worst.tolerance:.1e} (--rtol)"
    )


def test_map_that_a_head_hides_is_compared() -> None:
    """No feature is ever larger than a thousand, whatever the trunk does below nought."""
    body = "x = Conv(image, kernel) [rectify] y = {}(x) p = GlobalMaxPool(y) m = Flatten(p)"
    head = "most = ReduceMax<keepdims=1>(m, @(1)) out = Greater(most, @(1000.0))"
    texts = [f"{body.format(each)} {head}" for each in ("Relu", "LeakyRelu")]
    original, leaky = (model(text, "float[1,3,8,8]", "bool[1,1] out") for text in texts)
    rewritten = onnxfcn.rewrite(original, validate=False).model
    assert onnxfcn.validate(original, rewritten)
    spoiled = onnxfcn.rewrite(leaky, validate=False).model
    assert "at 8x8 'y' by up to" in onnxfcn.validate(original, spoiled).failure


def test_map_of_another_size_fails_and_says_both(models: Models) -> None:
    spoiled = copy_of(models[1])
    double_the_step(spoiled.graph)
    with pytest.raises(onnxfcn.ValidationFailedError, match=r"2x2 cells, expected 3x4"):
        onnxfcn.validate(models[0], spoiled, sizes=[(36, 40)])


@pytest.mark.parametrize("attribute", [{"ceil_mode": 1}, {"auto_pad": "SAME_UPPER"}])
def test_pools_that_take_what_is_left_over_fail(models: Models, attribute: dict[str, Any]) -> None:
    original, rewritten = models[0], copy_of(models[1])
    for node in rewritten.graph.node:
        if node.op_type == "MaxPool":
            node.attribute.extend(onnx.helper.make_attribute(*each) for each in attribute.items())
    # The windows of the original size are whole, and so are those of images by whole strides.
    report = onnxfcn.validate(original, rewritten)
    assert not report
    assert "the trunk is wrong at pool1 (MaxPool)" in report.failure


def test_wanted_step_makes_the_stepping_model_right_and_the_other_one_wrong(
    models: Models,
) -> None:
    stepping = copy_of(models[1])
    double_the_step(stepping.graph)
    assert passes(models[0], stepping, window_step=2, sizes=[(40, 48)])
    assert not passes(models[0], models[1], window_step=2, sizes=[(40, 48)])


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
    models: Models,
) -> None:
    report = onnxfcn.validate(*models)
    sizes = [result.size for result in report.sizes]
    assert len(sizes) == 2
    assert all(height != width for height, width in sizes)
    assert all(min(size) > 28 for size in sizes)
    assert any((extent - 28) % 4 for size in sizes for extent in size)
    assert report.identity.size == (28, 28)
    assert report.identity.map_size == (1, 1)


def test_asked_sizes_replace_the_default_ones(models: Models) -> None:
    report = onnxfcn.validate(*models, sizes=[(32, 28), (60, 33)])
    assert [(r.size, r.map_size) for r in report.sizes] == [((32, 28), (2, 1)), ((60, 33), (9, 2))]


@pytest.mark.parametrize("size", [(27, 28), (28, 4), (1, 1), (28,), (28, 28, 28)])
def test_size_that_gives_no_map_is_a_usage_error(models: Models, size: tuple[int, ...]) -> None:
    with pytest.raises(onnxfcn.UsageError, match="28x28"):
        onnxfcn.validate(*models, sizes=[size])


def test_same_seed_gives_the_same_report(models: Models) -> None:
    first, again, other = (onnxfcn.validate(*models, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_progress_reaches_the_end_of_every_step(models: Models) -> None:
    last: dict[str, tuple[int, int]] = {}
    onnxfcn.validate(*models, progress=lambda what, done, total: last.update({what: (done, total)}))
    assert {what.split()[0] for what in last} == {"original", "windows", "crops"}
    assert len(last) == 1 + 2 + 2
    assert all(done == total > 0 for done, total in last.values())


def test_validation_changes_neither_model(models: Models) -> None:
    before = [model.SerializeToString(deterministic=True) for model in models]
    onnxfcn.validate(*models)
    assert [model.SerializeToString(deterministic=True) for model in models] == before


def test_pad_that_a_step_would_hide_fails(lenet: ModelProto) -> None:
    rewritten = onnxfcn.rewrite(lenet, window_step=2).model
    spoiled = copy_of(rewritten)
    (head,) = (node for node in spoiled.graph.node if node.name == "fc3")
    head.attribute.append(onnx.helper.make_attribute("pads", [0, 0, 1, 1]))
    assert onnxfcn.validate(lenet, rewritten, window_step=2)
    with pytest.raises(onnxfcn.ValidationFailedError, match="cells"):
        onnxfcn.validate(lenet, spoiled, window_step=2)


def test_batch_that_is_free_no_more_fails(models: Models) -> None:
    spoiled = copy_of(models[1])
    spoiled.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    with pytest.raises(onnxfcn.ValidationFailedError, match="takes"):
        onnxfcn.validate(models[0], spoiled)
