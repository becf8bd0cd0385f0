"""``global_pool="keep"``: a global pool answers once an image, whatever its size."""

from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import pytest

from passes import RefusalCode, dynamic_spatial_axes, flatten_gemm_to_conv
from tests.model_texts import random_array
from tests.passes.judges import assert_refused, run
from tests.passes.models import head_model

POOLS: dict[str, str] = {
    "average": "p = GlobalAveragePool(map) v = Flatten(p)",
    "max": "p = GlobalMaxPool(map) v = Flatten(p)",
    "mean": "v = ReduceMean<axes=[2, 3], keepdims=0>(map)",
    "largest": "v = ReduceMax<axes=[-1, -2], keepdims=0>(map)",
    "channels_last": (
        "t = Transpose<perm=[0, 2, 3, 1]>(map) v = ReduceMean<axes=[1, 2], keepdims=0>(t)"
    ),
}


def kept(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    graph = gs.import_onnx(model)
    lifted = flatten_gemm_to_conv.apply(graph, global_pool="keep")
    freed = dynamic_spatial_axes.apply(graph)
    assert (lifted.refusals, freed.refusals) == ((), ())
    return gs.export_onnx(graph), [rewrite.node for rewrite in lifted.rewrites]


@pytest.mark.parametrize("name", POOLS)
def test_model_answers_once_an_image(name: str) -> None:
    text = f"{POOLS[name]} h = Gemm(v, w, b) y = Softmax<axis=1>(h)"
    weights: dict[str, Any] = {"w": (2, 3), "b": (3,)}
    rewritten, lifted = kept(head_model(text, **weights))
    assert lifted == []
    image = random_array("image", (2, 3, 15, 14))
    larger = head_model(text, inputs="float[N,3,15,14] image", **weights)
    for found, expected in zip(run(rewritten, image), run(larger, image), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_dense_layer_on_the_window_slides_all_the_same() -> None:
    model = head_model(
        "f = Flatten(map) [fc] y = Gemm(f, u, c)"
        " p = GlobalMaxPool(map) v = Flatten(p) z = Gemm(v, w, b)",
        outputs="float[] y, float[] z",
        **{"u": (40, 4), "c": (4,), "w": (2, 3), "b": (3,)},
    )
    rewritten, lifted = kept(model)
    assert lifted == ["fc", "y"]
    image = random_array("image", (2, 3, 11, 13))
    cells, whole = run(rewritten, image)
    assert whole.shape == (2, 3)
    assert cells.shape == (2, 4, 2, 2)
    for row, column in np.ndindex(2, 2):
        crop = image[:, :, 2 * row : 2 * row + 9, 2 * column : 2 * column + 11]
        np.testing.assert_allclose(cells[:, :, row, column], run(model, crop)[0], atol=1e-4)


@pytest.mark.parametrize(
    "pool", ["AveragePool<kernel_shape=[4, 5]>", "MaxPool<kernel_shape=[4, 5]>"]
)
def test_pool_with_the_size_of_the_map_cannot_be_kept(pool: str) -> None:
    model = head_model(f"[pool] p = {pool}(map) v = Flatten(p) y = Gemm(v, w)", w=(2, 3))
    refusal = assert_refused(flatten_gemm_to_conv, model, global_pool="keep")
    assert (refusal.code, refusal.node) == (RefusalCode.BAKED_EXTENT, "pool")
    assert "option global_pool=slide" in refusal.advice


def test_sum_over_the_map_is_kept_but_not_freed() -> None:
    """Its value grows with the image, which the layers behind it have not learned."""
    model = head_model(
        "[total] v = ReduceSum<keepdims=0>(map, axes) y = Gemm(v, w)",
        axes=np.array([2, 3]),
        w=(2, 3),
    )
    result = flatten_gemm_to_conv.apply(gs.import_onnx(model), global_pool="keep")
    assert (result.rewrites, result.refusals) == ((), ())
    refusal = assert_refused(dynamic_spatial_axes, model)
    assert (refusal.code, refusal.node) == (RefusalCode.BAKED_EXTENT, "total")


def test_kept_and_slid_vectors_do_not_meet() -> None:
    model = head_model(
        "f = Flatten(map) h = Gemm(f, u) p = GlobalMaxPool(map) v = Flatten(p)"
        " [meet] y = Add(h, v)",
        u=(40, 2),
    )
    refusal = assert_refused(flatten_gemm_to_conv, model, global_pool="keep")
    assert (refusal.code, refusal.node) == (RefusalCode.SECOND_INPUT, "meet")
