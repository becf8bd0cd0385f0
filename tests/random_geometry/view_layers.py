"""Layers that give the same elements another shape or order."""

from .builder import Builder, Unfit, Value
from .layers import convolved, layer, spatial_shape


def evened(b: Builder, value: Value) -> Value:
    """A map without its first position where it has an odd number of them."""
    starts = [extent % 2 for extent in value.extents]
    if not any(starts):
        return value
    ends, axes = b.integers([2**31 - 1] * b.rank), b.integers(range(2, 2 + b.rank))
    return b.add("Slice", [value, b.integers(starts), ends, axes])


@layer
def pixel_shuffle(b: Builder, value: Value) -> Value:
    """Channels become neighbours."""
    if b.rank != 2:
        raise Unfit
    many = convolved(b, value, 4 * b.integer(1, 2), kernel_shape=[1, 1])
    return b.add("DepthToSpace", [many], blocksize=2, mode=b.pick(["DCR", "CRD"]))


@layer
def pixel_shuffle_by_view(b: Builder, value: Value) -> Value:
    """Channels become neighbours, by Reshape and Transpose."""
    units = b.integer(1, 2)
    many = convolved(b, value, units * 2**b.rank, kernel_shape=[1] * b.rank)
    extents = spatial_shape(b, many)
    split = b.node("Concat", [b.integers([1, units, *[2] * b.rank]), extents], axis=0)
    apart = b.add("Reshape", [many, split])
    order = [0, 1]
    for axis in range(b.rank):
        order += [2 + b.rank + axis, 2 + axis]
    turned = b.add("Transpose", [apart], perm=order)
    doubled = b.node("Mul", [extents, b.integers([2])])
    return b.add("Reshape", [turned, b.node("Concat", [b.integers([1, units]), doubled], axis=0)])


@layer
def space_to_depth(b: Builder, value: Value) -> Value:
    """Neighbours become channels."""
    if b.rank != 2:
        raise Unfit
    return b.add("SpaceToDepth", [evened(b, value)], blocksize=2)


@layer
def space_to_depth_by_view(b: Builder, value: Value) -> Value:
    """Neighbours become channels, by Reshape and Transpose."""
    value = evened(b, value)
    extents = spatial_shape(b, value)
    halves = b.node("Div", [extents, b.integers([2])])
    two = b.integers([2])
    parts = [b.integers([1, value.channels])]
    for axis in range(b.rank):
        parts += [b.node("Gather", [halves, b.integers([axis])]), two]
    apart = b.add("Reshape", [value, b.node("Concat", parts, axis=0)])
    inner = [3 + 2 * axis for axis in range(b.rank)]
    outer = [2 + 2 * axis for axis in range(b.rank)]
    turned = b.add("Transpose", [apart], perm=[0, *inner, 1, *outer])
    units = value.channels * 2**b.rank
    return b.add("Reshape", [turned, b.node("Concat", [b.integers([1, units]), halves], axis=0)])


@layer
def channel_shuffle(b: Builder, value: Value) -> Value:
    """Channels of two groups interleaved."""
    if value.channels % 2:
        raise Unfit
    extents = spatial_shape(b, value)
    half = value.channels // 2
    split = b.node("Concat", [b.integers([1, 2, half]), extents], axis=0)
    apart = b.add("Reshape", [value, split])
    turned = b.add("Transpose", [apart], perm=[0, 2, 1, *range(3, 3 + b.rank)])
    joined = b.node("Concat", [b.integers([1, value.channels]), extents], axis=0)
    return b.add("Reshape", [turned, joined])


@layer
def tokens(b: Builder, value: Value) -> Value:
    """Positions merged into one axis, a matrix on every one, and back."""
    extents = spatial_shape(b, value)
    merged = b.add("Reshape", [value, b.integers([0, 0, -1])])
    last = b.add("Transpose", [merged], perm=[0, 2, 1])
    mixed = b.add("MatMul", [last, b.weight([value.channels, value.channels])])
    first = b.add("Transpose", [mixed], perm=[0, 2, 1])
    joined = b.node("Concat", [b.integers([1, value.channels]), extents], axis=0)
    return b.add("Reshape", [first, joined])


@layer
def channels_last(b: Builder, value: Value) -> Value:
    """A normalisation over channels, with the channels last for it."""
    last = b.add("Transpose", [value], perm=[0, *range(2, 2 + b.rank), 1])
    scaled = b.add("Mul", [last, b.weight([value.channels])])
    return b.add("Transpose", [scaled], perm=[0, 1 + b.rank, *range(1, 1 + b.rank)])


@layer
def mirror_twice(b: Builder, value: Value) -> Value:
    """The axes mirrored, a matrix on the channels, and mirrored back."""
    least = b.integers([-(2**31)] * b.rank)
    bounds = [b.integers([-1] * b.rank), least, b.integers(range(2, 2 + b.rank))]
    steps = b.integers([-1] * b.rank)
    turned = b.add("Slice", [value, *bounds, steps])
    mixed = convolved(b, turned, value.channels, kernel_shape=[1] * b.rank)
    return b.add("Slice", [mixed, *bounds, steps])


@layer
def roll(b: Builder, value: Value) -> Value:
    """Positions that leave on one side come in on the other."""
    axis = 2 + b.integer(0, b.rank - 1)
    if value.shape[axis] < 3:
        raise Unfit
    cut, end, along = b.integers([2]), b.integers([2**31 - 1]), b.integers([axis])
    behind = b.add("Slice", [value, cut, end, along])
    before = b.add("Slice", [value, b.integers([0]), cut, along])
    return b.add("Concat", [behind, before], axis=axis)
