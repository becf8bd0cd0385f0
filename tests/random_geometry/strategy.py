"""Random fully convolutional models: a trunk of random layers, and a head that slides over it."""

from dataclasses import dataclass

import onnx
from hypothesis import assume
from hypothesis import strategies as st
from onnx import helper

from . import branch_layers, view_layers, window_layers  # noqa: F401  (they register)
from .builder import FLOAT, Builder, Unfit, Value
from .layers import LAYERS, convolved

OUTPUT = "answer"
_SIZES = {1: (8, 28), 2: (7, 16), 3: (5, 8)}
_NAMES = ("depth", "height", "width")
_INEXACT = frozenset(
    {"gate", "row_context", "instance_norm", "attention", "roll", "margins", "resize"}
) | {"down_and_up", "same", "pool", "shortcut", "beside"}
"""Layers that make cells differ from crops; the others of one case in two are none of them."""


@dataclass(frozen=True)
class Case:
    """A random model.

    Attributes:
        model: float32 ``image`` ``[1, C, *s]`` to ``answer`` ``[1, K, *o]``, ``s`` symbolic.
        size: the image size at which the map has one cell.
        labels: the layers.
    """

    model: onnx.ModelProto
    size: tuple[int, ...]
    labels: tuple[str, ...]

    @property
    def rank(self) -> int:
        """Spatial axes of the image."""
        return len(self.size)

    def __repr__(self) -> str:
        return f"Case({self.size}, {onnx.printer.to_text(self.model)})"


@st.composite
def models(draw: st.DrawFn) -> Case:
    """One to five layers and a head."""
    featured = draw(st.sampled_from(sorted(LAYERS)))
    rank = draw(st.sampled_from([2, 1, 1, 3]))
    low, high = _SIZES[rank]
    size = [draw(st.integers(low, high)) for _ in range(rank)]
    b = Builder(draw, size, draw(st.integers(1, 2)))
    names = sorted(LAYERS)
    if b.chance():
        names = [name for name in names if name not in _INEXACT]
    layers = [b.pick(names) for _ in range(b.integer(0, 4))]
    layers.insert(b.integer(0, len(layers)), featured)
    value = b.image
    if b.chance():
        # A Reshape that meets the image itself hides which of its axes are spatial.
        value = convolved(b, value, value.channels, kernel_shape=[1] * rank)
    for name in layers:
        value = _layered(b, value, name)
    assume(b.labels)
    answer = _head(b, value)
    b.nodes.append(helper.make_node("Identity", [answer.name], [OUTPUT]))
    model = b.model([OUTPUT], _NAMES[-rank:])
    del model.graph.output[:]
    extents = [f"map_{name}" for name in _NAMES[-rank:]]
    shape = [1, answer.channels, *extents]
    model.graph.output.append(helper.make_tensor_value_info(OUTPUT, FLOAT, shape))
    return Case(model, b.size, tuple(b.labels))


def _layered(b: Builder, value: Value, name: str) -> Value:
    """A layer on top, or nothing where it does not fit."""
    nodes, initializers = len(b.nodes), len(b.initializers)
    try:
        found = LAYERS[name](b, value)
    except Unfit:
        del b.nodes[nodes:], b.initializers[initializers:]
        return value
    b.labels.append(name)
    return found


def _head(b: Builder, value: Value) -> Value:
    """A head that sees all of the map at the model's own size."""
    if b.chance(3):
        pooled = b.add("AveragePool", [value], kernel_shape=list(value.extents))
        return convolved(b, pooled, 2, kernel_shape=[1] * b.rank)
    return convolved(b, value, 2, kernel_shape=list(value.extents))
