"""Random classifiers that a rewrite must get right."""

from dataclasses import dataclass

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import helper

from . import axis_operators, dense_operators, elementwise_operators  # noqa: F401  (they register)
from .builder import FLOAT, Builder, Value
from .collapses import write_flattened_window, write_pooled, write_window_elementwise
from .operators import OPERATORS, as_vector, available
from .trunks import Trunk, draw_trunk, write_trunk

_RARE_SINCE = (20, 23)
_LAST_OPSET = 23
_LARGEST_VECTOR = 64
_DENSE = ("Gemm", "MatMul", "MatMul + Add")


@dataclass(frozen=True)
class Case:
    """A random classifier, and what is known of it.

    Attributes:
        model: the classifier.
        trunk: the geometry of its trunk.
        channels_last: whether the image is ``[N, *s, C]``.
        labels: what its head is made of.
        exact: whether it computes in float32 or better throughout.
    """

    model: onnx.ModelProto
    trunk: Trunk
    channels_last: bool
    labels: tuple[str, ...]
    exact: bool

    def __repr__(self) -> str:
        return f"Case({onnx.printer.to_text(self.model)})"


_FEATURED = [
    entry
    for entry in OPERATORS.values()
    for _ in range(1 + sum(entry.since >= opset for opset in _RARE_SINCE))
]
"""One of these is in every head: the operators that few opsets have more often."""


@st.composite
def classifiers(draw: st.DrawFn) -> Case:
    """A trunk, a collapse and a head of one to six operators."""
    featured = draw(st.sampled_from(_FEATURED))
    opset = draw(st.integers(featured.since, max(_LAST_OPSET, featured.since)))
    b = Builder(
        draw,
        opset=opset,
        batch=draw(st.sampled_from([None, 1, 2, 3])),
        spatial_rank=draw(st.sampled_from([2, 2, 2, 1, 3])),
    )
    trunk = draw_trunk(b)
    channels = b.pick([3, 2, 4, 1])
    channels_last = b.chance(5)
    shape = (channels, *trunk.image_size)
    image = Value("image", (*shape[1:], channels) if channels_last else shape)
    start = image
    if channels_last:
        start = b.transpose(image, [0, image.rank - 1, *range(1, image.rank - 1)])
    feature_map = write_trunk(b, trunk, start)
    value = _write_collapse(b, feature_map)
    entries = [b.pick(available(opset)) for _ in range(b.integer(0, 5))]
    entries.insert(b.integer(0, len(entries)), featured)
    outputs: list[Value] = []
    for entry in entries:
        value = _float_of(b, value)
        if value.dtype == FLOAT and value.shape:
            b.seen.append(value)
            if not outputs and b.chance(8):
                outputs.append(value)
        value = _small(b, value)
        value = entry.write(b, value)
        b.labels.append(entry.label)
    if value.rank > 2 and not b.chance(4):
        value = as_vector(b, value)
    model = _model(b, image, [*(v for v in outputs if v != value), value])
    return Case(model, trunk, channels_last, tuple(b.labels), b.exact)


def _write_collapse(b: Builder, feature_map: Value) -> Value:
    kind = b.pick(["window", "pool", "two pools", "window and pool"])
    if kind == "window":
        return _dense_on_window(b, feature_map)
    first = write_pooled(b, feature_map)
    if kind == "pool":
        return first
    first = as_vector(b, first)
    if kind == "two pools":
        second = as_vector(b, write_pooled(b, feature_map))
    else:
        second = _dense_on_window(b, feature_map)
    size = first.size + second.size
    return b.add("Concat", [first, second], [size], axis=b.axis(1, 2))


def _dense_on_window(b: Builder, feature_map: Value) -> Value:
    vector = write_window_elementwise(b, write_flattened_window(b, feature_map))
    label = b.pick(_DENSE)
    b.labels.append(label)
    return OPERATORS[label].write(b, vector)


def _float_of(b: Builder, value: Value) -> Value:
    """Numbers that the next operator can read."""
    if value.dtype == FLOAT:
        return value
    return b.add("Cast", [value], value.shape, to=FLOAT)


def _small(b: Builder, value: Value) -> Value:
    """The first features only, where there are too many."""
    if value.size <= _LARGEST_VECTOR:
        return value
    vector = as_vector(b, value)
    indices = b.integers(np.arange(_LARGEST_VECTOR // 4))
    return b.add("Gather", [vector, indices], [_LARGEST_VECTOR // 4], axis=1)


def _model(b: Builder, image: Value, outputs: list[Value]) -> onnx.ModelProto:
    batch = "N" if b.batch is None else b.batch
    graph = helper.make_graph(
        b.nodes,
        "random",
        [helper.make_tensor_value_info(image.name, FLOAT, [batch, *image.shape])],
        [
            helper.make_tensor_value_info(value.name, value.dtype, [batch, *value.shape])
            for value in outputs
        ],
        b.initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", b.opset)], ir_version=10)
