"""Heads behind views that take a map apart and put it together again: norms of groups, tokens."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_graphsurgeon as gs
import pytest

from passes import Refusal, RefusalCode, dynamic_spatial_axes, flatten_gemm_to_conv

from .constants import ints

Array = npt.NDArray[Any]
Build = Callable[..., onnx.ModelProto]
Run = Callable[..., list[Array]]
Random = Callable[..., Array]
Refused = Callable[..., Refusal]

CONV = "map = Conv<strides=[2, 2]>(image, kernel)"
NORM = "g = Reshape(map, groups) n = InstanceNormalization(g, ones, zeros)"

BLOCKS: dict[str, str] = {
    "group_normalization": (
        f"{NORM} r = Reshape(n, back) m = Mul(r, scale) a = Add(m, shift) t = Relu(a)"
    ),
    "group_normalization_back_to_the_shape_of_the_map": (
        f"{NORM} s = Shape(map) r = Reshape(n, s) m = Mul(r, scale) a = Add(m, shift) t = Relu(a)"
    ),
    "channel_shuffle": (
        "a = Reshape(map, split) b = Transpose<perm=[0, 2, 1, 3, 4]>(a) t = Reshape(b, back)"
    ),
    "channel_shuffle_and_relu": (
        "a = Reshape(map, split) b = Transpose<perm=[0, 2, 1, 3, 4]>(a) r = Reshape(b, back)"
        " t = Relu(r)"
    ),
    "tokens": (
        "f = Reshape(map, flat) q = Transpose<perm=[0, 2, 1]>(f)"
        " l = MatMul(q, mix) b = Transpose<perm=[0, 2, 1]>(l) t = Reshape(b, back)"
    ),
}

HEADS: dict[str, str] = {
    "global_pool": "p = GlobalAveragePool({t}) v = Flatten(p) y = Gemm(v, w)",
    "mean": "v = ReduceMean<axes=[2, 3], keepdims=0>({t}) y = Gemm(v, w)",
    "mean_and_largest": (
        "p = ReduceMean<axes=[2, 3], keepdims=0>({t}) o = ReduceMax<axes=[2, 3], keepdims=0>({t})"
        " v = Concat<axis=1>(p, o) y = Gemm(v, w)"
    ),
    "flatten": "v = Flatten({t}) y = Gemm(v, w)",
}
FEATURES = {"global_pool": 4, "mean": 4, "mean_and_largest": 8, "flatten": 80}


def needed(text: str, height: int, width: int) -> dict[str, Any]:
    """Constants of a text, for a map of that height and width."""
    constants: dict[str, Any] = {
        "kernel": (4, 3, 3, 3),
        "groups": ints(0, 2, -1),
        "flat": ints(0, 4, height * width),
        "split": ints(0, 2, 2, height, width),
        "back": ints(0, 4, height, width),
        "ones": np.ones(2, np.float32),
        "zeros": np.zeros(2, np.float32),
        "scale": (4, 1, 1),
        "shift": (4, 1, 1),
        "mix": (4, 4),
    }
    return {name: value for name, value in constants.items() if f", {name}" in text}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("block", BLOCKS)
def test_every_cell_is_the_head_on_its_window(
    block: str, head: str, build: Build, run: Run, random: Random
) -> None:
    trunk, own = f"{CONV} {BLOCKS[block]}", needed(f"{CONV} {BLOCKS[block]}", 4, 5)
    weight = {"w": (FEATURES[head], 3)}
    text = HEADS[head]
    model = build(f"{trunk} {text.format(t='t')}", inputs="float[N,3,9,11] image", **own, **weight)
    graph = gs.import_onnx(model)
    lifted = flatten_gemm_to_conv.apply(graph)
    freed = dynamic_spatial_axes.apply(graph)
    assert (lifted.refusals, freed.refusals) == ((), ())
    rewritten = gs.export_onnx(graph)
    windowed = build(text.format(t="window"), inputs="float[N,4,4,5] window", **weight)
    for height, width in ((4, 5), (6, 7)):
        larger = build(
            trunk,
            inputs=f"float[N,3,{2 * height + 1},{2 * width + 1}] image",
            outputs="float[N,4,P,Q] t",
            **needed(trunk, height, width),
        )
        image = random("image", (2, 3, 2 * height + 1, 2 * width + 1))
        (feature_map,), (found,) = run(larger, image), run(rewritten, image)
        assert found.shape == (2, 3, height - 3, width - 4)
        for row, column in np.ndindex(height - 3, width - 4):
            (expected,) = run(windowed, feature_map[:, :, row : row + 4, column : column + 5])
            np.testing.assert_allclose(found[:, :, row, column], expected, rtol=1e-4, atol=1e-4)


def test_gate_of_a_restored_map_stays_in_the_trunk(build: Build) -> None:
    trunk = (
        f"{CONV} {BLOCKS['group_normalization']} p = ReduceMean<axes=[2, 3]>(t) e = Sigmoid(p)"
        " x = Mul(t, e) c = Conv(x, point)"
    )
    model = build(
        f"{trunk} {HEADS['mean'].format(t='c')}",
        inputs="float[N,3,9,11] image",
        point=(4, 4, 1, 1),
        w=(4, 3),
        **needed(trunk, 4, 5),
    )
    result = flatten_gemm_to_conv.apply(gs.import_onnx(model))
    assert (result.refusals, [change.node for change in result.rewrites]) == ((), ["v", "y"])


def test_operator_behind_a_restored_map_keeps_what_it_reads(build: Build) -> None:
    """Moved in front of the views, it would compute another tensor under the same name."""
    text = f"{CONV} {BLOCKS['channel_shuffle_and_relu']} {HEADS['flatten'].format(t='t')}"
    model = build(text, inputs="float[N,3,9,11] image", w=(80, 3), **needed(text, 4, 5))
    graph = gs.import_onnx(model)
    flatten_gemm_to_conv.apply(graph)
    (relu,) = (node for node in graph.nodes if node.op == "Relu")
    assert [tensor.name for tensor in relu.inputs] == ["r"]
    assert [node.op for node in graph.nodes if node.op in ("Flatten", "Gemm")] == []


def test_dense_layer_takes_in_the_views_alone(build: Build) -> None:
    text = f"{CONV} {BLOCKS['channel_shuffle']} {HEADS['flatten'].format(t='t')}"
    model = build(text, inputs="float[N,3,9,11] image", w=(80, 3), **needed(text, 4, 5))
    graph = gs.import_onnx(model)
    flatten_gemm_to_conv.apply(graph)
    assert [node.op for node in graph.nodes] == ["Conv", "Conv"]


def test_size_of_the_image_is_asked_for_where_only_it_tells_the_map(
    build: Build, assert_refused: Refused
) -> None:
    text = f"{CONV} {BLOCKS['group_normalization_back_to_the_shape_of_the_map']}"
    model = build(
        f"{text} {HEADS['mean'].format(t='t')}",
        inputs="float[N,3,H,W] image",
        w=(4, 3),
        **needed(text, 4, 5),
    )
    refusal = assert_refused(flatten_gemm_to_conv, model)
    assert refusal.code is RefusalCode.INPUT_SIZE_NEEDED
    assert "option input_size" in refusal.advice
    result = flatten_gemm_to_conv.apply(gs.import_onnx(model), input_size=(9, 11))
    assert (result.refusals, [change.node for change in result.rewrites]) == ((), ["v", "y"])


NEAR_MISSES: dict[str, tuple[RefusalCode, str, str]] = {
    "channels_in_front_of_the_rows": (
        RefusalCode.LAYOUT_UNKNOWN,
        "n",
        "r = Reshape(map, rows) [n] n = InstanceNormalization(r, ones, zeros)"
        " v = Flatten(n) y = Gemm(v, w)",
    ),
    "rows_and_columns_of_tokens_mixed": (
        RefusalCode.MAP_SIZED_CONSTANT,
        "l",
        "f = Reshape(map, flat) [l] l = MatMul(f, mixed) r = Reshape(l, back)"
        " v = ReduceMean<axes=[2, 3], keepdims=0>(r) y = Gemm(v, w)",
    ),
    "norm_of_all_features": (
        RefusalCode.BAKED_EXTENT,
        "n",
        "v = Flatten(map) [n] n = LayerNormalization(v, all) y = Gemm(n, w)",
    ),
    "statistic_of_merged_positions": (
        RefusalCode.GLOBAL_STATISTIC,
        "s",
        "f = Reshape(map, flat) [s] s = Softmax<axis=2>(f) q = Mul(f, s) r = Reshape(q, back)"
        " v = ReduceSum<keepdims=0>(r, two) y = Gemm(v, w)",
    ),
    "gate_without_a_layer_behind_it": (
        RefusalCode.GLOBAL_STATISTIC,
        "p",
        f"{BLOCKS['group_normalization']} [p] p = ReduceMean<axes=[2, 3]>(t) e = Sigmoid(p)"
        " x = Mul(t, e) v = ReduceMean<axes=[2, 3], keepdims=0>(x) y = Gemm(v, w)",
    ),
}


@pytest.mark.parametrize("case", NEAR_MISSES)
def test_near_miss_is_refused_whole(case: str, build: Build, assert_refused: Refused) -> None:
    code, node, text = NEAR_MISSES[case]
    flat = "Flatten" in text
    constants = needed(f"{CONV} {text}", 4, 5) | {
        "w": (80 if flat else 4, 3),
        "rows": ints(0, 2, 8, 5),
        "mixed": (20, 20),
        "all": (80,),
        "two": ints(2, 3),
    }
    own = {name: value for name, value in constants.items() if f", {name}" in f"{CONV} {text}"}
    model = build(f"{CONV} {text}", inputs="float[N,3,9,11] image", **own)
    refusal = assert_refused(flatten_gemm_to_conv, model)
    assert (refusal.code, refusal.node) == (code, node)
