"""A map of one cell is a vector already: views that take its spatial axes off go."""

from typing import Any

import onnx_graphsurgeon as gs
import pytest

from passes import RefusalCode, flatten_gemm_to_conv
from tests.model_texts import ints
from tests.passes.judges import assert_cells_are_crops, assert_nodes, assert_refused
from tests.passes.models import head_model, rewrite

WHOLE = "cell = Conv(map, whole)"
CONSTANTS: dict[str, Any] = {
    "whole": (4, 2, 4, 5),
    "positions": ints(2, 3),
    "vectors": ints(0, -1),
    "tokens": ints(0, 1, 4),
    "two_by_two": ints(0, 2, 2),
    "features": ints(1),
    "zero": ints(0).reshape(()),
    "some": ints(3, 0),
    "order": ints(2, 0, 3, 1),
    "factor": (4,),
    "summand": (1, 4),
    "point": (3, 4, 1, 1),
    "w": (4, 3),
    "groups": ints(0, 2, 2, 1, 1),
    "joined": ints(0, 4, 1, 1),
    "up": (4, 2, 2, 2),
}

HEADS: dict[str, str] = {
    "flattened": "y = Flatten(cell)",
    "reshaped": "y = Reshape(cell, vectors)",
    "squeezed": "y = Squeeze(cell, positions)",
    "picked": "g = Gather<axis=2>(cell, zero) y = Gather<axis=2>(g, zero)",
    "one_token": "y = Reshape(cell, tokens)",
    "point_behind": "r = Relu(cell) p = Conv(r, point) y = Flatten(p)",
    "softmax": "v = Flatten(cell) y = Softmax<axis=1>(v)",
    "sigmoid": "v = Flatten(cell) y = Sigmoid(v)",
    "largest": "v = Squeeze(cell, positions) y = ArgMax<axis=1>(v)",
    "normalised": "v = Flatten(cell) n = ReduceL2<axes=[1]>(v) y = Div(v, n)",
    "with_itself": "v = Flatten(cell) s = Sigmoid(v) y = Mul(v, s)",
    "scaled": "v = Flatten(cell) s = Mul(v, factor) y = Add(s, summand)",
    "scaled_before_softmax": "v = Flatten(cell) s = Mul(v, factor) y = Softmax<axis=1>(s)",
    "cut": "v = Flatten(cell) p = Gather<axis=1>(v, some) y = Softmax<axis=1>(p)",
    "summed": "v = Flatten(cell) y = ReduceSum<keepdims=0>(v, features)",
    "reordered": "v = Flatten(cell) p = Gather<axis=1>(v, order) y = Sigmoid(p)",
    "activated_with_channels_last": (
        "t = Transpose<perm=[0, 2, 3, 1]>(cell) r = Relu(t) v = Flatten(r) y = Softmax<axis=1>(v)"
    ),
    "cut_as_answer": "v = Flatten(cell) p = Gather<axis=1>(v, some) y = Sigmoid(p)",
    "transposed_before": (
        "t = Transpose<perm=[0, 2, 3, 1]>(cell) v = Flatten(t) y = Softmax<axis=1>(v)"
    ),
}


@pytest.mark.parametrize("batch", [1, "N"])
@pytest.mark.parametrize("step", [(1, 1), (2, 1)])
@pytest.mark.parametrize("case", HEADS)
def test_what_is_behind_acts_at_every_cell(
    case: str, step: tuple[int, int], batch: int | str
) -> None:
    outputs = "int64[] y" if case == "largest" else "float[] y"
    model = head_model(f"{WHOLE} {HEADS[case]}", batch=batch, outputs=outputs, **CONSTANTS)
    assert_cells_are_crops(model, step=step, larger=(17, 15))


def test_embedding_beside_its_layer() -> None:
    model = head_model(
        f"{WHOLE} z = Flatten(cell) y = MatMul(z, w)", outputs="float[] y, float[] z", **CONSTANTS
    )
    assert_cells_are_crops(model)


def test_view_is_gone() -> None:
    model = head_model(
        f"{WHOLE} [flat] v = Flatten(cell) [soft] y = Softmax<axis=1>(v)", **CONSTANTS
    )
    assert_nodes(
        rewrite(model),
        """
        map = Conv<strides=[2, 2]>(image, kernel)
        cell = Conv(map, whole)
        [soft] y = Softmax<axis=1>(cell)
        """,
    )


def test_report_names_the_view_and_its_map() -> None:
    graph = gs.import_onnx(head_model(f"{WHOLE} [flat] y = Flatten(cell)", **CONSTANTS))
    told, output = flatten_gemm_to_conv.apply(graph).rewrites
    assert (output.node, output.feature_map) == ("y", "")
    assert (told.node, told.feature_map, told.window) == ("flat", "cell", (1, 1))


@pytest.mark.parametrize(
    "text",
    [
        "y = Sigmoid(cell)",
        "s = Reshape(cell, groups) t = Transpose<perm=[0, 2, 1, 3, 4]>(s) r = Reshape(t, joined)"
        " y = Conv(r, point)",
        "v = Flatten(cell) r = Reshape(v, joined) y = ConvTranspose(r, up)",
    ],
)
def test_trunk_of_a_single_cell_has_no_head(text: str) -> None:
    model = head_model(f"{WHOLE} {text}", outputs="float[] y", **CONSTANTS)
    before = gs.export_onnx(gs.import_onnx(model)).SerializeToString(deterministic=True)
    graph = gs.import_onnx(model)
    result = flatten_gemm_to_conv.apply(graph)
    assert (result.rewrites, result.refusals) == ((), ())
    assert gs.export_onnx(graph).SerializeToString(deterministic=True) == before


NEAR_MISSES: dict[str, tuple[RefusalCode, str, str, dict[str, Any]]] = {
    "features_on_two_axes": (
        RefusalCode.INTERNAL_OUTPUT,
        "soft",
        "v = Reshape(cell, two_by_two) [soft] y = Softmax<axis=2>(v)",
        {},
    ),
    "step_where_a_layer_reads_it_too": (
        RefusalCode.INTERNAL_OUTPUT,
        "flat",
        "[flat] z = Flatten(cell) y = MatMul(z, w)",
        {"window_step": 2},
    ),
    "samples_joined": (
        RefusalCode.BATCH_MIXED,
        "flat",
        "[flat] v = Flatten<axis=0>(cell) y = Softmax<axis=1>(v)",
        {},
    ),
}


@pytest.mark.parametrize("case", NEAR_MISSES)
def test_what_is_no_vector_a_cell_is_refused(case: str) -> None:
    code, node, text, options = NEAR_MISSES[case]
    outputs = "float[] y, float[] z" if "z =" in text else "float[] y"
    model = head_model(f"{WHOLE} {text}", outputs=outputs, **CONSTANTS)
    refusal = assert_refused(flatten_gemm_to_conv, model, **options)
    assert (refusal.code, refusal.node) == (code, node)


def test_kept_pools_do_not_keep_the_views() -> None:
    graph = gs.import_onnx(head_model(f"{WHOLE} [flat] y = Flatten(cell)", **CONSTANTS))
    assert flatten_gemm_to_conv.apply(graph, global_pool="keep").rewrites
