"""Small models in onnx.parser text, and ONNX Runtime as the judge of what a pass made of them."""

import itertools
import zlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_graphsurgeon as gs
import onnxruntime as ort
import pytest
from onnx import numpy_helper, parser, printer

from passes import Refusal, dynamic_spatial_axes, flatten_gemm_to_conv

Array = npt.NDArray[Any]
Weight = Array | tuple[int, ...]
"""Values, or the shape of random ones."""

TRUNK = "map = Conv<strides=[2, 2]>(image, kernel)"


def random(name: str, shape: Sequence[int], dtype: npt.DTypeLike = np.float32) -> Array:
    """Normal numbers that depend on the name alone."""
    return np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape).astype(dtype)


def build(
    body: str,
    *,
    inputs: str,
    outputs: str = "float[N,K] y",
    opset: int = 17,
    ir_version: int = 8,
    dtype: npt.DTypeLike = np.float32,
    **weights: Weight,
) -> onnx.ModelProto:
    """A checked model. An output written as ``float[] y`` gets the shape that is inferred."""
    domains = f'"" : {opset}' + (', "acme" : 1' if "acme." in body else "")
    model = parser.parse_model(
        f"<ir_version: {ir_version}, opset_import: [{domains}]>"
        f" main ({inputs}) => ({outputs}) {{ {body} }}"
    )
    for name, given in weights.items():
        values = random(name, given, dtype) if isinstance(given, tuple) else given
        model.graph.initializer.append(numpy_helper.from_array(values, name))
        if ir_version < 4:
            typed = onnx.helper.np_dtype_to_tensor_dtype(values.dtype)
            model.graph.input.append(onnx.helper.make_tensor_value_info(name, typed, values.shape))
    if "[]" in outputs:
        model = onnx.shape_inference.infer_shapes(model)
        del model.graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)
    return model


def head_model(head: str, *, batch: int | str = "N", **options: Any) -> onnx.ModelProto:
    options = {"inputs": f"float[{batch},3,9,11] image", "kernel": (2, 3, 3, 3)} | options
    return build(f"{TRUNK} {head}", **options)


def export(graph: gs.Graph) -> onnx.ModelProto:
    model = gs.export_onnx(graph)
    # Graphsurgeon takes initializers off the graph inputs, where IR 3 wants them.
    model.ir_version = max(model.ir_version, 4)
    onnx.checker.check_model(model, full_check=True)
    return model


def rewrite(
    model: onnx.ModelProto,
    *,
    window_step: int | Sequence[int] = 1,
    input_size: Sequence[int] | None = None,
    input_layout: str | None = None,
    output_layout: str = "input",
) -> onnx.ModelProto:
    graph = gs.import_onnx(model)
    image: dict[str, Any] = {"input_size": input_size, "input_layout": input_layout}
    lifted = flatten_gemm_to_conv.apply(
        graph, window_step=window_step, output_layout=output_layout, **image
    )
    assert lifted.refusals == ()
    assert lifted.rewrites
    freed = dynamic_spatial_axes.apply(graph, **image)
    assert freed.refusals == ()
    return export(graph)


def session(model: onnx.ModelProto) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def run(model: onnx.ModelProto, *inputs: Array) -> list[Array]:
    runnable = session(model)
    names = [value.name for value in runnable.get_inputs()]
    return list(runnable.run(None, dict(zip(names, inputs, strict=True))))


def cells(
    model: onnx.ModelProto,
    image: Array,
    size: Sequence[int],
    stride: Sequence[int],
    first: int,
) -> list[Array]:
    """What a model says of every crop of an image, output by output: ``[*answer, *positions]``.

    Args:
        model: the judge.
        image: an image at least as large as a crop.
        size: extents of a crop.
        stride: pixels from one crop to the next.
        first: the image's first spatial axis.
    """
    counts = [
        (extent - crop) // step + 1
        for extent, crop, step in zip(image.shape[first:], size, stride, strict=False)
    ]
    runnable = session(model)
    name = runnable.get_inputs()[0].name
    answers = []
    for position in itertools.product(*map(range, counts)):
        corner = [index * step for index, step in zip(position, stride, strict=True)]
        cut = tuple(slice(at, at + crop) for at, crop in zip(corner, size, strict=True))
        crop = np.ascontiguousarray(image[(*[slice(None)] * first, *cut)])
        answers.append(runnable.run(None, {name: crop}))
    return [
        np.stack(each, axis=-1).reshape(*each[0].shape, *counts)
        for each in zip(*answers, strict=True)
    ]


def assert_same_cells(
    found: Array, expected: Array, rank: int, tolerance: float, *, last: bool
) -> None:
    """Compare a map ``[N, features, *cells]`` with answers ``[N, features, *cells]``.

    The answers may have 1-sized axes that the map has not. ``last``: the map is
    ``[N, *cells, features]``.
    """
    if last:
        found = np.moveaxis(found, range(1, 1 + rank), range(-rank, 0))
    answer = expected.shape[:-rank]
    assert found.shape[-rank:] == expected.shape[-rank:]
    assert [e for e in found.shape[1:-rank] if e != 1] == [e for e in answer[1:] if e != 1]
    assert len(found.shape) - rank <= max(len(answer), 2)
    assert found.shape[0] == answer[0]
    assert found.dtype == expected.dtype
    expected = expected.reshape(found.shape)
    if found.dtype.kind != "f":
        np.testing.assert_array_equal(found, expected)
        return
    scale = max(np.abs(expected).max(), 1e-3)
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=tolerance)


def assert_cells_are_crops(
    model: onnx.ModelProto,
    *,
    larger: Sequence[int] = (15, 14),
    stride: Sequence[int] = (2, 2),
    step: Sequence[int] = (1, 1),
    input_size: Sequence[int] | None = None,
    input_layout: str | None = None,
    image_layout: str = "nchw",
    output_layout: str = "input",
    own_layout: str = "",
    tolerance: float = 1e-4,
) -> None:
    window_step = step[0] if len(set(step)) == 1 else step
    rewritten = rewrite(
        model,
        window_step=window_step,
        input_size=input_size,
        input_layout=input_layout,
        output_layout=output_layout,
    )
    value = model.graph.input[0]
    dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    rank = len(larger)
    first = 2 if image_layout.startswith("nc") else 1
    size = list(input_size or dims[first : first + rank])
    dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    strides = [a * b for a, b in zip(stride, step, strict=True)]
    by_input = own_layout or image_layout
    last = (by_input if output_layout == "input" else output_layout).endswith("c")
    for extents in (size, larger):
        shape = [dims[0] or 2, *dims[1:]]
        shape[first : first + rank] = extents
        image = random("image", shape, dtype)
        answers = cells(model, image, size, strides, first)
        for found, expected in zip(run(rewritten, image), answers, strict=True):
            assert_same_cells(found, expected, rank, tolerance, last=last)


def assert_refused(apply_pass: ModuleType, model: onnx.ModelProto, **options: Any) -> Refusal:
    before = gs.export_onnx(gs.import_onnx(model)).SerializeToString(deterministic=True)
    graph = gs.import_onnx(model)
    result = apply_pass.apply(graph, **options)
    assert result.rewrites == ()
    assert len(result.refusals) == 1
    assert gs.export_onnx(graph).SerializeToString(deterministic=True) == before
    refusal: Refusal = result.refusals[0]
    return refusal


def assert_nodes(model: onnx.ModelProto, expected: str) -> None:
    wanted = parser.parse_graph(f"expected () => () {{ {expected} }}")
    assert [printer.to_text(node) for node in model.graph.node] == [
        printer.to_text(node) for node in wanted.node
    ]


@pytest.fixture(scope="session", name="build")
def build_fixture() -> Callable[..., onnx.ModelProto]:
    """``build(body, inputs=..., opset=..., weight=shape or values)``: a checked model."""
    return build


@pytest.fixture(scope="session", name="head_model")
def head_model_fixture() -> Callable[..., onnx.ModelProto]:
    """``head_model(text)``: a head that reads ``map`` ``[N, 2, 4, 5]`` of a 9x11 image.

    The trunk is one unpadded convolution of stride 2, and no row or column is left over.
    """
    return head_model


@pytest.fixture(scope="session", name="rewrite")
def rewrite_fixture() -> Callable[..., onnx.ModelProto]:
    """``rewrite(model, **options)``: the model after both passes, exported and checked."""
    return rewrite


@pytest.fixture(scope="session", name="run")
def run_fixture() -> Callable[..., list[Array]]:
    """``run(model, *inputs)``: the outputs, by ONNX Runtime."""
    return run


@pytest.fixture(scope="session", name="random")
def random_fixture() -> Callable[..., Array]:
    """``random(name, shape)``: normal numbers, the same for the same name."""
    return random


@pytest.fixture(scope="session", name="assert_cells_are_crops")
def assert_cells_are_crops_fixture() -> Callable[..., None]:
    """Rewrites a model and compares every cell, at two sizes, with the model on that crop."""
    return assert_cells_are_crops


@pytest.fixture(scope="session", name="assert_refused")
def assert_refused_fixture() -> Callable[..., Refusal]:
    """``assert_refused(pass, model, **options)``: its one refusal, once nothing has changed."""
    return assert_refused


@pytest.fixture(scope="session", name="assert_nodes")
def assert_nodes_fixture() -> Callable[..., None]:
    """``assert_nodes(model, text)``: the model has exactly the nodes of the text."""
    return assert_nodes
