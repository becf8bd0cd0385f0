"""Where the image and the outputs have their channels, and images whose layout must be told."""

from typing import Any

import numpy as np
import onnx_graphsurgeon as gs
import pytest

from passes import RefusalCode, dynamic_spatial_axes, flatten_gemm_to_conv
from tests.model_texts import build
from tests.passes.judges import assert_cells_are_crops, assert_refused
from tests.passes.models import head_model

HEAD = "v = Flatten(map) h = Gemm(v, w, b) y = Softmax<axis=1>(h)"
WEIGHTS: dict[str, Any] = {"w": (40, 3), "b": (3,)}
LAST = {
    "inputs": "float[N,9,11,3] image",
    "kernel": (2, 3, 3, 3),
}
LAST_TRUNK = "first = Transpose<perm=[0, 3, 1, 2]>(image) map = Conv<strides=[2, 2]>(first, kernel)"


@pytest.mark.parametrize("output_layout", ["input", "nchw", "nhwc"])
def test_output_layout(output_layout: str) -> None:
    assert_cells_are_crops(head_model(HEAD, **WEIGHTS), output_layout=output_layout)


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("y = GlobalAveragePool(map)", "nchw"),
        ("t = Transpose<perm=[0, 2, 3, 1]>(map) y = ReduceMax<axes=[1, 2]>(t)", "nhwc"),
        ("p = GlobalMaxPool(map) t = Transpose<perm=[0, 2, 3, 1]>(p) y = Relu(t)", "nhwc"),
        ("v = Flatten(map) h = Gemm(v, w, b) y = Unsqueeze(h, behind)", "nchw"),
        ("v = Flatten(map) h = Gemm(v, w, b) y = Unsqueeze(h, between)", "nhwc"),
    ],
)
@pytest.mark.parametrize("image_layout", ["nchw", "nhwc"])
def test_output_with_axes_of_its_own_for_the_map_keeps_their_place(
    text: str, layout: str, image_layout: str
) -> None:
    options: dict[str, Any] = dict(WEIGHTS) if "Gemm" in text else {}
    for name, axes in (("behind", [2, 3]), ("between", [1, 2])):
        if name in text:
            options[name] = np.array(axes)
    if image_layout == "nhwc":
        model = build(f"{LAST_TRUNK} {text}", outputs="float[] y", **LAST, **options)
    else:
        trunk = LAST_TRUNK.partition(")")[2].replace("first", "image")
        options["inputs"] = "float[N,3,9,11] image"
        model = build(f"{trunk} {text}", outputs="float[] y", **LAST | options)
    assert_cells_are_crops(model, image_layout=image_layout, own_layout=layout)


BEHIND_THE_NODE: dict[str, tuple[str, dict[str, Any]]] = {
    "old_softmax": (HEAD, WEIGHTS | {"opset": 12}),
    "layer_normalization": (
        "v = Flatten(map) h = Gemm(v, w, b) y = LayerNormalization(h, b, b)",
        WEIGHTS,
    ),
    "groups": (
        "v = Flatten(map) h = Gemm(v, w) y = Reshape(h, groups)",
        {"w": (40, 6), "groups": np.array([0, 2, 3])},
    ),
    "computed_bias": ("v = Flatten(map) h = Gemm(v, w, b) y = Gemm<transB=1>(v, t, h)",
                      WEIGHTS | {"t": (3, 40)}),
    "minimum_over_the_map": ("y = ReduceMin<axes=[2, 3], keepdims=0>(map)", {}),
    "sum_over_the_map": ("y = ReduceSum<keepdims=0>(map, axes)", {"axes": np.array([2, 3])}),
}  # fmt: skip


@pytest.mark.parametrize("name", BEHIND_THE_NODE)
def test_channels_last_behind_a_node_of_the_rewrite(name: str) -> None:
    text, options = BEHIND_THE_NODE[name]
    model = head_model(text, outputs="float[] y", **options)
    assert_cells_are_crops(model, output_layout="nhwc")


@pytest.mark.parametrize("name", BEHIND_THE_NODE)
def test_channels_first_behind_a_node_of_the_rewrite(name: str) -> None:
    text, options = BEHIND_THE_NODE[name]
    model = head_model(text, outputs="float[] y", **options)
    assert_cells_are_crops(model, output_layout="nchw")


LAST_HEADS: dict[str, tuple[str, dict[str, Any]]] = {
    "flattened": (HEAD, WEIGHTS),
    "flattened_channels_last": (
        "back = Transpose<perm=[0, 2, 3, 1]>(map) v = Flatten(back) y = Gemm(v, w, b)",
        WEIGHTS,
    ),
    "reduced_channels_last": (
        "back = Transpose<perm=[0, 2, 3, 1]>(map) v = ReduceMean<axes=[1, 2], keepdims=0>(back)"
        " y = MatMul(v, u)",
        {"u": (2, 3)},
    ),
    "relu_channels_last": (
        "back = Transpose<perm=[0, 2, 3, 1]>(map) r = Relu(back) q = Add(r, shift)"
        " v = Flatten(q) y = Gemm(v, w, b)",
        WEIGHTS | {"shift": (2,)},
    ),
    "pooled": ("p = GlobalAveragePool(map) y = Flatten(p)", {}),
    "ones_in_the_middle": (
        "back = Transpose<perm=[0, 2, 3, 1]>(map) y = ReduceMean<axes=[1, 2]>(back)",
        {},
    ),
}


@pytest.mark.parametrize("output_layout", ["input", "nchw", "nhwc"])
@pytest.mark.parametrize("name", LAST_HEADS)
def test_image_with_its_channels_last(name: str, output_layout: str) -> None:
    text, options = LAST_HEADS[name]
    model = build(f"{LAST_TRUNK} {text}", outputs="float[] y", **LAST, **options)
    assert_cells_are_crops(model, image_layout="nhwc", output_layout=output_layout)


@pytest.mark.parametrize("output_layout", ["nchw", "nhwc"])
def test_outputs_that_are_read_again(output_layout: str) -> None:
    model = head_model(
        "v = Flatten(map) h = Gemm(v, w, b) y = Relu(h) k = ArgMax<axis=1, keepdims=0>(y)",
        outputs="float[] h, float[] y, int64[] k",
        **WEIGHTS,
    )
    assert_cells_are_crops(model, output_layout=output_layout)


def test_output_says_what_its_axes_are() -> None:
    model = head_model(HEAD, outputs="float[N,3] y", **WEIGHTS)
    graph = gs.import_onnx(model)
    flatten_gemm_to_conv.apply(graph, output_layout="nhwc")
    assert graph.outputs[0].shape == ["N", 1, 1, 3]
    dynamic_spatial_axes.apply(graph)
    batch, *spatial, features = graph.outputs[0].shape
    assert (batch, features) == ("N", 3)
    assert all(isinstance(axis, str) for axis in spatial)


def test_transposed_output_behind_a_node_of_the_rewrite() -> None:
    model = head_model(
        "v = Flatten(map) h = Gemm(v, w, b) t = Transpose(h) y = Softmax<axis=0>(t)",
        opset=12,
        batch=1,
        outputs="float[] y",
        **WEIGHTS,
    )
    assert_cells_are_crops(model)


@pytest.mark.parametrize("opset", [9, 12])
def test_old_softmax_of_an_image_with_its_channels_last(opset: int) -> None:
    model = build(f"{LAST_TRUNK} {HEAD}", opset=opset, outputs="float[] y", **LAST, **WEIGHTS)
    assert_cells_are_crops(model, image_layout="nhwc")


TOLD: dict[str, tuple[str, str, dict[str, Any]]] = {
    "nchw": ("N,2,3,4", "v = Flatten(image) y = Gemm(v, w, b)", {"w": (24, 3), "b": (3,)}),
    "nhwc": ("N,3,4,2", "v = Flatten(image) y = Gemm(v, w, b)", {"w": (24, 3), "b": (3,)}),
    "nhw": ("N,3,4", "v = Flatten(image) y = Gemm(v, w, b)", {"w": (12, 3), "b": (3,)}),
    "ncl": ("N,3,4", "v = Flatten(image) y = MatMul(v, w)", {"w": (12, 3)}),
    "NCHW": ("N,2,3,4", "p = GlobalMaxPool(image) y = Flatten(p)", {}),
}


@pytest.mark.parametrize("layout", TOLD)
def test_head_directly_on_an_image_of_a_told_layout(layout: str) -> None:
    shape, text, weights = TOLD[layout]
    rank = len(layout.lower().replace("n", "").replace("c", ""))
    model = build(text, inputs=f"float[{shape}] image", **weights)
    assert_cells_are_crops(
        model,
        larger=(5, 7)[-rank:],
        stride=(1,) * rank,
        step=(1,) * rank,
        input_layout=layout,
        image_layout=layout.lower(),
    )


FLAT = "v = Flatten(image) [fc] y = Gemm(v, w)"


def test_dense_layer_directly_on_an_image_asks_for_its_layout() -> None:
    model = build(FLAT, inputs="float[N,2,3,4] image", w=(24, 3))
    refusal = assert_refused(flatten_gemm_to_conv, model)
    assert (refusal.code, refusal.node) == (RefusalCode.LAYOUT_UNKNOWN, "fc")
    assert "option input_layout" in refusal.advice
    result = dynamic_spatial_axes.apply(gs.import_onnx(model))
    assert (result.rewrites, result.refusals) == ((), ())


@pytest.mark.parametrize("layout", ["nc", "nchwd", "nchh", "", "nhcc"])
@pytest.mark.parametrize("apply_pass", [flatten_gemm_to_conv, dynamic_spatial_axes])
def test_layout_that_does_not_fit_the_image_is_refused(apply_pass: object, layout: str) -> None:
    model = build(FLAT, inputs="float[N,2,3,4] image", w=(24, 3))
    refusal = assert_refused(apply_pass, model, input_layout=layout)
    assert refusal.code is RefusalCode.LAYOUT_UNKNOWN
    assert "'image'" in refusal.expected


@pytest.mark.parametrize("apply_pass", [flatten_gemm_to_conv, dynamic_spatial_axes])
def test_layout_that_a_convolution_contradicts_is_refused(apply_pass: object) -> None:
    refusal = assert_refused(apply_pass, head_model(HEAD, **WEIGHTS), input_layout="nhwc")
    assert refusal.code is RefusalCode.LAYOUT_UNKNOWN


def test_layout_that_a_convolution_confirms_is_taken() -> None:
    assert_cells_are_crops(head_model(HEAD, **WEIGHTS), input_layout="nchw")


def test_output_that_is_another_one_by_a_second_name_has_its_layout_once() -> None:
    model = head_model(
        f"{HEAD} u = Unsqueeze(y, two) again = Squeeze(u, two)",
        outputs="float[] y, float[] again",
        two=np.array([2]),
        **WEIGHTS,
    )
    assert_cells_are_crops(model, output_layout="nhwc")


@pytest.mark.parametrize(
    ("layout", "shape", "order", "larger"),
    [
        ("nchw", "N,3,9,11", [0, 1, 3, 2], (15, 19)),
        ("nhwc", "N,9,11,3", [0, 3, 2, 1], (15, 19)),
    ],
)
def test_image_whose_rows_become_columns_has_its_own_order_in_the_map(
    layout: str, shape: str, order: list[int], larger: tuple[int, int]
) -> None:
    model = build(
        f"""turned = Transpose<perm={order}>(image) map = Conv<strides=[2, 2]>(turned, kernel)
            f = Flatten(map) y = Gemm(f, w)""",
        inputs=f"float[{shape}] image",
        kernel=(2, 3, 3, 3),
        w=(40, 3),
    )
    assert_cells_are_crops(model, larger=larger, image_layout=layout)


TURNED = (
    "a = Conv<strides=[2, 2]>(image, kernel) t = Transpose<perm=[0, 1, 3, 2]>(a) c = Conv(t, k)"
)


@pytest.mark.parametrize(
    "head",
    [
        "f = Flatten(c) y = Gemm(f, w)",
        "r = Relu(c) f = Flatten(r) y = Gemm(f, w)",
        "u = Transpose<perm=[0, 1, 3, 2]>(c) f = Flatten(u) y = Gemm(f, w)",
        "p = GlobalAveragePool(c) f = Flatten(p) y = Gemm(f, few)",
        "u = Transpose<perm=[0, 1, 3, 2]>(c) p = GlobalMaxPool(u) f = Flatten(p) y = Gemm(f, few)",
        "l = Transpose<perm=[0, 3, 2, 1]>(c) m = ReduceMean<axes=[1, 2], keepdims=0>(l)"
        " y = Gemm(m, few)",
    ],
)
@pytest.mark.parametrize("step", [(1, 1), (2, 1)])
def test_map_whose_rows_were_turned_into_columns_is_laid_out_as_the_image(
    head: str, step: tuple[int, int]
) -> None:
    model = build(
        f"{TURNED} {head}",
        inputs="float[N,3,9,11] image",
        kernel=(2, 3, 3, 3),
        k=(4, 2, 2, 3),
        w=(4 * 4 * 2, 3),
        few=(4, 3),
    )
    assert_cells_are_crops(model, larger=(15, 19), step=step)
