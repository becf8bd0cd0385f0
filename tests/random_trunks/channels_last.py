"""Elements that put the channels last and back: the operators of transformers and of Keras."""

from collections.abc import Callable, Sequence

from .builder import Operand, TrunkBuilder, Value
from .elements import element
from .extents import product
from .targets import view


def to_last(b: TrunkBuilder, value: Value) -> Value:
    """``[N, C, *s]`` to ``[N, *s, C]``."""
    return b.transpose(value, [0, *range(2, value.rank), 1])


def to_first(b: TrunkBuilder, value: Value) -> Value:
    """``[N, *s, C]`` to ``[N, C, *s]``."""
    return b.transpose(value, [0, value.rank - 1, *range(1, value.rank - 1)])


def _layer_normalization(b: TrunkBuilder, value: Value) -> Value:
    features = value.shape[-1:]
    operands: list[Operand] = [value, b.uniform(features, 0.5, 1.5), b.weight(features, fan_in=4)]
    return b.add(
        "LayerNormalization", operands, value.shape, axis=b.axis(value.rank - 1, value.rank)
    )


def _layer_norm_written_out(b: TrunkBuilder, value: Value) -> Value:
    last = value.rank - 1
    mean = b.reduce("ReduceMean", value, [last], keep=True)
    centred = b.add("Sub", [value, mean], value.shape)
    square = b.add("Pow", [centred, b.constant(2.0)], value.shape)
    variance = b.reduce("ReduceMean", square, [last], keep=True)
    shifted = b.add("Add", [variance, b.constant(0.01)], variance.shape)
    scaled = b.add("Div", [centred, b.add("Sqrt", [shifted], variance.shape)], value.shape)
    return b.add("Mul", [scaled, b.uniform(value.shape[-1:], 0.5, 1.5)], value.shape)


def _matmul(b: TrunkBuilder, value: Value) -> Value:
    features, units = value.shape[-1], b.pick([2, 3, 4, 6, value.shape[-1]])
    weight = b.weight([features, units], fan_in=features)
    after = b.add("MatMul", [value, weight], (*value.shape[:-1], units))
    if b.chance():
        return after
    return b.add("Add", [after, b.weight([units], fan_in=4)], after.shape)


def _scale(b: TrunkBuilder, value: Value) -> Value:
    operator = b.pick(["Mul", "Add"])
    return b.add(operator, [value, b.uniform(value.shape[-1:], 0.5, 1.5)], value.shape)


def _softmax(b: TrunkBuilder, value: Value) -> Value:
    last = value.rank - 1
    axis = b.axis(last, value.rank) if b.opset >= 13 else last
    return b.add("Softmax", [value], value.shape, axis=axis)


def _activation(b: TrunkBuilder, value: Value) -> Value:
    return b.unary(value, "Relu", "Tanh", "Sigmoid", "LeakyRelu")


def _split(b: TrunkBuilder, value: Value) -> Value:
    """Half of the features gates the other half."""
    features = value.shape[-1]
    if features % 2 or features < 2:
        return _scale(b, value)
    shapes = [(*value.shape[:-1], features // 2)] * 2
    axis = b.axis(value.rank - 1, value.rank)
    if b.opset >= 18:
        halves = b.add_many("Split", [value], shapes, axis=axis, num_outputs=2)
    else:
        halves = b.add_many("Split", [value], shapes, axis=axis)
    gate = b.unary(halves[1], "Sigmoid")
    return b.add("Mul", [halves[0], gate], shapes[0])


def _channel_mean_by_sum(b: TrunkBuilder, value: Value) -> Value:
    """A sum of the features divided by their number, which a map's may equal."""
    total = b.reduce("ReduceSum", value, [value.rank - 1], keep=True)
    count = float(value.shape[-1])
    if b.chance():
        mean = b.add("Div", [total, b.constant(count)], total.shape)
    else:
        mean = b.add("Mul", [total, b.constant(1.0 / count)], total.shape)
    return b.add("Sub", [value, mean], value.shape)


_FEATURES: dict[str, tuple[int, Callable[[TrunkBuilder, Value], Value]]] = {
    "LayerNormalization": (17, _layer_normalization),
    "layer norm written out": (9, _layer_norm_written_out),
    "MatMul": (9, _matmul),
    "layer scale": (9, _scale),
    "Softmax": (9, _softmax),
    "activation": (9, _activation),
    "Split": (9, _split),
    "channel mean by ReduceSum": (9, _channel_mean_by_sum),
}
"""What acts on the last axis: first opset, and the function that writes it."""


def on_features(b: TrunkBuilder, value: Value) -> Value:
    """One or two operators along the last axis."""
    for _ in range(b.integer(1, 2)):
        names = [name for name, (since, _) in _FEATURES.items() if b.opset >= since]
        value = _FEATURES[b.spell(b.pick(names))][1](b, value)
    return value


@element("channels last", share=2)
def write_channels_last(b: TrunkBuilder, value: Value) -> Value | None:
    """Operators on the features of every cell, perhaps with the sum of both ends."""
    inner = on_features(b, to_last(b, value))
    after = to_first(b, inner)
    if after.shape == value.shape and b.chance():
        return b.add("Add", [value, after], value.shape)
    return after


@element("rows of features")
def write_rows(b: TrunkBuilder, value: Value) -> Value | None:
    """``[N * H * W, C]`` around a Gemm, by Reshape or Flatten, and back."""
    last = to_last(b, value)
    cells, features = product(value.shape[1:]), value.shape[0]
    if b.chance(3):
        b.spell("Flatten")
        rows = b.add("Flatten", [last], (features,), axis=b.axis(last.rank - 1, last.rank))
    else:
        rows = view(b, last, (features,), lead=cells, like=value)
    units = b.channels(value)
    if b.chance():
        b.spell("Gemm")
        transposed = b.chance()
        shape = [units, features] if transposed else [features, units]
        operands: list[Operand] = [rows, b.weight(shape, fan_in=features)]
        if b.opset < 11 or b.chance():
            operands.append(b.weight([units], fan_in=4))
        after = b.add("Gemm", operands, (units,), transB=1 if transposed else None)
    else:
        b.spell("MatMul")
        after = b.add("MatMul", [rows, b.weight([features, units], fan_in=features)], (units,))
    if b.chance():
        after = b.unary(after, "Relu", "Tanh")
    back = view(b, after, (*value.shape[1:], units), source_lead=cells, like=last)
    return to_first(b, back)


@element("rows as batch", ranks=(2,))
def write_rows_as_batch(b: TrunkBuilder, value: Value) -> Value | None:
    """``[N * H, C, W]`` around a convolution along the rows, and back."""
    channels, height, width = value.shape
    turned = b.transpose(value, [0, 2, 1, 3])
    rows = view(b, turned, (channels, width), lead=height)
    weight = b.weight([channels, channels, 3], fan_in=3 * channels)
    after = b.add("Conv", [rows, weight], rows.shape, kernel_shape=[3], pads=[1, 1])
    back = view(b, after, (height, channels, width), source_lead=height, like=turned)
    return b.transpose(back, [0, 2, 1, 3])


@element("axes of the map swapped", ranks=(2, 3))
def write_swapped(b: TrunkBuilder, value: Value) -> Value | None:
    """A convolution on the turned map, perhaps turned back."""
    order: Sequence[int] = [0, 1, *range(value.rank - 1, 1, -1)]
    turned = b.transpose(value, order)
    kernel = [3, *[1] * (b.spatial_rank - 1)]
    pads = [1, *[0] * (b.spatial_rank - 1)] * 2
    weight = b.weight([value.shape[0], value.shape[0], *kernel], fan_in=3 * value.shape[0])
    after = b.add("Conv", [turned, weight], turned.shape, kernel_shape=kernel, pads=pads)
    return after if b.chance(4) else b.transpose(after, order)
