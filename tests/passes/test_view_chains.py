"""However the feature map becomes a vector, every cell is the model on that crop."""

from typing import Any

import numpy as np
import pytest

from tests.model_texts import build, ints
from tests.passes.judges import assert_cells_are_crops
from tests.passes.models import head_model

DENSE = "y = Gemm(v, w, b)"


FLATTEN: dict[str, tuple[str, dict[str, Any]]] = {
    "flatten": ("v = Flatten(map)", {}),
    "flatten_axis_1": ("v = Flatten<axis=1>(map)", {}),
    "flatten_negative_axis": ("v = Flatten<axis=-3>(map)", {}),
    "flatten_axis_0_of_one_sample": ("v = Flatten<axis=0>(map)", {"batch": 1}),
}

RESHAPE: dict[str, tuple[str, dict[str, Any]]] = {
    "reshape_0_and_minus_1": ("v = Reshape(map, to)", {"to": ints(0, -1)}),
    "reshape_minus_1_first": ("v = Reshape(map, to)", {"to": ints(-1, 40)}),
    "reshape_fixed_batch": ("v = Reshape(map, to)", {"to": ints(2, -1), "batch": 2}),
    "reshape_all_numbers": ("v = Reshape(map, to)", {"to": ints(3, 40), "batch": 3}),
    "reshape_allowzero": ("v = Reshape<allowzero=1>(map, to)", {"to": ints(-1, 40)}),
    "reshape_target_in_constant_node": (
        "to = Constant<value = int64[2] {0, -1}>() v = Reshape(map, to)",
        {},
    ),
    "reshape_target_in_constant_ints": (
        "to = Constant<value_ints=[0, -1]>() v = Reshape(map, to)",
        {},
    ),
    "reshape_target_is_an_ir_3_input": (
        "v = Reshape(map, to)",
        {"to": ints(0, -1), "ir_version": 3, "opset": 9},
    ),
    "reshape_target_computed": (
        """
        shape = Shape(map)
        n = Gather<axis=0>(shape, zero)
        n1 = Unsqueeze(n, axes)
        to = Concat<axis=0>(n1, rest)
        v = Reshape(map, to)
        """,
        {"zero": np.array(0), "axes": ints(0), "rest": ints(-1)},
    ),
    "reshape_target_computed_of_a_fixed_batch": (
        """
        shape = Shape(map)
        n = Slice(shape, start, end)
        to = Concat<axis=0>(n, rest)
        v = Reshape(map, to)
        """,
        {"start": ints(0), "end": ints(1), "rest": ints(-1), "batch": 3},
    ),
    "reshape_target_computed_by_shape_end": (
        "n = Shape<end=1>(map) to = Concat<axis=0>(n, rest) v = Reshape(map, to)",
        {"rest": ints(-1)},
    ),
}

REORDER: dict[str, tuple[str, dict[str, Any]]] = {
    "channels_last": ("t = Transpose<perm=[0, 2, 3, 1]>(map) v = Flatten(t)", {}),
    "width_before_height": ("t = Transpose<perm=[0, 1, 3, 2]>(map) v = Flatten(t)", {}),
    "width_first": ("t = Transpose<perm=[0, 3, 1, 2]>(map) v = Flatten(t)", {}),
    "through_three_axes": (
        """
        m = Reshape(map, merged)
        t = Transpose<perm=[0, 2, 1]>(m)
        v = Reshape(t, to)
        """,
        {"merged": ints(0, 2, 20), "to": ints(0, -1)},
    ),
    "split_channels": (
        "m = Reshape(map, to) t = Transpose<perm=[0, 3, 1, 2, 4]>(m) v = Flatten(t)",
        {"to": ints(0, 2, 2, 2, 5)},
    ),
    "unsqueezed_and_squeezed": (
        "u = Unsqueeze(map, axes) s = Squeeze(u, axes) v = Flatten(s)",
        {"axes": ints(2)},
    ),
    "identity_and_dropout": ("i = Identity(map) f = Flatten(i) v = Dropout(f)", {}),
    "columns_permuted": (
        "f = Flatten(map) v = Gather<axis=1>(f, order)",
        {"order": np.random.default_rng(0).permutation(40)},
    ),
}

RESIZE: dict[str, tuple[str, dict[str, Any]]] = {
    "gather_drops": (
        "f = Flatten(map) v = Gather<axis=1>(f, order)",
        {"order": ints(39, 0, 17, 5), "w": (4, 3)},
    ),
    "gather_repeats": (
        "f = Flatten(map) v = Gather<axis=1>(f, order)",
        {"order": ints(7, 7, 3, 7, 0), "w": (5, 3)},
    ),
    "gather_drops_and_repeats_channels": (
        "g = Gather<axis=1>(map, order) v = Flatten(g)",
        {"order": ints(1, 1, 1), "w": (60, 3)},
    ),
    "slice_drops": (
        "f = Flatten(map) v = Slice(f, start, end, axes)",
        {"start": ints(3), "end": ints(21), "axes": ints(1), "w": (18, 3)},
    ),
    "slice_backwards": (
        "f = Flatten(map) v = Slice(f, start, end, axes, steps)",
        {"start": ints(-1), "end": ints(-40), "axes": ints(1), "steps": ints(-3), "w": (13, 3)},
    ),
    "flattened_then_sliced_window": (
        "m = Reshape(map, to) s = Slice(m, start, end, axes) v = Flatten(s)",
        {
            "to": ints(0, 2, 20),
            "start": ints(5),
            "end": ints(15),
            "axes": ints(2),
            "w": (20, 3),
        },
    ),
    "tile_repeats": (
        "f = Flatten(map) v = Tile(f, repeats)",
        {"repeats": ints(1, 2), "w": (80, 3)},
    ),
}

CHAINS = FLATTEN | RESHAPE | REORDER | RESIZE


@pytest.mark.parametrize("chain", CHAINS)
def test_every_cell_is_the_model_on_its_crop(chain: str) -> None:
    text, options = CHAINS[chain]
    assert_cells_are_crops(head_model(f"{text} {DENSE}", **{"w": (40, 3), "b": (3,)} | options))


@pytest.mark.parametrize("chain", CHAINS)
def test_matmul_takes_the_place_of_gemm(chain: str) -> None:
    text, options = CHAINS[chain]
    model = head_model(
        f"{text} p = MatMul(v, w) y = Add(p, b)", **{"w": (40, 3), "b": (3,)} | options
    )
    assert_cells_are_crops(model)


@pytest.mark.parametrize("batch", [1, 2, 3, "N"])
def test_batch_is_kept(batch: int | str) -> None:
    assert_cells_are_crops(head_model(f"v = Flatten(map) {DENSE}", batch=batch, w=(40, 3), b=(3,)))


def test_channels_as_many_as_rows_and_columns_are_not_mistaken() -> None:
    model = build(
        f"map = Conv(image, k) t = Transpose<perm=[0, 3, 2, 1]>(map) v = Flatten(t) {DENSE}",
        inputs="float[4,4,5,5] image",
        k=(4, 4, 2, 2),
        w=(64, 3),
        b=(3,),
    )
    assert_cells_are_crops(model, larger=(7, 6), stride=(1, 1))
