"""Nodes that treat what is left over behind whole strides otherwise than the original's do.

They agree with the original on every window, and on images that are whole strides larger.
"""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto

import onnxfcn
from tests.onnxfcn.model_texts import model, trunk
from tests.onnxfcn.models import random_image, run_model
from tests.onnxfcn.proof.test_named_maps import renamed
from tests.onnxfcn.sabotage import copy_of, node

POOLS = """[first] p = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(image)
x = Conv<pads=[1, 1, 1, 1]>(p, kernel)
[second] y = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(x)"""
CONVOLUTIONS = """[first] a = Conv<strides=[2, 2]>(image, kernel) r = Relu(a)
[second] y = Conv<strides=[2, 2]>(r, inner)"""
STEM = """[first] a = Conv<strides=[2, 2], pads=[1, 1, 1, 1]>(image, kernel) r = Relu(a)
[second] p = MaxPool<kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]>(r)
y = Conv<pads=[1, 1, 1, 1]>(p, inner)"""
HEAD = "m = ReduceMean<keepdims=0>(y, @(2, 3)) out = MatMul(m, matrix)"
TRUNKS = {
    "pools": (POOLS, "32,24"),
    "convolutions": (CONVOLUTIONS, "31,27"),
    "stem": (STEM, "64,48"),
}
WRONG = {
    "a size that is rounded up": ("pools", "first", {"ceil_mode": 1}),
    "a later size that is rounded up": ("pools", "second", {"ceil_mode": 1}),
    "pads for what is left over": ("pools", "first", {"auto_pad": "SAME_UPPER"}),
    "a pad behind the image": ("convolutions", "first", {"pads": [0, 0, 1, 1]}),
    "a pad behind a row": ("convolutions", "first", {"pads": [0, 0, 0, 1]}),
    "a pad behind a map": ("convolutions", "second", {"pads": [0, 0, 1, 1]}),
    "a pad too few behind the image": ("stem", "first", {"pads": [1, 1, 0, 0]}),
    "a pad too few behind a map": ("stem", "second", {"pads": [1, 1, 0, 0]}),
}


def pair(name: str) -> tuple[ModelProto, ModelProto]:
    """A model and its fully convolutional form."""
    text, size = TRUNKS[name]
    original = model(f"{text} {HEAD}", f"float[1,3,{size}]", "float[1,8] out")
    return original, onnxfcn.rewrite(original, validate=False).model


def with_attributes(rewritten: ModelProto, name: str, attributes: dict[str, Any]) -> ModelProto:
    copy = copy_of(rewritten)
    found = node(copy.graph, name)
    kept = [each for each in found.attribute if each.name not in attributes]
    del found.attribute[:]
    found.attribute.extend(kept)
    found.attribute.extend(onnx.helper.make_attribute(*each) for each in attributes.items())
    return copy


@pytest.mark.parametrize("name", TRUNKS)
def test_faithful_trunk_is_proven(name: str) -> None:
    report = onnxfcn.validate(*pair(name))
    assert report
    assert report.proven


@pytest.mark.parametrize("wrong", WRONG)
def test_it_fails_and_names_the_node(wrong: str) -> None:
    name, spoiled, attributes = WRONG[wrong]
    original, rewritten = pair(name)
    report = onnxfcn.validate(original, with_attributes(rewritten, spoiled, attributes))
    assert not report
    assert report.failure.startswith(f"the trunk is wrong at {spoiled} (")


@pytest.mark.parametrize("wrong", WRONG)
def test_it_shows_on_images_with_a_remainder_alone(wrong: str) -> None:
    name, spoiled, attributes = WRONG[wrong]
    rewritten = pair(name)[1]
    models = rewritten, with_attributes(rewritten, spoiled, attributes)
    height, width = map(int, TRUNKS[name][1].split(","))

    def differs(more: int) -> bool:
        image = random_image(1, 3, height + more, width + more)
        (right,), (found,) = (run_model(each, image) for each in models)
        return right.shape != found.shape or not np.allclose(right, found, atol=1e-4)

    assert not differs(0)
    assert not differs(4)
    assert any(map(differs, (1, 2, 3)))


@pytest.mark.parametrize("sizes", [[(33, 25)], [(33, 25), (37, 41)]])
def test_it_fails_at_sizes_that_the_user_gives(sizes: list[tuple[int, int]]) -> None:
    """At the first, there is one cell; at the second, both models have as many."""
    original, rewritten = pair("pools")
    spoiled = with_attributes(rewritten, "first", {"ceil_mode": 1})
    assert onnxfcn.validate(original, rewritten, sizes=sizes)
    assert not onnxfcn.validate(original, spoiled, sizes=sizes)


def test_it_fails_behind_other_names() -> None:
    original, rewritten = pair("pools")
    spoiled = with_attributes(rewritten, "first", {"ceil_mode": 1})
    named = ["y=other/y"]
    assert onnxfcn.validate(original, renamed(rewritten), feature_maps=named)
    assert not onnxfcn.validate(original, renamed(spoiled), feature_maps=named)


def test_statistic_that_leaves_out_what_is_left_over_fails() -> None:
    gate = "[mean] g = GlobalAveragePool({}) [gate] y = Mul(x, g)"
    windows = "w = AveragePool<kernel_shape=[8, 8], strides=[8, 8]>(x) "
    original = trunk(gate.format("x"), "1,3,8,8", "1,8,8,8")
    assert onnxfcn.validate(original, trunk(gate.format("x"), "1,3,H,W", "1,8,P,Q"))
    wrong = trunk(windows + gate.format("w"), "1,3,H,W", "1,8,P,Q")
    report = onnxfcn.validate(original, wrong)
    assert report.failure.startswith("the trunk is wrong at mean (GlobalAveragePool)")


def test_statistic_of_whole_windows_alone_fails() -> None:
    """Every tensor of it grows by single cells, so that no image has a remainder."""
    gate = "[mean] g = GlobalAveragePool({}) [gate] y = Mul(x, g)"
    windows = """hw = Shape<start=2>(x) n = Div(hw, @(8, 8)) ends = Mul(n, @(8, 8))
    c = Slice(x, @(0, 0), ends, @(2, 3)) """
    original = trunk(gate.format("x"), "1,3,8,8", "1,8,8,8")
    wrong = trunk(windows + gate.format("c"), "1,3,H,W", "1,8,P,Q")
    report = onnxfcn.validate(original, wrong)
    assert report.failure.startswith("the trunk is wrong at mean (GlobalAveragePool)")


@pytest.mark.parametrize("pads", [[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 1, 1]])
def test_what_one_remainder_of_four_alone_shows_fails(pads: list[int]) -> None:
    """With one row more there is another window where three rows are left over."""
    pool = "[pool] y = MaxPool<kernel_shape=[4, 4], strides=[4, 4]{}>(x)"
    original = trunk(pool.format(""), "1,3,8,8", "1,8,2,2")
    assert onnxfcn.validate(original, trunk(pool.format(""), "1,3,H,W", "1,8,P,Q"))
    wrong = trunk(pool.format(f", pads={pads}"), "1,3,H,W", "1,8,P,Q")
    report = onnxfcn.validate(original, wrong)
    assert report.failure.startswith("the trunk is wrong at pool (MaxPool)")


def test_remainders_of_the_other_axis_fail() -> None:
    """What is left over is cut off, of the rows as much as of the columns: right in a square."""
    pool = "[pool] y = MaxPool<kernel_shape=[4, 4], strides=[4, 4]>({})"
    cut = """hw = Shape<start=2>(x) left = Mod(hw, @(4, 4))
    of_rows, of_columns = Split<axis=0, num_outputs=2>(left)
    other = Concat<axis=0>(of_columns, of_rows) ends = Sub(hw, {})
    c = Slice(x, @(0, 0), ends, @(2, 3)) """
    original = trunk(pool.format("x"), "1,3,8,8", "1,8,2,2")
    right, wrong = (
        trunk(cut.format(ends) + pool.format("c"), "1,3,H,W", "1,8,P,Q")
        for ends in ("left", "other")
    )
    assert onnxfcn.validate(original, right)
    report = onnxfcn.validate(original, wrong)
    assert report.failure.startswith("the trunk is wrong at pool (MaxPool)")


def test_pool_of_rows_that_is_written_otherwise_is_no_head() -> None:
    """It has one row at the original size, and no pads to count or not."""
    original = model(
        """x = Conv<strides=[2, 2]>(image, kernel) r = Relu(x)
        [rows] y = AveragePool<kernel_shape=[7, 1], strides=[7, 1]>(r)
        f = Flatten(y) [dense] out = Gemm(f, dense)""",
        "float[1,3,15,129]",
        "float[1,5] out",
    )
    rewritten = onnxfcn.rewrite(original, validate=False).model
    counting = with_attributes(rewritten, "rows", {"count_include_pad": 1})
    report = onnxfcn.validate(original, counting)
    assert report.proven
    assert report.windows == onnxfcn.validate(original, rewritten).windows == {"y": (1, 64)}


def test_map_of_another_size_fails_where_the_trunk_is_taken_for_right() -> None:
    """Nothing can be told of a map between corners; that it has a row more can."""
    text = """[first] p = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(image)
    x = Conv<pads=[1, 1, 1, 1]>(p, kernel)
    y = Resize<mode="linear", coordinate_transformation_mode="align_corners">
    (x, , @(1.0, 1.0, 2.0, 2.0))"""
    original = model(f"{text} {HEAD}", "float[1,3,16,16]", "float[1,8] out")
    rewritten = onnxfcn.rewrite(original, validate=False).model
    spoiled = with_attributes(rewritten, "first", {"ceil_mode": 1})
    options: dict[str, Any] = {"feature_maps": ["y=other/y"], "sizes": [(17, 16)]}
    assert onnxfcn.validate(original, renamed(rewritten), **options)
    with pytest.raises(onnxfcn.ValidationFailedError, match="the original's geometry gives"):
        onnxfcn.validate(original, renamed(spoiled), **options)
