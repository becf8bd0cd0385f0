"""The step between windows, the input size that a model does not know, and maps of other ranks."""

from collections.abc import Sequence

import onnx
import onnx_graphsurgeon as gs
import pytest

from passes import RefusalCode, dynamic_spatial_axes, flatten_gemm_to_conv
from tests.model_texts import build
from tests.passes.judges import assert_cells_are_crops, assert_refused
from tests.passes.models import head_model

HEAD = "v = Flatten(map) h = Gemm<transB=1>(v, w, b) r = Relu(h) y = Gemm(r, u)"
WEIGHTS = {"w": (4, 40), "b": (4,), "u": (4, 3)}


@pytest.mark.parametrize("step", [(1, 1), (2, 2), (2, 3), (3, 1)])
def test_step_skips_windows(step: Sequence[int]) -> None:
    assert_cells_are_crops(head_model(HEAD, **WEIGHTS), larger=(19, 21), step=step)


@pytest.mark.parametrize("step", [0, -1, (1, 0), (1, 2, 3), ()])
def test_impossible_step_is_a_value_error(step: int | Sequence[int]) -> None:
    graph = gs.import_onnx(head_model(HEAD, **WEIGHTS))
    before = gs.export_onnx(graph)
    with pytest.raises(ValueError, match="window_step takes one positive number, or 2"):
        flatten_gemm_to_conv.apply(graph, window_step=step)
    assert gs.export_onnx(graph) == before


def test_one_axis_more_step_than_the_map_has() -> None:
    model = build("v = Flatten(image) y = Gemm(v, w)", inputs="float[N,2,5] image", w=(10, 3))
    with pytest.raises(ValueError, match="window_step takes one positive number;"):
        flatten_gemm_to_conv.apply(gs.import_onnx(model), window_step=(1, 1), input_layout="ncl")


@pytest.mark.parametrize("step", [1, 2])
def test_one_dimensional_map(step: int) -> None:
    model = build(
        "map = Conv<strides=[3]>(signal, k) f = Flatten(map) h = Gemm<alpha=2.0>(f, w, b)"
        " y = Softmax<axis=1>(h)",
        inputs="float[N,2,14] signal",
        opset=11,
        k=(3, 2, 5),
        w=(12, 4),
        b=(4,),
    )
    assert_cells_are_crops(model, larger=(29,), stride=(3,), step=(step,))


@pytest.mark.parametrize("step", [(1, 1, 1), (1, 2, 1)])
def test_three_dimensional_map(step: Sequence[int]) -> None:
    model = build(
        "map = Conv<strides=[1, 2, 1]>(volume, k) f = Flatten(map) p = MatMul(f, w) s = Add(p, b)"
        " y = Softmax<axis=-1>(s)",
        inputs="float[2,1,4,5,3] volume",
        opset=12,
        k=(2, 1, 2, 3, 2),
        w=(24, 3),
        b=(3,),
    )
    assert_cells_are_crops(model, larger=(6, 9, 4), stride=(1, 2, 1), step=step)


@pytest.fixture
def symbolic() -> onnx.ModelProto:
    return head_model(HEAD, inputs="float[N,3,H,W] image", **WEIGHTS)


def test_given_size_serves_where_the_model_has_none(symbolic: onnx.ModelProto) -> None:
    assert_cells_are_crops(symbolic, input_size=(9, 11))


def test_given_size_may_repeat_the_models_own() -> None:
    assert_cells_are_crops(head_model(HEAD, **WEIGHTS), input_size=(9, 11))


@pytest.mark.parametrize("apply_pass", [flatten_gemm_to_conv, dynamic_spatial_axes])
def test_unknown_size_is_refused_and_the_option_named(
    apply_pass: object, symbolic: onnx.ModelProto
) -> None:
    refusal = assert_refused(apply_pass, symbolic)
    assert refusal.code is RefusalCode.INPUT_SIZE_NEEDED
    assert "option input_size" in refusal.advice


@pytest.mark.parametrize("apply_pass", [flatten_gemm_to_conv, dynamic_spatial_axes])
@pytest.mark.parametrize("size", [(11, 9), (9, 12), (9,), (9, 11, 3)])
def test_size_that_contradicts_the_model_is_refused(
    apply_pass: object, size: Sequence[int]
) -> None:
    refusal = assert_refused(apply_pass, head_model(HEAD, **WEIGHTS), input_size=size)
    assert (refusal.code, refusal.node) == (RefusalCode.INPUT_SIZE_WRONG, "")
    assert "image" in refusal.expected
    assert "x".join(map(str, size)) in refusal.found


def test_size_of_one_axis_may_be_fixed() -> None:
    model = head_model(HEAD, inputs="float[N,3,9,W] image", **WEIGHTS)
    assert_refused(flatten_gemm_to_conv, model, input_size=(10, 11))
    assert_cells_are_crops(model, input_size=(9, 11))


@pytest.mark.parametrize("size", [(9, 13), (25, 25), (9, 9)])
@pytest.mark.parametrize(
    "head",
    [
        pytest.param(HEAD, id="two_layers"),
        pytest.param("v = Flatten(map) y = Gemm<transB=1>(v, w, b)", id="one_layer"),
        pytest.param("v = Flatten(map) y = MatMul(v, u)", id="matmul"),
    ],
)
def test_size_that_does_not_fit_the_weight_is_refused(head: str, size: Sequence[int]) -> None:
    weights = {"u": (40, 3)} if "(v, u)" in head else WEIGHTS
    model = head_model(head, inputs="float[N,3,H,W] image", **weights)
    refusal = assert_refused(flatten_gemm_to_conv, model, input_size=size)
    assert refusal.code is RefusalCode.INPUT_SIZE_WRONG
    assert "option input_size" in refusal.advice


@pytest.mark.parametrize(
    "options", [{"global_pool": "Slide"}, {"output_layout": "NCHW"}], ids=["pool", "layout"]
)
def test_misspelt_word_is_an_error(options: dict[str, str]) -> None:
    graph = gs.import_onnx(head_model("v = Flatten(map) y = Gemm(v, w)", w=(40, 3)))
    with pytest.raises(ValueError, match="is one of"):
        flatten_gemm_to_conv.apply(graph, **options)


def test_misspelt_batch_is_an_error() -> None:
    graph = gs.import_onnx(head_model("v = Flatten(map) y = Gemm(v, w)", w=(40, 3)))
    with pytest.raises(ValueError, match="batch is one of keep, free"):
        dynamic_spatial_axes.apply(graph, batch="Free")
