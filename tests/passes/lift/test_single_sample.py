"""A batch of one sample may lose its axis behind the head: the map keeps it."""

from typing import Any

import numpy as np
import onnx
import pytest

from passes import RefusalCode, flatten_gemm_to_conv
from tests.model_texts import ints, random_array
from tests.passes.judges import assert_cells_are_crops, assert_nodes, assert_refused, run
from tests.passes.models import head_model, rewrite

VECTOR = "v = Flatten(map) h = Gemm(v, w, b)"
CONSTANTS: dict[str, Any] = {
    "zero": ints(0).reshape(()),
    "first": ints(0),
    "cube": ints(1, 1, 4),
    "pairs": ints(2, 2),
    "all": ints(-1),
    "row": ints(0, 1, 2, 3).reshape(1, 4),
    "tall_shape": ints(4, -1),
    "some": ints(2, 0),
    "slopes": (4,),
    "square": (4, 4),
    "corner": ints(0).reshape(1, 1),
    "whole": (2, 2, 4, 5),
}

# Behind h [1, 4]: with the axis of the sample, and without it.
PAIRS: dict[str, tuple[str, str]] = {
    "squeezed": ("y = Sigmoid(h)", "s = Sigmoid(h) y = Squeeze(s)"),
    "squeezed_by_axes": ("y = Sigmoid(h)", "s = Sigmoid(h) y = Squeeze(s, first)"),
    "reshaped": ("y = Tanh(h)", "s = Tanh(h) y = Reshape(s, all)"),
    "picked": ("y = Tanh(h)", "s = Tanh(h) y = Gather<axis=0>(s, zero)"),
    "softmax_behind": ("y = Softmax<axis=1>(h)", "s = Squeeze(h) y = Softmax<axis=0>(s)"),
    "largest_behind": (
        "y = ArgMax<axis=1, keepdims=0>(h)",
        "s = Squeeze(h) y = ArgMax<axis=0, keepdims=0>(s)",
    ),
    "one_feature_left": (
        "r = Relu(h) y = Gather<axis=1>(r, zero)",
        "s = Squeeze(h) r = Relu(s) y = Gather<axis=0>(r, zero)",
    ),
    "put_back_by_a_gather": (
        "y = Softmax<axis=1>(h)",
        "s = Reshape(h, all) g = Gather<axis=0>(s, row) y = Softmax<axis=1>(g)",
    ),
    "features_picked_and_scaled": (
        "m = Mul(h, slopes) y = Gather<axis=1>(m, some)",
        "s = Squeeze(h) m = Mul(s, slopes) y = Gather<axis=0>(m, some)",
    ),
    "axis_more_in_between": (
        "y = Sigmoid(h)",
        "u = Reshape(h, cube) s = Sigmoid(u) y = Squeeze(s)",
    ),
    "axis_more_behind": (
        "y = Sigmoid(h)",
        "u = Unsqueeze(h, all) s = Sigmoid(u) y = Squeeze(s)",
    ),
    "map_of_a_single_cell": (
        "c = Conv(map, whole) f = Flatten(c) y = Relu(f)",
        "c = Conv(map, whole) f = Squeeze(c) y = Relu(f)",
    ),
    "back_again": ("y = Relu(h)", "s = Squeeze(h) u = Unsqueeze(s, first) y = Relu(u)"),
}


def model_of(text: str) -> onnx.ModelProto:
    kind = "int64" if "ArgMax" in text else "float"
    text = f"{VECTOR} {text}"
    return head_model(text, batch=1, outputs=f"{kind}[] y", w=(40, 4), b=(4,), **CONSTANTS)


@pytest.mark.parametrize("case", PAIRS)
def test_every_cell_is_the_vector_with_its_axis(case: str) -> None:
    kept, dropped = (model_of(text) for text in PAIRS[case])
    assert_cells_are_crops(dropped, judge=kept)
    small = random_array("image", (1, 3, 9, 11))
    (answer,), (cell,) = run(dropped, small), run(rewrite(dropped), small)
    np.testing.assert_allclose(cell.ravel(), answer.ravel(), rtol=1e-5, atol=1e-6)


def test_single_answer_without_any_axis() -> None:
    model = head_model(
        "v = Flatten(map) h = Gemm(v, w) s = Sigmoid(h) y = Squeeze(s)",
        batch=1,
        outputs="float[] y",
        w=(40, 1),
    )
    (found,) = run(rewrite(model), random_array("image", (1, 3, 15, 14)))
    (answer,) = run(
        model, np.ascontiguousarray(random_array("image", (1, 3, 15, 14))[..., :9, :11])
    )
    assert found.shape == (1, 1, 4, 2)
    np.testing.assert_allclose(found[0, 0, 0, 0], answer, rtol=1e-5)


def test_squeeze_becomes_a_name() -> None:
    model = model_of("s = Sigmoid(h) [drop] y = Squeeze(s)")
    assert_nodes(
        rewrite(model),
        """
        map = Conv<strides=[2, 2]>(image, kernel)
        h = Conv<kernel_shape=[4, 5]>(map, w, b)
        s = Sigmoid(h)
        [drop] y = Identity(s)
        """,
    )


NEAR_MISSES: dict[str, tuple[RefusalCode, str, str, int | str]] = {
    "two_samples_in_a_row": (
        RefusalCode.BATCH_MIXED,
        "drop",
        "[drop] y = Reshape(h, all)",
        "N",
    ),
    "one_of_several_samples": (
        RefusalCode.WRONG_AXIS,
        "drop",
        "[drop] y = Gather<axis=0>(h, zero)",
        2,
    ),
    "first_of_several_samples": (
        RefusalCode.BATCH_MIXED,
        "pick",
        "[pick] g = GatherND(h, corner) y = Relu(g)",
        2,
    ),
    "first_of_several_maps_of_a_single_cell": (
        RefusalCode.BATCH_MIXED,
        "pick",
        "c = Conv(map, whole) [pick] g = GatherND(c, corner) y = Relu(g)",
        2,
    ),
    "features_on_two_axes": (
        RefusalCode.BATCH_MIXED,
        "drop",
        "[drop] r = Reshape(h, pairs) y = Relu(r)",
        1,
    ),
    "features_in_the_place_of_samples": (
        RefusalCode.BATCH_MIXED,
        "tall",
        "[tall] r = Reshape(h, tall_shape) y = Softmax<axis=0>(r)",
        "N",
    ),
    "features_in_another_order": (
        RefusalCode.BATCH_MIXED,
        "drop",
        "r = Reshape(h, pairs) t = Transpose(r) [drop] y = Reshape(t, all)",
        1,
    ),
    "layer_on_the_vector_alone": (
        RefusalCode.BATCH_MIXED,
        "drop",
        "[drop] s = Squeeze(h) y = MatMul(s, square)",
        1,
    ),
}


@pytest.mark.parametrize("case", NEAR_MISSES)
def test_samples_that_are_not_alone_keep_their_axis(case: str) -> None:
    code, node, text, batch = NEAR_MISSES[case]
    model = head_model(
        f"{VECTOR} {text}", batch=batch, outputs="float[] y", w=(40, 4), b=(4,), **CONSTANTS
    )
    refusal = assert_refused(flatten_gemm_to_conv, model)
    assert (refusal.code, refusal.node) == (code, node)


@pytest.mark.parametrize(
    ("case", "found"),
    [
        ("two_samples_in_a_row", "shape [8] with samples mixed"),
        ("layer_on_the_vector_alone", "shape [4] without the axis of its only sample"),
    ],
)
def test_one_sample_is_not_said_to_be_mixed(case: str, found: str) -> None:
    _, _, text, batch = NEAR_MISSES[case]
    model = head_model(
        f"{VECTOR} {text}", batch=batch, outputs="float[] y", w=(40, 4), b=(4,), **CONSTANTS
    )
    assert assert_refused(flatten_gemm_to_conv, model).found == found
