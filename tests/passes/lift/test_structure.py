"""Operators that cut, pick, join and regroup features do so at every cell."""

from typing import Any

import numpy as np
import pytest

from tests.model_texts import ints
from tests.passes.judges import assert_cells_are_crops
from tests.passes.models import head_model

VECTOR = "v = Flatten(map) h = Gemm<transB=1>(v, w, b)"
WEIGHTS: dict[str, Any] = {"w": (6, 40), "b": (6,), "u": (6, 4), "c": (4,)}


CONSTANTS: dict[str, Any] = {
    "one": ints(1),
    "two": ints(2),
    "minus_one": ints(-1),
    "minus_two": ints(-2),
    "three": ints(3),
    "five": ints(5),
    "last": ints(2**63 - 1),
    "first": ints(-(2**63) + 1),
    "parts": ints(4, 2),
    "order": ints(5, 0, 3, 1, 4, 2),
    "some": ints(5, 0, 0, -2),
    "single": np.array(3, np.int64),
    "table": ints(0, 1, 2, 3, 4, 5).reshape(2, 3),
    "zero": np.array(0, np.int64),
    "end": np.array(-1, np.int64),
    "begin": ints(0),
    "groups": ints(0, 2, 3),
    "other_groups": ints(0, 3, -1),
    "four_axes": ints(0, 6, 1, 1),
    "two_axes": ints(0, -1),
    "positions": ints(2, 3),
    "both": ints(1, -1),
    "repeats": ints(1, 6),
    "point": (6, 6, 1, 1),
    "turned": (3, 2),
    "each": (2, 1),
}

# From h [N, 6] to a [N, 6].
SAME_NUMBER: dict[str, tuple[tuple[int, ...], str]] = {
    "concat": ((9, 13, 17), "r = Relu(h) j = Concat<axis=1>(h, r) s, a = Split<axis=1>(j)"),
    "concat_negative_axis": (
        (11, 17),
        "r = Relu(h) j = Concat<axis=-1>(r, h, r) s, a, t = Split<axis=-1>(j)",
    ),
    "cell_picked": (
        (13, 17),
        "p = Reshape(h, four_axes) q = Gather<axis=2>(p, zero) a = Gather<axis=-1>(q, end)",
    ),
    "cell_cut": (
        (13, 17),
        "p = Reshape(h, four_axes) q = Slice(p, begin, one, two) s = Slice(q, minus_one, last,"
        " three) a = Flatten(s)",
    ),
    "split_by_number": (
        (18, 21),
        "r = Relu(h) j = Concat<axis=1>(h, r) s, a = Split<axis=1, num_outputs=2>(j)",
    ),
    "split_attribute": (
        (9, 12),
        "s, t = Split<axis=1, split=[4, 2]>(h) r = Relu(t) a = Concat<axis=1>(r, s)",
    ),
    "split_input": (
        (13, 21),
        "s, t = Split<axis=-1>(h, parts) r = Tanh(s) a = Concat<axis=-1>(t, r)",
    ),
    "slice_attributes": (
        (9,),
        "s = Slice<axes=[1], starts=[1], ends=[5]>(h) t = Slice<axes=[1], starts=[-2],"
        " ends=[2147483647]>(h) a = Concat<axis=1>(t, s)",
    ),
    "slice_inputs": (
        (10, 13, 21),
        "s = Slice(h, one, five, one) t = Slice(h, minus_two, last, one)"
        " a = Concat<axis=1>(s, t)",
    ),
    "slice_negative_axis": ((17,), "s = Slice(h, two, last, minus_one) t = Slice(h, one, three,"
                            " minus_one) a = Concat<axis=1>(s, t)"),
    "slice_backwards": ((13,), "a = Slice(h, last, first, minus_one, minus_one)"),
    "slice_steps": (
        (13,),
        "s = Slice(h, one, last, one, two) t = Relu(s) a = Concat<axis=1>(s, t)",
    ),
    "gather_all": ((9, 13, 21), "a = Gather<axis=1>(h, order)"),
    "gather_negative_axis": ((11, 17), "a = Gather<axis=-1>(h, order)"),
    "gather_repeats": (
        (9, 17),
        "s = Gather<axis=1>(h, some) t = Gather<axis=1>(h, some) q = Add(s, t)"
        " j = Concat<axis=1>(h, q) a = Gather<axis=1>(j, order)",
    ),
    "stacked_and_summed": (
        (13, 21),
        "r = Relu(h) e = Unsqueeze(h, one) f = Unsqueeze(r, one) j = Concat<axis=1>(e, f)"
        " m = ReduceSum<keepdims=0>(j, one) t = Tanh(m) a = Add(t, h)",
    ),
    "stacked_behind": (
        (9, 12),
        "r = Relu(h) e = Unsqueeze<axes=[2]>(h) f = Unsqueeze<axes=[2]>(r)"
        " j = Concat<axis=-1>(e, f) a = ReduceMax<axes=[2], keepdims=0>(j)",
    ),
    "stacked_with_a_stack": (
        (17,),
        "r = Relu(h) e = Unsqueeze(h, one) f = Unsqueeze(r, one) j = Concat<axis=1>(e, f)"
        " g = Concat<axis=1>(e, j, f) p = Gather<axis=1>(g, groups) m = ReduceMean<axes=[1],"
        " keepdims=0>(p) a = Sub(m, h)",
    ),
    "gather_table": ((17,), "g = Gather<axis=1>(h, table) r = Relu(g) a = Flatten(r)"),
    "unsqueezed_and_squeezed": ((13, 21), "e = Unsqueeze(h, positions) r = Relu(e)"
                                " a = Squeeze(r, positions)"),
    "unsqueezed_by_attributes": ((9, 12), "e = Unsqueeze<axes=[2, 3]>(h) r = Relu(e)"
                                 " a = Squeeze<axes=[2, 3]>(r)"),
    "unsqueezed_in_the_middle": ((13,), "e = Unsqueeze(h, one) r = Relu(e) a = Squeeze(r, one)"),
    "unsqueezed_twice": ((13,), "e = Unsqueeze(h, both) r = Tanh(e) a = Squeeze(r, both)"),
    "one_cell": ((9, 17), "e = Reshape(h, four_axes) r = Relu(e) a = Flatten(r)"),
    "convolved": ((9, 17), "e = Reshape(h, four_axes) r = Conv(e, point, b) a = Flatten(r)"),
    "convolved_with_strides": (
        (17,),
        "e = Reshape(h, four_axes) r = Conv<strides=[2, 2]>(e, point) a = Flatten(r)",
    ),
    "groups": ((9, 17), "g = Reshape(h, groups) r = Relu(g) a = Flatten(r)"),
    "groups_scaled": ((17,), "g = Reshape(h, groups) r = Mul(g, each) a = Reshape(r, two_axes)"),
    "groups_of_groups": (
        (17,),
        "g = Reshape(h, groups) q = Reshape(g, other_groups) r = Softmax<axis=2>(q)"
        " a = Flatten(r)",
    ),
    "groups_unsqueezed": (
        (17,),
        "g = Reshape(h, groups) e = Unsqueeze(g, both) r = Tanh(e) s = Squeeze(r, both)"
        " a = Flatten(s)",
    ),
    "groups_cut_and_joined": (
        (17,),
        "g = Reshape(h, groups) s = Slice(g, one, last, two) t = Gather<axis=2>(g, one)"
        " j = Concat<axis=2>(s, t) a = Flatten(j)",
    ),
    "maxout": (
        (17,),
        "g = Reshape(h, groups) m = ReduceMax<axes=[1], keepdims=0>(g)"
        " j = Concat<axis=1>(m, m) a = Add(h, j)",
    ),
    "shuffled": (
        (9, 17),
        "g = Reshape(h, groups) t = Transpose<perm=[0, 2, 1]>(g) a = Flatten(t)",
    ),
    "shuffled_by_reshape": (
        (17,),
        "g = Reshape(h, groups) t = Transpose<perm=[0, 2, 1]>(g) r = Relu(t)"
        " a = Reshape(r, two_axes)",
    ),
    "turned_and_scaled": (
        (17,),
        "g = Reshape(h, groups) t = Transpose<perm=[0, 2, 1]>(g) s = Mul(t, turned)"
        " a = Flatten(s)",
    ),
    "turned_and_back": (
        (17,),
        "g = Reshape(h, groups) t = Transpose<perm=[0, 2, 1]>(g) r = Relu(t)"
        " q = Transpose<perm=[0, 2, 1]>(r) a = Flatten(q)",
    ),
}  # fmt: skip


CASES = [
    pytest.param(opset, text, id=f"{name}-{opset}")
    for name, (opsets, text) in SAME_NUMBER.items()
    for opset in opsets
]


@pytest.mark.parametrize(("opset", "text"), CASES)
def test_before_a_dense_layer(opset: int, text: str) -> None:
    model = head_model(f"{VECTOR} {text} y = Gemm(a, u, c)", opset=opset, **WEIGHTS, **CONSTANTS)
    assert_cells_are_crops(model)


@pytest.mark.parametrize(("opset", "text"), CASES)
def test_before_an_output(opset: int, text: str) -> None:
    model = head_model(f"{VECTOR} {text} y = Tanh(a)", opset=opset, **WEIGHTS, **CONSTANTS)
    assert_cells_are_crops(model)


@pytest.mark.parametrize(
    ("text", "outputs"),
    [
        ("y = Unsqueeze(h, positions)", "float[] y"),
        ("y = Reshape(h, four_axes)", "float[] y"),
        ("y = Reshape(h, groups)", "float[] y"),
        ("g = Reshape(h, groups) y = Relu(g)", "float[] y"),
        ("y = Gather<axis=1>(h, single)", "float[] y"),
        ("y = Gather<axis=1>(h, table)", "float[] y"),
        ("y, z = Split<axis=1>(h, parts)", "float[] y, float[] z"),
        ("y = Concat<axis=1>(h, h)", "float[] y"),
        ("y = Slice(h, one, five, one)", "float[] y"),
        ("e = Unsqueeze(h, one) y = Concat<axis=1>(e, e, e)", "float[] y"),
        (
            "r = Relu(h) e = Unsqueeze(h, two) f = Unsqueeze(r, two) y = Concat<axis=2>(e, f)",
            "float[] y",
        ),
        (
            "e = Unsqueeze(h, one) t = Transpose<perm=[1, 0, 2]>(e) y = Concat<axis=0>(t, t)",
            "float[] y",
        ),
        (
            "e = Unsqueeze(h, one) f = Unsqueeze(h, two) g = Mul(e, f) y = Concat<axis=1>(e, g)",
            "float[] y",
        ),
        ("r = Relu(h) y = Identity(h) z = Identity(r)", "float[] y, float[] z"),
        ("y = Flatten(h) z = Relu(y)", "float[] y, float[] z"),
        ("y = Transpose(h)", "float[] y"),
        ("t = Transpose(h) y = Softmax<axis=0>(t)", "float[] y"),
        ("g = Reshape(h, groups) t = Transpose<perm=[0, 2, 1]>(g) y = Relu(t)", "float[] y"),
        (
            "g = Reshape(h, groups) t = Transpose<perm=[0, 2, 1]>(g) y = Softmax<axis=1>(t)",
            "float[] y",
        ),
        ("g = Reshape(h, groups) m = ReduceMean<axes=[2]>(g) y = Sub(g, m)", "float[] y"),
        ("e = Unsqueeze(h, one) f = Unsqueeze(h, two) y = Mul(e, f)", "float[] y"),
        ("g = Gather<axis=1>(h, single) e = Unsqueeze(g, one) y = Mul(h, e)", "float[] y"),
        ("q = ReduceMax<axes=[1]>(h) y = Expand(q, repeats)", "float[] y"),
        ("shape = Shape(h) y = Reshape(h, shape)", "float[] y"),
    ],
)
def test_as_an_output(text: str, outputs: str) -> None:
    model = head_model(f"{VECTOR} {text}", outputs=outputs, **WEIGHTS, **CONSTANTS)
    assert_cells_are_crops(model)
