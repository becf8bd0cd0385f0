"""Property: whatever trunk, view chain and dense layers, a cell is the model on its crop."""

import math
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model_texts import build
from tests.passes.judges import assert_cells_are_crops

OPSETS = (9, 11, 13, 17, 21)
FACTORS = (0.5, 1.0, -2.0)
ACTIVATIONS = (
    "Relu({})",
    "LeakyRelu<alpha=0.2>({})",
    "Tanh({})",
    "Sigmoid({})",
    "Identity({})",
    "Dropout({})",
    "Softmax<axis=1>({})",
    "LogSoftmax<axis=-1>({})",
)
VIEWS = ("flatten", "reshape", "merged", "split", "transposed")

PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))
STRIDES = st.tuples(st.integers(1, 2), st.integers(1, 2))
CONVOLUTIONS = st.lists(st.tuples(PAIRS, STRIDES, st.integers(1, 3)), min_size=1, max_size=2)


class Sketch:
    """A model in the making: its text and its weights."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.constants: dict[str, Any] = {}

    def weight(self, shape: tuple[int, ...], gain: float = 1.0) -> str:
        count = len(self.constants)
        values = np.random.default_rng(count).standard_normal(shape) * gain
        self.constants[f"w{count}"] = np.asarray(values, np.float32)
        return f"w{count}"

    def integers(self, *values: int) -> str:
        name = f"i{len(self.constants)}"
        self.constants[name] = np.array(values, np.int64)
        return name

    def node(self, call: str, name: str = "") -> str:
        name = name or f"t{len(self.text)}"
        self.text.append(f"{name} = {call}")
        return name


def trunk(draw: st.DrawFn, sketch: Sketch, extents: list[int]) -> tuple[str, int, list[int]]:
    """An unpadded trunk whose map has the given extents.

    Changes ``extents`` to those of the image, and returns the map, its channels and its stride.
    """
    layers = draw(CONVOLUTIONS)
    data, channels = "image", 2
    for kernel, strides, filters in layers:
        weight = sketch.weight((filters, channels, *kernel), 0.5)
        data = sketch.node(f"Conv<strides={list(strides)}>({data}, {weight})")
        data, channels = sketch.node(f"Tanh({data})"), filters
    stride = [1, 1]
    for kernel, strides, _ in reversed(layers):
        for axis in range(2):
            extents[axis] = (extents[axis] - 1) * strides[axis] + kernel[axis]
            stride[axis] *= strides[axis]
    return data, channels, stride


def view(
    draw: st.DrawFn, sketch: Sketch, kind: str, data: str, batch: int | str, shape: tuple[int, ...]
) -> str:
    """A chain from a map of ``shape`` ``[C, H, W]`` a sample to a vector."""
    channels, height, width = shape
    lead = batch if isinstance(batch, int) and draw(st.booleans()) else 0
    if kind == "transposed":
        order = [0, *draw(st.permutations([1, 2, 3]))]
        data = sketch.node(f"Transpose<perm={order}>({data})")
    if kind == "merged":
        data = sketch.node(f"Reshape({data}, {sketch.integers(lead, channels, height * width)})")
        data = sketch.node(f"Transpose<perm=[0, 2, 1]>({data})")
    if kind == "split":
        target = sketch.integers(lead, 1, channels, height, width)
        order = [0, *draw(st.permutations([1, 2, 3, 4]))]
        data = sketch.node(f"Transpose<perm={order}>({sketch.node(f'Reshape({data}, {target})')})")
    if kind == "flatten" or draw(st.booleans()):
        return sketch.node(f"Flatten({data})")
    return sketch.node(f"Reshape({data}, {sketch.integers(lead, -1)})")


def dense(draw: st.DrawFn, sketch: Sketch, data: str, features: int, opset: int) -> tuple[str, int]:
    """A dense layer in one of its forms, and the number of its units."""
    units = draw(st.integers(1, 5))
    bias_shape = draw(st.sampled_from([(units,), (1, units), (1,), (), None]))
    gain = 1 / math.sqrt(features)
    if draw(st.booleans()):
        result = sketch.node(f"MatMul({data}, {sketch.weight((features, units), gain)})")
        if bias_shape is not None:
            result = sketch.node(f"Add({result}, {sketch.weight(bias_shape)})")
        return result, units
    if opset < 11:
        bias_shape = bias_shape or ()
    trans_b = draw(st.integers(0, 1))
    shape = (units, features) if trans_b else (features, units)
    operands = [data, sketch.weight(shape, gain)]
    if bias_shape is not None:
        operands.append(sketch.weight(bias_shape))
    alpha, beta = draw(st.sampled_from(FACTORS)), draw(st.sampled_from((0.0, *FACTORS)))
    gemm = f"Gemm<alpha={alpha}, beta={beta}, transB={trans_b}>({', '.join(operands)})"
    return sketch.node(gemm), units


def draw_model(draw: st.DrawFn, kind: str) -> tuple[onnx.ModelProto, list[int]]:
    """A plain classifier, and the stride of its trunk."""
    opset = draw(st.sampled_from(OPSETS))
    batch = draw(st.sampled_from([1, 2, 3, "N"]))
    window = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    sketch, size = Sketch(), list(window)
    data, channels, stride = trunk(draw, sketch, size)
    data = view(draw, sketch, kind, data, batch, (channels, *window))
    features = channels * math.prod(window)
    for _ in range(draw(st.integers(1, 3))):
        data, features = dense(draw, sketch, data, features, opset)
        activation = draw(st.sampled_from([None, *ACTIVATIONS]))
        if activation is not None:
            data = sketch.node(activation.format(data))
    sketch.node(f"Neg({data})", "y")
    model = build(
        "\n".join(sketch.text),
        inputs=f"float[{batch},2,{size[0]},{size[1]}] image",
        opset=opset,
        **sketch.constants,
    )
    return model, stride


@pytest.mark.parametrize("kind", VIEWS)
@settings(max_examples=80, deadline=None, derandomize=True)
@given(data=st.data())
def test_every_cell_is_the_model_on_its_crop(kind: str, data: st.DataObject) -> None:
    model, stride = draw_model(data.draw, kind)
    size = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]]
    step = data.draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    growth = data.draw(st.tuples(st.integers(0, 7), st.integers(0, 7)))
    larger = [extent + more for extent, more in zip(size, growth, strict=True)]
    assert_cells_are_crops(model, larger=larger, stride=stride, step=step)
