"""Extents that are baked into the views, gates, cuts and resizes of a trunk are freed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.model_texts import ints
from tests.passes.trunk.blocks import SIZES, Block, assert_freed

Array = npt.NDArray[Any]


def number(value: float) -> Array:
    return np.array(value, np.float32)


def shuffle(*, target: Callable[[int, int], Array]) -> Block:
    return (
        "a = Reshape(x, split) b = Transpose<perm=[0, 2, 1, 3, 4]>(a) y = Reshape(b, join)",
        lambda h, w: {"split": target(h, w), "join": ints(2, 4, h, w)},
    )


BLOCKS: dict[str, Block] = {
    "channel_shuffle": shuffle(target=lambda h, w: ints(2, 2, 2, h, w)),
    "channel_shuffle_that_copies_the_batch": shuffle(target=lambda h, w: ints(0, 2, 2, h, w)),
    "channel_shuffle_with_a_rest": shuffle(target=lambda h, w: ints(2, 2, -1, h, w)),
    "channel_shuffle_of_merged_positions": (
        "a = Reshape(x, split) b = Transpose<perm=[0, 2, 1, 3]>(a) y = Reshape(b, join)",
        lambda h, w: {"split": ints(2, 2, 2, h * w), "join": ints(2, 4, h, w)},
    ),
    "added_axis": (
        "a = Reshape(x, apart) b = Relu(a) y = Reshape(b, join)",
        lambda h, w: {"apart": ints(2, 4, 1, h, w), "join": ints(2, 4, h, w)},
    ),
    "blocks_of_one_cell": (
        "a = Reshape(x, apart) b = Relu(a) y = Reshape(b, join)",
        lambda h, w: {"apart": ints(2, 4, h, 1, w, 1), "join": ints(2, 4, h, w)},
    ),
    "half_dynamic_target": (
        "s = Shape(x) n = Gather(s, first) t = Concat<axis=0>(n, rest) a = Reshape(x, t)"
        " b = Relu(a) y = Reshape(b, join)",
        lambda h, w: {"first": ints(0), "rest": ints(4, h * w), "join": ints(2, 4, h, w)},
    ),
    "space_to_depth_by_hand": (
        "a = Reshape(x, split) b = Transpose<perm=[0, 3, 5, 1, 2, 4]>(a) y = Reshape(b, join)",
        lambda h, w: {
            "split": ints(2, 4, h // 2, 2, w // 2, 2),
            "join": ints(2, 16, h // 2, w // 2),
        },
    ),
    "depth_to_space_by_hand": (
        "a = Reshape(x, split) b = Transpose<perm=[0, 1, 4, 2, 5, 3]>(a) y = Reshape(b, join)",
        lambda h, w: {"split": ints(2, 1, 2, 2, h, w), "join": ints(2, 1, 2 * h, 2 * w)},
    ),
    "windows_and_back": (
        "t = Transpose<perm=[0, 2, 3, 1]>(x) a = Reshape(t, split)"
        " b = Transpose<perm=[0, 1, 3, 2, 4, 5]>(a) c = Reshape(b, windows)"
        " d = Softmax<axis=1>(c) e = Reshape(d, apart)"
        " f = Transpose<perm=[0, 1, 3, 2, 4, 5]>(e) g = Reshape(f, join)"
        " y = Transpose<perm=[0, 3, 1, 2]>(g)",
        lambda h, w: {
            "split": ints(2, h // 2, 2, w // 2, 2, 4),
            "windows": ints(2 * (h // 2) * (w // 2), 4, 4),
            "apart": ints(2, h // 2, w // 2, 2, 2, 4),
            "join": ints(2, h, w, 4),
        },
    ),
    "channels_of_windows_taken_apart": (
        "n = Concat<axis=1>(x, x, x) a = Reshape(n, split)"
        " b = Transpose<perm=[0, 2, 4, 1, 3, 5]>(a) c = Reshape(b, windows) d = Reshape(c, apart)"
        " m = ReduceMax<axes=[3]>(d) q = Mul(d, m) e = Reshape(q, again)"
        " f = Transpose<perm=[0, 3, 1, 4, 2, 5]>(e) y = Reshape(f, join)",
        lambda h, w: {
            "split": ints(2, 12, h // 2, 2, w // 2, 2),
            "windows": ints(2 * (h // 2) * (w // 2), 12, 2, 2),
            "apart": ints(2, (h // 2) * (w // 2), 3, 16),
            "again": ints(2, h // 2, w // 2, 12, 2, 2),
            "join": ints(2, 12, h, w),
        },
    ),
    "group_normalization_by_hand": (
        "a = Reshape(x, groups) b = InstanceNormalization(a, ones, zeros) y = Reshape(b, join)",
        lambda h, w: {
            "groups": ints(2, 2, 2 * h * w),
            "ones": np.ones(2, np.float32),
            "zeros": np.zeros(2, np.float32),
            "join": ints(2, 4, h, w),
        },
    ),
    "dense_layer_at_every_position": (
        "t = Transpose<perm=[0, 2, 3, 1]>(x) a = Reshape(t, rows) b = Gemm(a, dense)"
        " c = Reshape(b, join) y = Transpose<perm=[0, 3, 1, 2]>(c)",
        lambda h, w: {"rows": ints(2 * h * w, 4), "dense": (4, 4), "join": ints(2, h, w, 4)},
    ),
    "expanded_gate": (
        "p = GlobalAveragePool(x) g = Sigmoid(p) e = Expand(g, to) y = Mul(x, e)",
        lambda h, w: {"to": ints(2, 4, h, w)},
    ),
    "tiled_and_concatenated_gate": (
        "p = GlobalMaxPool(x) t = Tile(p, times) y = Concat<axis=1>(x, t)",
        lambda h, w: {"times": ints(1, 1, h, w)},
    ),
    "sum_divided_by_the_positions": (
        "s = ReduceSum(x, spatial) m = Div(s, many) g = Sigmoid(m) y = Mul(x, g)",
        lambda h, w: {"spatial": ints(2, 3), "many": number(h * w)},
    ),
    "sum_times_the_inverse": (
        "s = ReduceSum(x, spatial) m = Mul(inverse, s) g = Sigmoid(m) y = Mul(x, g)",
        lambda h, w: {"spatial": ints(2, 3), "inverse": number(1 / (h * w))},
    ),
    "root_mean_square": (
        "q = Mul(x, x) s = ReduceSum(q, spatial) r = Pow(s, half) m = Mul(r, inverse)"
        " g = Sigmoid(m) y = Mul(x, g)",
        lambda h, w: {
            "spatial": ints(2, 3),
            "half": number(0.5),
            "inverse": number((h * w) ** -0.5),
        },
    ),
    "softmax_over_as_many_as_are_averaged": (
        "k = Slice(x, start, end, axis) s = Softmax<axis=2>(k)"
        " a = ReduceMean<axes=[3], keepdims=0>(s) b = Mul(a, many) y = Div(b, five)",
        lambda h, w: {
            "start": ints(0),
            "end": ints(w - 2),
            "axis": ints(3),
            "many": number(h),
            "five": number(5),
        },
    ),
    "unbiased_variance": (
        "m = GlobalAveragePool(x) d = Sub(x, m) q = Mul(d, d) s = ReduceSum(q, spatial)"
        " v = Div(s, less) g = Sigmoid(v) y = Mul(x, g)",
        lambda h, w: {"spatial": ints(2, 3), "less": number(h * w - 1)},
    ),
    "attention_between_channels": (
        "q = Reshape(x, merge) k = Transpose<perm=[0, 2, 1]>(q) s = MatMul(q, k)"
        " t = Mul(s, scale) a = Softmax<axis=-1>(t) o = MatMul(a, q) y = Reshape(o, join)",
        lambda h, w: {
            "merge": ints(2, 4, h * w),
            "scale": number((h * w) ** -0.5),
            "join": ints(2, 4, h, w),
        },
    ),
    "global_context": (
        "c = Conv(x, score) f = Reshape(c, one) s = Softmax<axis=2>(f) u = Unsqueeze(s, last)"
        " m = Reshape(x, merge) n = Unsqueeze(m, second) o = MatMul(n, u) v = Reshape(o, vector)"
        " y = Add(x, v)",
        lambda h, w: {
            "score": (1, 4, 1, 1),
            "one": ints(2, 1, h * w),
            "merge": ints(2, 4, h * w),
            "last": ints(3),
            "second": ints(1),
            "vector": ints(2, 4, 1, 1),
        },
    ),
    "resized_by_a_whole_ratio": (
        "y = Resize(x, , , sizes)",
        lambda h, w: {"sizes": ints(2, 4, 2 * h, 3 * w)},
    ),
    "resized_to_a_skip_of_odd_size": (
        "d = MaxPool<kernel_shape=[3, 3], strides=[2, 2]>(x)"
        ' u = Resize<mode="linear">(d, , , sizes) y = Concat<axis=1>(u, x)',
        lambda h, w: {"sizes": ints(2, 4, h, w)},
    ),
    "resized_pool": (
        "p = GlobalAveragePool(x) u = Resize(p, , , sizes) y = Concat<axis=1>(u, x)",
        lambda h, w: {"sizes": ints(2, 4, h, w)},
    ),
    "cut_to_a_skip": (
        "d = MaxPool<kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1>(x)"
        " u = Resize(d, , twice) c = Slice(u, start, size, spatial) y = Concat<axis=1>(c, x)",
        lambda h, w: {
            "twice": np.array([1, 1, 2, 2], np.float32),
            "start": ints(0, 0),
            "size": ints(h, w),
            "spatial": ints(2, 3),
        },
    ),
    "cut_borders": (
        "y = Slice(x, starts, ends, spatial)",
        lambda h, w: {"starts": ints(1, 2), "ends": ints(h - 1, w), "spatial": ints(2, 3)},
    ),
    "last_and_first_rows": (
        "a = Slice(x, end, far, rows) b = Slice(x, zero, two, rows) y = Concat<axis=2>(a, x, b)",
        lambda h, w: {
            "end": ints(h - 1),
            "far": ints(h),
            "rows": ints(2),
            "zero": ints(0),
            "two": ints(2),
        },
    ),
    "rolled_rows": (
        "a = Slice(x, one, far, rows) b = Slice(x, zero, one, rows) y = Concat<axis=2>(a, b)",
        lambda h, w: {"one": ints(1), "far": ints(h), "rows": ints(2), "zero": ints(0)},
    ),
    "every_second_row": (
        "y = Slice(x, starts, ends, spatial, steps)",
        lambda h, w: {
            "starts": ints(1),
            "ends": ints(h),
            "spatial": ints(2),
            "steps": ints(2),
        },
    ),
    "flipped": (
        "y = Slice(x, starts, ends, spatial, steps)",
        lambda h, w: {
            "starts": ints(h - 1),
            "ends": ints(-(2**63)),
            "spatial": ints(2),
            "steps": ints(-1),
        },
    ),
    "split_rows": (
        "a, b = Split<axis=2>(x, parts) c = Concat<axis=1>(a, a) y = Add(c, one)",
        lambda h, w: {"parts": ints(h - 1, 1), "one": number(1)},
    ),
    "coordinate_gate": (
        "r = ReduceMean<axes=[3]>(x) c = ReduceMean<axes=[2]>(x)"
        " t = Transpose<perm=[0, 1, 3, 2]>(c) j = Concat<axis=2>(r, t)"
        " a, b = Split<axis=2>(j, parts) u = Transpose<perm=[0, 1, 3, 2]>(b)"
        " m = Mul(x, a) y = Mul(m, u)",
        lambda h, w: {"parts": ints(h, w)},
    ),
    "filled_channel": (
        "c = ConstantOfShape<value = float[1] {1.5}>(shape) y = Concat<axis=1>(x, c)",
        lambda h, w: {"shape": ints(2, 1, h, w)},
    ),
    "folded_filled_channel": (
        "y = Concat<axis=1>(x, ones)",
        lambda h, w: {"ones": np.ones((2, 1, h, w), np.float32)},
    ),
    "computed_filled_channel": (
        "o = ConstantOfShape<value = float[1] {1.5}>(shape) c = Mul(o, half)"
        " y = Concat<axis=1>(x, c)",
        lambda h, w: {"shape": ints(2, 1, h, w), "half": number(0.5)},
    ),
    "predictions_of_two_scales": (
        "d = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(x) a = Reshape(x, positions)"
        " b = Reshape(d, positions) c = Concat<axis=2>(a, b) y = Reshape(c, apart)",
        lambda h, w: {
            "positions": ints(2, 4, -1),
            "apart": ints(2, 2, 2, h * w + (h // 2) * (w // 2)),
        },
    ),
    "view_by_strides": (
        "f = Reshape(x, flat) g = Gather(f, order) y = Relu(g)",
        lambda h, w: {
            "flat": ints(-1),
            "order": np.arange(8 * h * w).reshape(2, 4, h, w).transpose(0, 2, 3, 1),
        },
    ),
}  # fmt: skip
ODD = {"resized_to_a_skip_of_odd_size", "cut_to_a_skip"}


@pytest.mark.parametrize("block", BLOCKS)
def test_block_is_freed(block: str) -> None:
    less = int(block in ODD)
    assert_freed(BLOCKS[block], [(height - less, width - less) for height, width in SIZES])
