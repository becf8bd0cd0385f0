"""Layers with branches that meet again, global ones among them."""

from .builder import Builder, Unfit, Value
from .layers import convolved, layer, spatial_shape
from .window_layers import same

_MOST_CHANNELS = 16


@layer
def down_and_up(b: Builder, value: Value) -> Value:
    """A smaller map, resized to the map itself and added (FPN)."""
    smaller = convolved(b, value, value.channels, kernel_shape=[2] * b.rank, strides=[2] * b.rank)
    leading = b.integers([1, value.channels])
    sizes = b.node("Concat", [leading, spatial_shape(b, value)], axis=0)
    up = b.add(
        "Resize",
        [smaller, "", "", sizes],
        mode=b.pick(["nearest", "linear"]),
        coordinate_transformation_mode=b.pick(["asymmetric", "half_pixel"]),
        nearest_mode="floor",
    )
    return b.add("Add", [value, up])


@layer
def shortcut(b: Builder, value: Value) -> Value:
    """Two branches added."""
    worked = same(b, value)
    straight = convolved(b, value, worked.channels, kernel_shape=[1] * b.rank)
    return b.add("Add", [worked, straight])


@layer
def cut_shortcut(b: Builder, value: Value) -> Value:
    """An unpadded branch, and one that is cut to its extents."""
    worked = convolved(b, value, value.channels, kernel_shape=[3] * b.rank)
    start = b.pick([1, 1, 0, 2])
    ends = [start - 2 or 2**31 - 1] * b.rank
    axes = b.integers(range(2, 2 + b.rank))
    cut = b.add("Slice", [value, b.integers([start] * b.rank), b.integers(ends), axes])
    return b.add("Add", [worked, cut])


@layer
def beside(b: Builder, value: Value) -> Value:
    """Two branches side by side."""
    if value.channels > _MOST_CHANNELS:
        raise Unfit
    worked = b.add(
        b.pick(["MaxPool", "AveragePool"]),
        [value],
        kernel_shape=[3] * b.rank,
        pads=[1] * 2 * b.rank,
    )
    return b.add("Concat", [value, worked], axis=1)


@layer
def picked_channels(b: Builder, value: Value) -> Value:
    """All channels but the first or the last one, as the size is even or odd, or a fixed choice."""
    if value.channels < 2:
        raise Unfit
    first = b.node("Gather", [spatial_shape(b, value), b.integers([0])], axis=0)
    start = b.node("Mod", [first, b.integers([b.pick([1, 2])])])
    channels = b.node("Add", [start, b.integers(range(value.channels - 1))])
    return b.add("Gather", [value, channels], axis=1)


@layer
def gate(b: Builder, value: Value) -> Value:
    """Squeeze and excite."""
    pooled = b.add(b.pick(["GlobalAveragePool", "GlobalMaxPool"]), [value])
    mixed = convolved(b, pooled, value.channels, kernel_shape=[1] * b.rank)
    return b.add("Mul", [value, b.add("Sigmoid", [mixed])])


@layer
def row_context(b: Builder, value: Value) -> Value:
    """The mean of every row goes into it."""
    axis = b.integers([2 + b.integer(0, b.rank - 1)])
    mean = b.add("ReduceMean", [value, axis], keepdims=1)
    return b.add("Add", [value, mean])


@layer
def instance_norm(b: Builder, value: Value) -> Value:
    """Statistics of the whole map."""
    scale, shift = b.weight([value.channels]), b.weight([value.channels])
    return b.add("InstanceNormalization", [value, scale, shift])


@layer
def attention(b: Builder, value: Value) -> Value:
    """Every position looks at every other."""
    extents = spatial_shape(b, value)
    keys = b.add("Reshape", [value, b.integers([0, 0, -1])])
    queries = b.add("Transpose", [keys], perm=[0, 2, 1])
    scores = b.add("Softmax", [b.add("MatMul", [queries, keys])], axis=-1)
    mixed = b.add("Transpose", [b.add("MatMul", [scores, queries])], perm=[0, 2, 1])
    joined = b.node("Concat", [b.integers([1, value.channels]), extents], axis=0)
    return b.add("Add", [value, b.add("Reshape", [mixed, joined])])
