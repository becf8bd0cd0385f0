"""What stands behind the dense layer: near misses of the lift."""

from typing import Any

import numpy as np
import pytest

from passes import RefusalCode, flatten_gemm_to_conv
from tests.model_texts import ints
from tests.passes.judges import assert_refused
from tests.passes.models import head_model

Case = tuple[RefusalCode, str, str, dict[str, Any]]
"""Code, node, text, and what the text needs."""


BRANCH = """
If(yes) <
  then_branch = then () => (float[N,3] one) {{ one = Relu({tensor}) }},
  else_branch = other () => (float[N,3] two) {{ two = Neg({tensor}) }}
>"""

GEMM = "v = Flatten(map) h = Gemm(v, w, b)"
HEAD_WEIGHTS: dict[str, Any] = {"w": (40, 3), "b": (3,)}
SIX = "v = Flatten(map) h = Gemm(v, w)"
GROUPS: dict[str, Any] = {"w": (40, 6), "groups": ints(0, 2, 3)}

HEADS: dict[str, Case] = {
    "feature_that_cannot_be_computed": (
        RefusalCode.CONSTANT_UNKNOWN,
        "far",
        "v = Flatten(map) h = Gemm(v, w) [far] i = Gather(features, place)"
        " y = Gather<axis=1>(h, i)",
        {"w": (40, 3), "features": np.array([0, 2]), "place": np.array([99])},
    ),
    "features_of_a_very_large_table": (
        RefusalCode.CONSTANT_UNKNOWN,
        "i",
        "v = Flatten(map) h = Gemm(v, w) t = Tile(features, many)"
        " [i] i = ReduceSum<keepdims=0>(t, all) y = Gather<axis=1>(h, i)",
        {"w": (40, 3), "features": np.array([[0, 2]]), "many": np.array([2**23, 4])}
        | {"all": np.array([0, 1])},
    ),
    "batch_normalization_a_position": (
        RefusalCode.NO_RULE,
        "norm",
        f"{GEMM} [norm] y = BatchNormalization<spatial=0>(h, b, b, b, b)",
        HEAD_WEIGHTS | {"opset": 7},
    ),
    "batch_normalization_trains": (
        RefusalCode.TRAINING_MODE,
        "norm",
        f"{GEMM} [norm] y, m, s = BatchNormalization<training_mode=1>(h, b, b, b, b)",
        HEAD_WEIGHTS,
    ),
    "dropout_trains": (
        RefusalCode.TRAINING_MODE,
        "drop",
        f"{GEMM} [drop] y = Dropout(h, ratio, train)",
        HEAD_WEIGHTS | {"ratio": np.array(0.5, np.float32), "train": np.array(True)},
    ),
    "dropout_may_train": (
        RefusalCode.TRAINING_MODE,
        "drop",
        f"{GEMM} [drop] y = Dropout(h, ratio, train)",
        HEAD_WEIGHTS
        | {
            "inputs": "float[N,3,9,11] image, bool train",
            "ratio": np.array(0.5, np.float32),
        },
    ),
    "softmax_over_the_batch": (
        RefusalCode.WRONG_AXIS,
        "softmax",
        f"{GEMM} [softmax] y = Softmax<axis=0>(h)",
        HEAD_WEIGHTS,
    ),
    "old_softmax_over_everything": (
        RefusalCode.WRONG_AXIS,
        "softmax",
        f"{GEMM} [softmax] y = LogSoftmax<axis=-2>(h)",
        HEAD_WEIGHTS | {"opset": 11},
    ),
    "second_input": (
        RefusalCode.SECOND_INPUT,
        "join",
        f"{GEMM} [join] y = Add(h, age)",
        HEAD_WEIGHTS | {"inputs": "float[N,3,9,11] image, float[N,3] age"},
    ),
    "clip_bound_is_an_input": (
        RefusalCode.COMPUTED_WEIGHT,
        "clip",
        f"{GEMM} [clip] y = Clip(h, low)",
        HEAD_WEIGHTS | {"inputs": "float[N,3,9,11] image, float low"},
    ),
    "branch_in_the_head": (
        RefusalCode.CONTROL_FLOW,
        "branch",
        f"{GEMM} [branch] y = {BRANCH.format(tensor='h')}",
        HEAD_WEIGHTS | {"inputs": "float[N,3,9,11] image, bool yes"},
    ),
    "custom_operator_in_the_head": (
        RefusalCode.CUSTOM_OPERATOR,
        "ours",
        f"{GEMM} [ours] y = acme.Relu(h)",
        HEAD_WEIGHTS | {"outputs": "float[N,K] y"},
    ),
    "no_rule": (
        RefusalCode.NO_RULE,
        "norm",
        f"{GEMM} [norm] y = MeanVarianceNormalization<axes=[1]>(h)",
        HEAD_WEIGHTS,
    ),
    "padded_features": (
        RefusalCode.NO_RULE,
        "pad",
        f"{GEMM} [pad] y = Pad(h, to)",
        HEAD_WEIGHTS | {"to": ints(0, 1, 0, 1)},
    ),
    "tiled_features": (
        RefusalCode.NO_RULE,
        "tile",
        f"{GEMM} [tile] y = Tile(h, to)",
        HEAD_WEIGHTS | {"to": ints(1, 2)},
    ),
    "wide_convolution_of_a_vector": (
        RefusalCode.NO_RULE,
        "conv",
        f"{GEMM} e = Unsqueeze(h, axes) [conv] y = Conv<pads=[1, 1, 1, 1]>(e, k)",
        HEAD_WEIGHTS | {"axes": ints(2, 3), "k": (2, 3, 3, 3)},
    ),
    "dense_layer_on_groups": (
        RefusalCode.NO_RULE,
        "fc",
        f"{SIX} g = Reshape(h, groups) [fc] y = MatMul(g, u)",
        GROUPS | {"u": (3, 4)},
    ),
    "groups_normalised": (
        RefusalCode.WRONG_AXIS,
        "norm",
        f"{SIX} g = Reshape(h, groups) [norm] y = LayerNormalization(g, b)",
        GROUPS | {"b": (3,)},
    ),
    "old_softmax_over_groups": (
        RefusalCode.WRONG_AXIS,
        "soft",
        f"{SIX} g = Reshape(h, groups) [soft] y = Softmax<axis=1>(g)",
        GROUPS | {"opset": 12},
    ),
    "mean_along_the_batch": (
        RefusalCode.WRONG_AXIS,
        "batch",
        f"{GEMM} [batch] y = ReduceMean<axes=[0]>(h)",
        HEAD_WEIGHTS,
    ),
    "concatenation_along_the_batch": (
        RefusalCode.WRONG_AXIS,
        "batch",
        f"{GEMM} [batch] y = Concat<axis=0>(h, h)",
        HEAD_WEIGHTS,
    ),
    "gather_along_the_batch": (
        RefusalCode.WRONG_AXIS,
        "batch",
        f"{GEMM} [batch] y = Gather<axis=0>(h, first)",
        HEAD_WEIGHTS | {"first": ints(0)},
    ),
    "slice_along_the_batch": (
        RefusalCode.WRONG_AXIS,
        "batch",
        f"{GEMM} [batch] y = Slice(h, first, one, first)",
        HEAD_WEIGHTS | {"first": ints(0), "one": ints(1)},
    ),
    "sums_along_the_batch": (
        RefusalCode.WRONG_AXIS,
        "batch",
        f"{GEMM} [batch] y = CumSum(h, axis)",
        HEAD_WEIGHTS | {"axis": np.array(0)},
    ),
    "norm_along_the_batch": (
        RefusalCode.WRONG_AXIS,
        "batch",
        f"{GEMM} [batch] y = LpNormalization<axis=0>(h)",
        HEAD_WEIGHTS,
    ),
    "split_of_the_batch": (
        RefusalCode.WRONG_AXIS,
        "batch",
        f"{GEMM} [batch] y, z = Split<axis=0>(h, parts)",
        HEAD_WEIGHTS | {"batch": 2, "outputs": "float[] y, float[] z", "parts": ints(1, 1)},
    ),
    "largest_along_the_batch": (
        RefusalCode.WRONG_AXIS,
        "batch",
        f"{GEMM} [batch] y = ArgMax(h)",
        HEAD_WEIGHTS | {"outputs": "int64[] y"},
    ),
    "mean_of_everything": (
        RefusalCode.BATCH_MIXED,
        "mean",
        f"{GEMM} [mean] y = ReduceMean(h)",
        HEAD_WEIGHTS,
    ),
    "samples_by_samples": (
        RefusalCode.NO_RULE,
        "times",
        f"{GEMM} e = Unsqueeze(h, axes) t = Transpose<perm=[1, 0, 2]>(e) [times] y = Mul(e, t)",
        HEAD_WEIGHTS | {"axes": ints(1)},
    ),
    "sample_by_features": (
        RefusalCode.NO_RULE,
        "times",
        f"{GEMM} s = Squeeze(h, first) e = Unsqueeze(s, axes) [times] y = Mul(e, h)",
        HEAD_WEIGHTS | {"batch": 1, "first": ints(0), "axes": ints(1)},
    ),
    "constant_joined": (
        RefusalCode.NO_RULE,
        "join",
        f"{GEMM} [join] y = Concat<axis=1>(h, c)",
        HEAD_WEIGHTS | {"batch": 1, "c": (1, 2)},
    ),
    "constant_over_new_axes": (
        RefusalCode.BIAS_SHAPE,
        "add",
        f"{GEMM} e = Unsqueeze(h, axes) [add] y = Add(e, c)",
        HEAD_WEIGHTS | {"axes": ints(2), "c": (3, 5)},
    ),
    "product_of_two_vectors": (
        RefusalCode.COMPUTED_WEIGHT,
        "product",
        f"{GEMM} e = Unsqueeze(h, two) f = Unsqueeze(h, one) [product] y = MatMul(e, f)",
        HEAD_WEIGHTS | {"two": ints(2), "one": ints(1)},
    ),
}


@pytest.mark.parametrize("case", HEADS)
def test_head_is_refused_whole(case: str) -> None:
    code, node, text, options = HEADS[case]
    options = {"outputs": "float[] y"} | options
    refusal = assert_refused(flatten_gemm_to_conv, head_model(text, **options))
    assert (refusal.code, refusal.node) == (code, node)
    assert node in str(refusal)
