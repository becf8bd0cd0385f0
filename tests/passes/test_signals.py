"""Images without an axis of channels: signals ``[N, T]`` that convolutions slide over."""

from typing import Any

import numpy as np
import onnx_graphsurgeon as gs
import pytest

from passes import RefusalCode, dynamic_spatial_axes, flatten_gemm_to_conv
from tests.model_texts import build, ints
from tests.passes.judges import assert_cells_are_crops, assert_refused

POOLED = "p = ReduceMean<axes=[2], keepdims=0>(map) y = Gemm(p, few)"
HEADS: dict[str, str] = {
    "pooled": POOLED,
    "dense": "v = Flatten(map) y = Gemm(v, many)",
    "output": "y = GlobalMaxPool(map)",
    "divided_by_its_length": (
        "s = Shape(map) n = Gather<axis=0>(s, last) c = Cast<to=1>(n)"
        " p = ReduceSum<keepdims=0>(map, last) q = Div(p, c) y = Gemm(q, few)"
    ),
}
ENTRIES: dict[str, str] = {
    "unsqueezed": "first = Unsqueeze(signal, one)",
    "unsqueezed_last": "u = Unsqueeze(signal, last) first = Transpose<perm=[0, 2, 1]>(u)",
    "scaled": "a = Mul(signal, half) first = Unsqueeze(a, one)",
}
MAP = "map = Conv<strides=[2]>(first, kernel)"
CONSTANTS: dict[str, Any] = {
    "kernel": (2, 1, 3),
    "few": (2, 3),
    "many": (10, 3),
    "one": ints(1),
    "last": ints(2),
    "half": np.array(0.5, np.float32),
    "apart": ints(0, 1, -1),
}


def signal_model(text: str, *, batch: int | str = "N", length: int | str = 11) -> Any:
    return build(text, inputs=f"float[{batch},{length}] signal", outputs="float[] y", **CONSTANTS)


@pytest.mark.parametrize("batch", [1, 3, "N"])
@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("head", HEADS)
def test_cells_are_what_the_original_says_of_crops(head: str, entry: str, batch: int | str) -> None:
    model = signal_model(f"{ENTRIES[entry]} {MAP} {HEADS[head]}", batch=batch)
    assert_cells_are_crops(model, larger=(19,), stride=(2,), step=(1,), image_layout="nw")


def test_length_is_given_where_it_is_symbolic() -> None:
    model = signal_model(f"{ENTRIES['unsqueezed']} {MAP} {POOLED}", length="T")
    assert_cells_are_crops(
        model, larger=(19,), stride=(2,), step=(2,), image_layout="nw", input_size=(11,)
    )


def test_layout_that_a_reshape_hides_is_asked_for_and_taken() -> None:
    model = signal_model(
        f"first = Reshape(signal, apart) {MAP} {POOLED.replace('p =', '[pool] p =')}"
    )
    refusal = assert_refused(flatten_gemm_to_conv, model)
    assert (refusal.code, refusal.node) == (RefusalCode.LAYOUT_UNKNOWN, "pool")
    assert refusal.found == "'signal' of shape ['N', 11], whose axes nothing tells"
    assert refusal.advice.endswith("such as nw")
    assert_cells_are_crops(
        model, larger=(19,), stride=(2,), step=(1,), image_layout="nw", input_layout="nw"
    )


def test_axis_is_called_its_length() -> None:
    graph = gs.import_onnx(signal_model(f"{ENTRIES['unsqueezed']} {MAP} {POOLED}"))
    assert flatten_gemm_to_conv.apply(graph).refusals == ()
    assert dynamic_spatial_axes.apply(graph).refusals == ()
    assert graph.inputs[0].shape == ["N", "length"]


TABLES: dict[str, str] = {
    "dense_layers": "h = Gemm(row, w) r = Relu(h) y = Gemm(r, u)",
    "dense_layers_before_a_convolution": (
        "h = Gemm(row, w) m = Unsqueeze(h, last) c = Conv(m, point) v = Flatten(c) y = Gemm(v, u)"
    ),
    "cells_of_one_position": (
        "m = Unsqueeze(row, last) c = Conv(m, point) v = Flatten(c) y = Gemm(v, u)"
    ),
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("apply_pass", [flatten_gemm_to_conv, dynamic_spatial_axes])
def test_table_is_left_alone(apply_pass: Any, table: str) -> None:
    model = build(
        TABLES[table],
        inputs="float[N,4] row",
        outputs="float[] y",
        w=(4, 4),
        u=(4, 3),
        point=(4, 4, 1),
        last=ints(2),
    )
    result = apply_pass.apply(gs.import_onnx(model))
    assert (result.rewrites, result.refusals) == ((), ())


@pytest.mark.parametrize("layout", ["nx", "nchw", "nc"])
@pytest.mark.parametrize("apply_pass", [flatten_gemm_to_conv, dynamic_spatial_axes])
def test_layout_of_a_table_is_refused(apply_pass: Any, layout: str) -> None:
    model = build("y = Gemm(row, w)", inputs="float[N,4] row", w=(4, 3))
    refusal = assert_refused(apply_pass, model, input_layout=layout)
    assert refusal.code == RefusalCode.LAYOUT_UNKNOWN
    assert refusal.found == f"'{layout}', and the inputs 'row' of shape ['N', 4]"


@pytest.mark.parametrize("layout", ["cw", "ncw", "wn"])
def test_layout_that_contradicts_a_signal_is_refused(layout: str) -> None:
    model = signal_model(f"{ENTRIES['unsqueezed']} {MAP} {POOLED}")
    refusal = assert_refused(flatten_gemm_to_conv, model, input_layout=layout)
    assert refusal.code == RefusalCode.LAYOUT_UNKNOWN
    assert layout in refusal.found


def test_vector_beside_an_image_is_no_signal() -> None:
    model = build(
        "map = Conv(image, kernel) v = Flatten(map) h = Gemm(v, w) e = Unsqueeze(side, one)"
        " c = Conv(e, small) s = GlobalMaxPool(c) y = Relu(h) z = Relu(s)",
        inputs="float[1,3,6,7] image, float[1,9] side",
        outputs="float[] y, float[] z",
        kernel=(2, 3, 3, 3),
        small=(2, 1, 3),
        w=(40, 3),
        one=ints(1),
    )
    graph = gs.import_onnx(model)
    assert flatten_gemm_to_conv.apply(graph).refusals == ()
    assert dynamic_spatial_axes.apply(graph).refusals == ()
    assert [tensor.shape for tensor in graph.inputs] == [[1, 3, "height", "width"], [1, 9]]
