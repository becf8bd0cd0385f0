"""Random unpadded trunks: what a cell of the map sees ends where its crop of the image ends."""

from dataclasses import dataclass

import numpy as np

from .builder import Builder, Value

_LARGEST_MAP = {1: 5, 2: 4, 3: 3}


@dataclass(frozen=True)
class Layer:
    """One convolution or pool; numbers are an axis each."""

    operator: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    slack: tuple[int, ...]

    def reads(self, extents: tuple[int, ...]) -> tuple[int, ...]:
        """Extents of the input that give an output of the given ones."""
        return tuple(
            (extent - 1) * stride + dilation * (kernel - 1) + 1 + min(slack, stride - 1)
            for extent, kernel, stride, dilation, slack in zip(
                extents, self.kernel, self.stride, self.dilation, self.slack, strict=True
            )
        )

    def covers(self, extents: tuple[int, ...]) -> bool:
        """Whether the kernel is the whole input, each of its elements once."""
        return self.kernel == extents and all(d == 1 for d in self.dilation)


@dataclass(frozen=True)
class Trunk:
    """The layers, the map that they end in, and the image that they read.

    Attributes:
        layers: first to last.
        map_size: extents of the feature map at the model's own size.
        image_size: pixels, an axis each.
        stride: pixels from one window of the head to the next, an axis each.
    """

    layers: tuple[Layer, ...]
    map_size: tuple[int, ...]
    image_size: tuple[int, ...]
    stride: tuple[int, ...]


def draw_trunk(b: Builder) -> Trunk:
    """Choose the layers, and from the map back to the image its size."""
    rank = b.spatial_rank
    map_size = tuple(b.integer(1, _LARGEST_MAP[rank]) for _ in range(rank))
    layers = tuple(_draw_layer(b) for _ in range(b.integer(1, 3 if rank < 3 else 2)))
    size, stride = map_size, (1,) * rank
    for layer in reversed(layers):
        before = layer.reads(size)
        # A pool over all of its map is where the head begins: its windows lie one cell apart.
        if layer.operator != "Conv" and layer.covers(before):
            stride = (1,) * rank
        else:
            stride = tuple(a * s for a, s in zip(layer.stride, stride, strict=True))
        size = before
    return Trunk(layers, map_size, size, stride)


def _draw_layer(b: Builder) -> Layer:
    rank = b.spatial_rank
    operator = b.pick(["Conv", "Conv", "MaxPool", "AveragePool"])
    dilates = operator == "Conv" or b.opset >= (10 if operator == "MaxPool" else 19)
    return Layer(
        operator,
        tuple(b.integer(1, 3) for _ in range(rank)),
        tuple(b.integer(1, 2) for _ in range(rank)),
        tuple(b.integer(1, 2) if dilates else 1 for _ in range(rank)),
        tuple(b.integer(0, 1) for _ in range(rank)),
    )


def write_trunk(b: Builder, trunk: Trunk, image: Value) -> Value:
    """Write the layers, with activations between."""
    value = image
    for layer in trunk.layers:
        value = _write_layer(b, layer, value)
        value = _write_activation(b, value)
    return value


def _write_layer(b: Builder, layer: Layer, value: Value) -> Value:
    channels, extents = value.shape[0], value.shape[1:]
    after = tuple(
        (extent - dilation * (kernel - 1) - 1) // stride + 1
        for extent, kernel, stride, dilation in zip(
            extents, layer.kernel, layer.stride, layer.dilation, strict=True
        )
    )
    plain = all(d == 1 for d in layer.dilation)
    attributes = {
        "kernel_shape": list(layer.kernel),
        "strides": list(layer.stride),
        "dilations": None if plain else list(layer.dilation),
        "auto_pad": "VALID" if b.chance(6) else None,
    }
    if layer.operator != "Conv":
        return b.add(layer.operator, [value], (channels, *after), **attributes)
    groups = channels if b.chance(4) else 1
    units = groups * b.integer(1, 2) if groups > 1 else b.integer(2, 5)
    kernel = (units, channels // groups, *layer.kernel)
    operands = [value, b.weight(kernel, fan_in=int(np.prod(kernel[1:])))]
    if b.chance():
        operands.append(b.weight([units], fan_in=4))
    return b.add("Conv", operands, (units, *after), group=groups, **attributes)


def _write_activation(b: Builder, value: Value) -> Value:
    kind = b.pick(["none", "LeakyRelu", "Tanh", "Relu", "BatchNormalization", "Add"])
    if kind == "none":
        return value
    channels = value.shape[0]
    if kind == "BatchNormalization":
        return batch_normalization(b, value)
    if kind == "Add":
        ones = [1] * b.spatial_rank
        return b.add("Add", [value, b.weight([channels, *ones], fan_in=4)], value.shape)
    return b.add(kind, [value], value.shape)


def batch_normalization(b: Builder, value: Value) -> Value:
    """BatchNormalization at inference, over axis 1."""
    features = value.shape[:1]
    operands = [
        value,
        b.uniform(features, 0.5, 1.5),
        b.weight(features, fan_in=4),
        b.weight(features, fan_in=4),
        b.uniform(features, 0.5, 2.0),
    ]
    epsilon = b.pick([None, 1e-3])
    return b.add("BatchNormalization", operands, value.shape, epsilon=epsilon)
