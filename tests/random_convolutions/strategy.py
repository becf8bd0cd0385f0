"""Random convolutions whose values are small whole numbers, so that every sum is exact."""

from dataclasses import dataclass

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import helper, numpy_helper

OPSETS = (7, 8, 9, 10, 11, 13, 18, 21, 22)
_FIRST_WITH_COMPUTED_PADS = 9
_BETWEEN = ("", "Relu")
_TYPES = {"float32": np.float32, "float16": np.float16}


@dataclass(frozen=True)
class Layer:
    """A Conv node.

    Attributes:
        weight: ``[f, C / groups, *k]``.
        bias: ``[f]``, or ``None``.
        groups: its groups.
        strides: an axis each; so are the dilations.
        dilations: see ``strides``.
        pads: zeros at the beginning of every axis, then at the end of every axis, or ``auto_pad``.
    """

    weight: np.ndarray
    bias: np.ndarray | None
    groups: int
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...] | str

    def extents(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Cells of the output: ``floor((H + p0 + p1 - d (k - 1) - 1) / s) + 1`` an axis."""
        rank = len(size)
        if isinstance(self.pads, str) and self.pads.startswith("SAME"):
            return tuple(-(-e // s) for e, s in zip(size, self.strides, strict=True))
        pads = (0,) * 2 * rank if isinstance(self.pads, str) else self.pads
        return tuple(
            (size[a] + pads[a] + pads[rank + a] - d * (self.weight.shape[2 + a] - 1) - 1) // s + 1
            for a, (d, s) in enumerate(zip(self.dilations, self.strides, strict=True))
        )


@dataclass(frozen=True)
class Case:
    """A model of one or two convolutions.

    Attributes:
        opset: version of ai.onnx.
        layers: the convolutions.
        between: operator behind the first, or nothing.
        images: images of two sizes, ``[N, C, *s]``.
    """

    opset: int
    layers: tuple[Layer, ...]
    between: str
    images: tuple[np.ndarray, ...]

    def features(self) -> set[str]:
        """What is special about it, for a table."""
        found = {f"opset {self.opset}", f"rank {self.images[0].ndim - 2}"}
        found |= {f"{len(self.layers)} layers", self.images[0].dtype.name}
        for layer in self.layers:
            found |= {
                "groups" if layer.groups > 1 else "one group",
                "depthwise" if layer.weight.shape[1] == 1 and layer.groups > 1 else "",
                "strides" if max(layer.strides) > 1 else "",
                "dilations" if max(layer.dilations) > 1 else "",
                "bias" if layer.bias is not None else "no bias",
                layer.pads if isinstance(layer.pads, str) else "pads" if any(layer.pads) else "",
                "kernel of one cell" if layer.weight[0, 0].size == 1 else "",
            }
        return found - {""}

    def model(self) -> onnx.ModelProto:
        """The model, whose batch and spatial axes are symbolic."""
        nodes, initializers, data = [], [], "image"
        for index, layer in enumerate(self.layers):
            stored = {f"w{index}": layer.weight, f"b{index}": layer.bias}
            kept = {name: values for name, values in stored.items() if values is not None}
            initializers += [numpy_helper.from_array(v, name) for name, v in kept.items()]
            nodes.append(_conv(f"conv{index}", [data, *kept], layer))
            data = f"conv{index}"
            if self.between and index + 1 < len(self.layers):
                nodes.append(helper.make_node(self.between, [data], ["between"]))
                data = "between"
        image, rank = self.images[0], self.images[0].ndim - 2
        kind = helper.np_dtype_to_tensor_dtype(image.dtype)
        shape = ["N", image.shape[1], *(f"s{axis}" for axis in range(rank))]
        inputs = [helper.make_tensor_value_info("image", kind, shape)]
        declared = ["N", self.layers[-1].weight.shape[0], *[None] * rank]
        outputs = [helper.make_tensor_value_info(data, kind, declared)]
        graph = helper.make_graph(nodes, "random", inputs, outputs, initializers)
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def _conv(name: str, inputs: list[str], layer: Layer) -> onnx.NodeProto:
    attributes = {"strides": layer.strides, "dilations": layer.dilations, "group": layer.groups}
    attributes["auto_pad" if isinstance(layer.pads, str) else "pads"] = layer.pads
    return helper.make_node("Conv", inputs, [name], name, **attributes)


@st.composite
def convolutions(draw: st.DrawFn) -> Case:
    """One Conv, or two with an elementwise operator in between, and images of two sizes."""
    opset = draw(st.sampled_from(OPSETS))
    rank = draw(st.integers(1, 3))
    dtype = _TYPES[draw(st.sampled_from(["float32"] * 4 + ["float16"]))]
    count = 1 if dtype == np.float16 else draw(st.integers(1, 2))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    image_channels = channels = groups * draw(st.integers(1, 3))
    layers = []
    for _ in range(count):
        layers.append(draw(_layers(opset, rank, channels, generator, dtype)))
        channels = layers[-1].weight.shape[0]
    batch = draw(st.integers(1, 3))
    images = []
    for _ in range(2):
        size = tuple(
            draw(st.integers(least, least + 6)) for least in _least_size(tuple(layers), rank)
        )
        values = generator.integers(-3, 4, (batch, image_channels, *size))
        images.append(values.astype(dtype))
    between = draw(st.sampled_from(_BETWEEN))
    return Case(opset, tuple(layers), between, tuple(images))


@st.composite
def _layers(
    draw: st.DrawFn,
    opset: int,
    rank: int,
    channels: int,
    generator: np.random.Generator,
    dtype: type,
) -> Layer:
    groups = draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0]))
    filters = groups * draw(st.integers(1, 3))

    def numbers(largest: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(1, largest)) for _ in range(rank))

    kernel = numbers(4 if rank < 3 else 3)
    pads: tuple[int, ...] | str = tuple(draw(st.integers(0, 2)) for _ in range(2 * rank))
    strides, dilations = numbers(3), numbers(3)
    automatic = draw(st.sampled_from(["", "", "VALID", "SAME_UPPER", "SAME_LOWER"]))
    if automatic:
        pads = automatic
    if automatic.startswith("SAME"):
        # ONNX Runtime has no dilations there.
        dilations = (1,) * rank
        strides = strides if opset >= _FIRST_WITH_COMPUTED_PADS else (1,) * rank
    weight = generator.integers(-2, 3, (filters, channels // groups, *kernel)).astype(dtype)
    bias = generator.integers(-5, 6, filters).astype(dtype) if draw(st.booleans()) else None
    return Layer(weight, bias, groups, strides, dilations, pads)


def _least_size(layers: tuple[Layer, ...], rank: int) -> tuple[int, ...]:
    """The smallest image of equal axes of which every layer has a cell."""
    least = [1] * rank
    for axis in range(rank):
        while not _fits(layers, (least[axis],) * rank, axis):
            least[axis] += 1
    return tuple(least)


def _fits(layers: tuple[Layer, ...], size: tuple[int, ...], axis: int) -> bool:
    for layer in layers:
        size = layer.extents(size)
        if size[axis] < 1:
            return False
    return True
