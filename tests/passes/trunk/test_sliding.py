"""Pools and transposed convolutions of a trunk: kernels of the whole map, sizes that are told."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from passes import RefusalCode, dynamic_spatial_axes
from tests.model_texts import ints
from tests.passes.judges import assert_refused
from tests.passes.trunk.blocks import SIZES, Block, assert_freed, written

Array = npt.NDArray[Any]


def number(value: float) -> Array:
    return np.array(value, np.float32)


BLOCKS: dict[str, Block] = {
    "flat_gate_of_a_pool_as_large_as_the_map": (
        "p = AveragePool<kernel_shape=WHOLE>(x) f = Flatten(p) g = Gemm(f, dense)"
        " s = Sigmoid(g) u = Reshape(s, back) y = Mul(x, u)",
        lambda h, w: {"dense": (4, 4), "back": ints(2, 4, 1, 1)},
    ),
    "pool_as_large_as_an_axis": (
        "p = AveragePool<kernel_shape=COLUMN>(x) s = Sigmoid(p) y = Mul(x, s)",
        lambda h, w: {},
    ),
    "pool_with_the_places_of_the_largest": (
        "a, i = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(x) f = Cast<to=1>(i)"
        " r = Reshape(f, split) s = Mul(r, nothing) b = Reshape(a, split) y = Add(b, s)",
        lambda h, w: {"split": ints(2, 2, 2, h // 2, w // 2), "nothing": number(0)},
    ),
    "norm_as_large_as_the_map": (
        "p = LpPool<kernel_shape=WHOLE, p=1>(x) y = Mul(x, p)",
        lambda h, w: {},
    ),
    "pool_with_the_pads_of_same": (
        'p = MaxPool<kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER">(x)'
        " y = Reshape(p, split)",
        lambda h, w: {"split": ints(2, 2, 2, h // 2, w // 2)},
    ),
    "pool_that_hangs_over_the_end": (
        "p = MaxPool<kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1>(x) y = Reshape(p, split)",
        lambda h, w: {"split": ints(2, 2, 2, h // 2, w // 2)},
    ),
    "pool_that_might_hang_over_the_end": (
        "p = MaxPool<kernel_shape=[3, 3], pads=[1, 1, 1, 1], ceil_mode=1>(x) y = Add(x, p)",
        lambda h, w: {},
    ),
    **{
        f"size_before_a_{name}": (
            "p = MaxPool<kernel_shape=[3, 3], strides=[2, 2]>(x) u = Resize(p, , , sizes)"
            f" c = {layer} y = Add(x, c)",
            lambda h, w: {"sizes": ints(2, 4, h, w), "own": (4, 4, 3, 3)},
        )
        for name, layer in {
            "convolution": "Conv<pads=[1, 1, 1, 1]>(u, own)",
            "convolution_with_the_pads_of_same": 'Conv<auto_pad="SAME_LOWER">(u, own)',
            "pool": "MaxPool<kernel_shape=[3, 3], pads=[1, 1, 1, 1]>(u)",
        }.items()
    },
    "blocks_of_positions": (
        "s = SpaceToDepth<blocksize=2>(x) y = Reshape(s, split)",
        lambda h, w: {"split": ints(2, 8, 2, h // 2, w // 2)},
    ),
    "transposed_convolution_to_a_size_without_pads": (
        "y = ConvTranspose<strides=[2, 2], output_shape=TWICE>(x, up)",
        lambda h, w: {"up": (4, 3, 2, 2)},
    ),
    "transposed_convolution_of_groups": (
        "t = ConvTranspose<strides=[2, 2], pads=[1, 1, 0, 1], output_padding=[1, 0],"
        " group=2>(x, up) y = Reshape(t, split)",
        lambda h, w: {"up": (4, 3, 3, 3), "split": ints(2, 3, 2, 2 * h + 1, 2 * w - 1)},
    ),
    "transposed_convolution_with_the_pads_of_same": (
        't = ConvTranspose<strides=[2, 2], auto_pad="SAME_UPPER">(x, up) y = Reshape(t, split)',
        lambda h, w: {"up": (4, 2, 3, 3), "split": ints(2, 2, 1, 2 * h, 2 * w)},
    ),
    **{
        f"transposed_convolution_to_a_size_{pads}": (
            f'y = ConvTranspose<strides=[2, 2], auto_pad="{pads}", output_shape=TWICE>(x, up)',
            lambda h, w: {"up": (4, 3, 3, 3)},
        )
        for pads in ("SAME_UPPER", "SAME_LOWER", "NOTSET")
    },
}


@pytest.mark.parametrize("block", BLOCKS)
def test_block_is_freed(block: str) -> None:
    assert_freed(BLOCKS[block])


def test_gate_whose_pool_covers_one_axis_and_slides_along_the_other() -> None:
    text = "[pool] p = AveragePool<kernel_shape=ROWS, pads=[0, 1, 0, 1]>(x) y = Mul(x, p)"
    block: Block = (text.replace("ROWS", f"[{SIZES[0][0]}, 3]"), lambda h, w: {})
    refusal = assert_refused(dynamic_spatial_axes, written(block, SIZES[0]))
    assert (refusal.code, refusal.node) == (RefusalCode.BAKED_EXTENT, "pool")
