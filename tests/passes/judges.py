"""ONNX Runtime as the judge of what a pass made of a model."""

import itertools
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from onnx import parser, printer

from passes import Refusal
from tests.model_texts import Array, random_array
from tests.passes.models import rewrite
from tests.session import session


def run(model: onnx.ModelProto, *inputs: Array) -> list[Array]:
    """The outputs, by ONNX Runtime, whose optimizations round some models otherwise."""
    runnable = session(model)
    names = [value.name for value in runnable.get_inputs()]
    return list(runnable.run(None, dict(zip(names, inputs, strict=True))))


def assert_same_answers(model: onnx.ModelProto, rewritten: onnx.ModelProto, image: Array) -> None:
    """Compare all outputs of two models on an image."""
    for expected, actual in zip(run(model, image), run(rewritten, image), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


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
    judge: onnx.ModelProto | None = None,
) -> None:
    """Rewrite a model and compare every cell, at two sizes, with the model on that crop.

    ``judge``: a model that answers the same with the axes that the map has.
    """
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
        image = random_array("image", shape, dtype)
        answers = cells(judge or model, image, size, strides, first)
        for found, expected in zip(run(rewritten, image), answers, strict=True):
            assert_same_cells(found, expected, rank, tolerance, last=last)


def assert_refused(apply_pass: ModuleType, model: onnx.ModelProto, **options: Any) -> Refusal:
    """The one refusal of a pass, once nothing has changed."""
    before = gs.export_onnx(gs.import_onnx(model)).SerializeToString(deterministic=True)
    graph = gs.import_onnx(model)
    result = apply_pass.apply(graph, **options)
    assert result.rewrites == ()
    assert len(result.refusals) == 1
    assert gs.export_onnx(graph).SerializeToString(deterministic=True) == before
    refusal: Refusal = result.refusals[0]
    return refusal


def assert_nodes(model: onnx.ModelProto, expected: str) -> None:
    """See that a model has exactly the nodes of a text."""
    wanted = parser.parse_graph(f"expected () => () {{ {expected} }}")
    assert [printer.to_text(node) for node in model.graph.node] == [
        printer.to_text(node) for node in wanted.node
    ]
