"""What a freed node looks like: constants where they are enough, one computed shape for all."""

from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import pytest
from onnx import numpy_helper

from passes import dynamic_spatial_axes
from tests.model_texts import build, ints
from tests.passes.judges import assert_nodes


def freed(model: onnx.ModelProto) -> tuple[onnx.ModelProto, dict[str, list[float]]]:
    """The freed model, and its constants by name."""
    graph = gs.import_onnx(model)
    result = dynamic_spatial_axes.apply(graph, input_layout="nchw")
    assert result.refusals == ()
    exported = gs.export_onnx(graph)
    values = {t.name: numpy_helper.to_array(t).tolist() for t in exported.graph.initializer}
    return exported, values


@pytest.fixture(name="shuffles")
def shuffles_fixture() -> onnx.ModelProto:
    return build(
        """
        [one] a = Reshape(image, split)
        b = Transpose<perm=[0, 2, 1, 3, 4]>(a)
        [two] c = Reshape(b, join)
        [three] d = Reshape(c, split)
        e = Transpose<perm=[0, 2, 1, 3, 4]>(d)
        [four] y = Reshape(e, join)
        """,
        inputs="float[1,4,8,6] image",
        outputs="float[1,4,8,6] y",
        split=ints(1, 2, 2, 8, 6),
        join=ints(1, 4, 8, 6),
    )


def test_shuffles_share_one_shape(shuffles: onnx.ModelProto) -> None:
    model, values = freed(shuffles)
    assert_nodes(
        model,
        """
        [one_Shape] one_shape = Shape<start: int = 2, end: int = 4>(image)
        [one_Concat] one_concat = Concat<axis: int = 0>(extents, one_shape)
        [one] a = Reshape(image, one_concat)
        b = Transpose<perm=[0, 2, 1, 3, 4]>(a)
        [two_Concat] two_concat = Concat<axis: int = 0>(extents_1, one_shape)
        [two] c = Reshape(b, two_concat)
        [three] d = Reshape(c, one_concat)
        e = Transpose<perm=[0, 2, 1, 3, 4]>(d)
        [four] y = Reshape(e, two_concat)
        """,
    )
    assert values == {"extents": [1, 2, 2], "extents_1": [1, 4]}


CONSTANT: dict[str, tuple[str, dict[str, Any], str, list[float]]] = {
    "one_axis_is_the_rest": (
        "[node] y = Reshape(image, to)",
        {"to": ints(2, 4, 48)},
        "extents",
        [2, 4, -1],
    ),
    "end_of_an_axis": (
        "[node] y = Slice(image, start, end, axis)",
        {"start": ints(0), "end": ints(7), "axis": ints(2)},
        "extents",
        [-1],
    ),
    "whole_ratio": (
        "[node] y = Resize(image, , , sizes)",
        {"sizes": ints(2, 4, 16, 6)},
        "scales",
        [1, 1, 2, 1],
    ),
}


@pytest.mark.parametrize("case", CONSTANT)
def test_constant_is_enough(case: str) -> None:
    text, weights, name, expected = CONSTANT[case]
    model = build(text, inputs="float[2,4,8,6] image", outputs="float[] y", **weights)
    exported, values = freed(model)
    assert values[name] == expected
    assert [node.op_type for node in exported.graph.node] == [
        node.op_type for node in model.graph.node
    ]


def test_number_that_only_looks_like_an_extent_stays() -> None:
    """Eight channels beside eight rows, and a batch of eight."""
    model = build(
        "[node] y = Reshape(image, to)",
        inputs="float[8,8,8,6] image",
        outputs="float[] y",
        to=ints(8, 8, 48),
    )
    _, values = freed(model)
    assert list(values.values()) == [[8, 8, -1]]


def test_model_without_baked_extents_keeps_its_nodes() -> None:
    model = build(
        "s = Shape(image) n = Gather(s, first) t = Concat<axis=0>(n, rest) y = Reshape(image, t)",
        inputs="float[2,4,8,6] image",
        outputs="float[] y",
        first=ints(0),
        rest=ints(4, -1),
    )
    exported, _ = freed(model)
    assert list(exported.graph.node) == list(gs.export_onnx(gs.import_onnx(model)).graph.node)


def test_zero_bias_leaves_a_sum_over_positions_a_sum() -> None:
    model = build(
        "v = Reshape(image, to) p = Gemm<transB=1>(v, v, bias) y = Div(p, count)",
        inputs="float[1,3,8,10] image",
        outputs="float[3,3] y",
        to=ints(3, 80),
        bias=np.zeros((3, 3), np.float32),
        count=np.float32(80),
    )
    exported, values = freed(model)
    assert "count" not in values
    assert exported.graph.node[-1].op_type == "Div"
