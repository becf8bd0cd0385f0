"""Elements where a map meets another tensor: an earlier map, or one made at its size."""

import numpy as np
from onnx import helper

from .builder import FLOAT, TrunkBuilder, Value
from .elements import element
from .extents import SIZES, PerSize, at
from .targets import whole_shape

_WIDEST = 24


@element("join with an earlier map")
def write_join(b: TrunkBuilder, value: Value) -> Value | None:
    """A sum, a product or more channels with an earlier map of the same size."""
    others = [v for v in b.seen if v.shape[1:] == value.shape[1:] and v != value]
    if not others:
        return None
    other = b.pick(others[::-1])
    kinds = ["Add", "Concat", "Mul", "Max", "Sub", "Sum"]
    kind = b.spell(b.pick(kinds))
    if kind == "Concat":
        return _beside(b, value, other)
    if other.shape[0] != value.shape[0]:
        other = b.conv1x1(other, value.shape[0])
    if kind == "Mul":
        other = b.unary(other, "Sigmoid", "Tanh")
    return b.add(kind, [value, other], value.shape)


def _beside(b: TrunkBuilder, value: Value, other: Value) -> Value | None:
    shape = (value.shape[0] + other.shape[0], *value.shape[1:])
    if shape[0] > _WIDEST:
        return None
    parts = [value, other] if b.chance() else [other, value]
    return b.add("Concat", parts, shape, axis=b.axis(1, value.rank))


@element("branches")
def write_branches(b: TrunkBuilder, value: Value) -> Value | None:
    """Two or three small convolutions of the same map that meet."""
    rank, extents = b.spatial_rank, value.shape[1:]
    parts = []
    for _ in range(b.integer(2, 3)):
        kernel = b.pick([3, 1])
        weight = b.weight([value.shape[0], value.shape[0], *[kernel] * rank], fan_in=4 * kernel)
        pads = [kernel // 2] * 2 * rank
        part = b.add("Conv", [value, weight], value.shape, kernel_shape=[kernel] * rank, pads=pads)
        parts.append(b.unary(part, "Relu", "Tanh"))
    if b.chance() and len(parts) * value.shape[0] <= _WIDEST:
        b.spell("Concat")
        shape = (len(parts) * value.shape[0], *extents)
        return b.add("Concat", parts, shape, axis=b.axis(1, value.rank))
    return b.add(b.spell("Sum"), parts, value.shape)


@element("ConstantOfShape beside the map")
def write_constant_of_shape(b: TrunkBuilder, value: Value) -> Value | None:
    """A map of one number: more channels, or added."""
    if b.chance():
        b.spell("Concat")
        other = (b.integer(1, 3), *value.shape[1:])
        filled = _filled(b, whole_shape(b, other, value), other)
        return _beside(b, value, filled)
    b.spell("Add")
    other = (1, *value.shape[1:])
    filled = _filled(b, whole_shape(b, other, value, batch=False), other)
    return b.add("Add", [value, filled], value.shape)


def _filled(b: TrunkBuilder, shape: str, extents: tuple[int, ...]) -> Value:
    content = helper.make_tensor("value", FLOAT, [1], [0.5])
    return b.add("ConstantOfShape", [shape], extents, value=content)


@element("border by ConstantOfShape and Concat")
def write_constant_border(b: TrunkBuilder, value: Value) -> Value | None:
    """A row of one number before the first or behind the last: a Pad written out."""
    axis = b.integer(2, value.rank - 1)
    shape = list(value.shape)
    shape[axis - 1] = 1
    filled = _filled(b, whole_shape(b, shape, value), tuple(shape))
    after = [*value.shape]
    after[axis - 1] = value.shape[axis - 1] + 1
    parts = [value, filled] if b.chance() else [filled, value]
    return b.add("Concat", parts, after, axis=b.axis(axis, value.rank))


@element("Expand beside the map")
def write_expand(b: TrunkBuilder, value: Value) -> Value | None:
    """A constant, or the map's own mean over the channels, expanded to the map's size."""
    ones = [1] * b.spatial_rank
    units = b.integer(1, 3)
    if b.chance():
        b.spell("constant")
        shape = (units, *value.shape[1:])
        data = b.weight([1, units, *ones])
        if b.chance():
            wide = b.add("Expand", [data, whole_shape(b, shape, value)], shape)
            return _beside(b, value, wide)
        shape = (value.shape[0], *value.shape[1:])
        data = b.weight([1, value.shape[0], *ones])
        wide = b.add("Expand", [data, whole_shape(b, shape, value, batch=False)], shape)
        return b.add("Add", [value, wide], value.shape)
    b.spell("along the channels")
    mean = b.reduce("ReduceMean", value, [1], keep=True)
    shape = (units, *value.shape[1:])
    wide = b.add("Expand", [mean, whole_shape(b, shape, value)], shape)
    return _beside(b, value, wide)


@element("constant map of equal cells")
def write_equal_cells(b: TrunkBuilder, value: Value) -> Value | None:
    """A constant as large as the map with one number a channel: an Expand that was folded."""
    numbers = b.normal([value.shape[0], *[1] * b.spatial_rank])
    tables = [np.broadcast_to(numbers, at(value.shape, index)) for index in range(SIZES)]
    table = b.constant(PerSize(tuple(array[None] for array in tables)))
    return b.add("Add", [value, table], value.shape)
