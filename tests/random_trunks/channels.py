"""Elements that regroup channels, or move cells into channels and back."""

from itertools import chain

from .builder import Operand, TrunkBuilder, Value
from .elements import element
from .targets import map_positions, view


@element("channel shuffle", share=2)
def write_shuffle(b: TrunkBuilder, value: Value) -> Value | None:
    """Groups of channels interleaved, through one axis more; the positions perhaps merged."""
    groups = b.small_number(value)
    value = b.in_multiples(value, groups)
    channels, extents = value.shape[0], value.shape[1:]
    if b.chance(4):
        b.spell("positions merged")
        split = view(b, value, [groups, channels // groups, map_positions(value)])
    else:
        split = view(b, value, [groups, channels // groups, *extents])
    turned = b.transpose(split, [0, 2, 1, *range(3, split.rank)])
    return view(b, turned, value.shape, like=value)


@element("maxout")
def write_maxout(b: TrunkBuilder, value: Value) -> Value | None:
    """The larger of every few channels, through one axis more."""
    parts = b.small_number(value)
    value = b.in_multiples(value, parts)
    split = view(b, value, [value.shape[0] // parts, parts, *value.shape[1:]])
    operator = b.spell(b.pick(["ReduceMax", "ReduceMean", "ReduceSum"]))
    return b.reduce(operator, split, [2], keep=False)


@element("Split of channels")
def write_split(b: TrunkBuilder, value: Value) -> Value | None:
    """Parts of the channels go their own ways and meet again."""
    parts = b.small_number(value)
    value = b.in_multiples(value, parts)
    units, extents = value.shape[0] // parts, value.shape[1:]
    axis = b.axis(1, value.rank)
    shapes = [(units, *extents)] * parts
    if b.chance():
        b.spell("Slice")
        pieces = [_channels(b, value, i * units, (i + 1) * units) for i in range(parts)]
    elif b.opset >= 18 and b.chance():
        b.spell("num_outputs")
        pieces = b.add_many("Split", [value], shapes, axis=axis, num_outputs=parts)
    elif b.opset >= 13:
        operands: list[Operand] = [value, b.integers([units] * parts)]
        pieces = b.add_many("Split", operands, shapes, axis=axis)
    else:
        pieces = b.add_many("Split", [value], shapes, axis=axis, split=[units] * parts)
    kind = b.pick(["convolutions", "swapped", "gated", "sum"])
    if kind == "gated":
        gate = b.unary(pieces[1], "Sigmoid", "Tanh")
        pieces = [b.add("Mul", [pieces[0], gate], shapes[0]), *pieces[2:]]
    elif kind == "sum":
        return b.add("Sum", pieces, shapes[0])
    elif kind == "convolutions":
        pieces = [b.conv1x1(piece, units) for piece in pieces]
    shape = (units * len(pieces), *extents)
    return b.add("Concat", pieces[::-1], shape, axis=b.axis(1, value.rank))


def _channels(b: TrunkBuilder, value: Value, start: int, end: int) -> Value:
    """Some of the channels."""
    shape = (end - start, *value.shape[1:])
    axis = b.axis(1, value.rank)
    if b.opset < 10:
        return b.add("Slice", [value], shape, axes=[axis], starts=[start], ends=[end])
    bounds = [b.integers([number]) for number in (start, end, axis)]
    return b.add("Slice", [value, *bounds], shape)


@element("Gather of channels")
def write_gather(b: TrunkBuilder, value: Value) -> Value | None:
    """The channels in another order."""
    order = b.permutation(value.shape[0])
    return b.add("Gather", [value, b.integers(order)], value.shape, axis=b.axis(1, value.rank))


@element("DepthToSpace", ranks=(2,))
def write_depth_to_space(b: TrunkBuilder, value: Value) -> Value | None:
    """The operator, in either order of channels."""
    _, height, width = value.shape
    after = (b.integer(1, 3), height * 2, width * 2)
    if not b.fits(after):
        return None
    value = b.conv1x1(value, 4 * after[0])
    mode = b.pick([None, "CRD"]) if b.opset >= 11 else None
    return b.add("DepthToSpace", [value], after, blocksize=2, mode=mode)


@element("SpaceToDepth", ranks=(2,))
def write_space_to_depth(b: TrunkBuilder, value: Value) -> Value | None:
    """The operator."""
    channels, height, width = value.shape
    if height % 2 != 0 or width % 2 != 0 or channels > 4:
        return None
    after = (4 * channels, height // 2, width // 2)
    return b.add("SpaceToDepth", [value], after, blocksize=2)


@element("pixel shuffle by Reshape")
def write_pixel_shuffle(b: TrunkBuilder, value: Value) -> Value | None:
    """Channels become cells: ``[N, C, 2, 2, H, W]`` and ``[N, C, H, 2, W, 2]`` on the way."""
    rank, extents = b.spatial_rank, value.shape[1:]
    after = (b.integer(1, 4), *(extent * 2 for extent in extents))
    if not b.fits(after):
        return None
    value = b.conv1x1(value, after[0] * 2**rank)
    twos = [2] * rank
    if b.chance():
        split = view(b, value, [after[0], *twos, *extents])
        first, factors = 2 + rank, 2
        places = [0, 1, *chain(*((first + i, factors + i) for i in range(rank)))]
    else:
        b.spell("channels last")
        split = view(b, value, [*twos, after[0], *extents])
        places = [0, 1 + rank, *chain(*((2 + rank + i, 1 + i) for i in range(rank)))]
    return view(b, b.transpose(split, places), after, like=value)


@element("space to depth by Reshape")
def write_patches(b: TrunkBuilder, value: Value) -> Value | None:
    """Cells become channels: every extent is split in two factors, the second a constant."""
    channels, extents = value.shape[0], value.shape[1:]
    factor = b.pick([2, 2, 3, 4])
    if any(extent % factor != 0 for extent in extents) or channels * factor**b.spatial_rank > 40:
        return None
    halves = [extent // factor for extent in extents]
    split = view(b, value, [channels, *chain(*((half, factor) for half in halves))])
    inner = range(3, split.rank, 2)
    outer = range(2, split.rank, 2)
    lead = b.pick([[1, *inner], [*inner, 1]])
    turned = b.transpose(split, [0, *lead, *outer])
    after = (channels * factor**b.spatial_rank, *halves)
    return b.conv1x1(view(b, turned, after, like=value), b.channels(value))


@element("group norm by Reshape", share=2)
def write_group_norm(b: TrunkBuilder, value: Value) -> Value | None:
    """InstanceNormalization of ``[N, G, -1]``, or of ``[1, N * G, -1]`` with a fixed batch."""
    groups = b.pick([b.small_number(value), 1])
    value = b.in_multiples(value, groups) if groups > 1 else value
    channels = value.shape[0]
    cells = map_positions(value)
    source_lead = 1
    if b.batch is not None and b.batch > 1 and b.chance(4):
        b.spell("batch merged")
        # Led by 1, which is no multiple of the batch: no spelling may copy it.
        source_lead = 0
        target = b.integers([1, b.batch * groups, -1])
        groups = b.batch * groups
        merged = b.add("Reshape", [value, target], (groups, channels * b.batch // groups * cells))
    elif b.chance():
        merged = view(b, value, [groups, channels // groups * cells])
    else:
        b.spell("[N, G, C/G, positions]")
        merged = view(b, value, [groups, channels // groups, cells])
    ones, zeros = b.constant([1.0] * groups), b.constant([0.0] * groups)
    normed = b.add("InstanceNormalization", [merged, ones, zeros], merged.shape)
    restored = view(b, normed, value.shape, source_lead=source_lead, like=value)
    spread = [1] * b.spatial_rank
    scaled = b.add("Mul", [restored, b.uniform([channels, *spread], 0.5, 1.5)], value.shape)
    return b.add("Add", [scaled, b.weight([channels, *spread], fan_in=4)], value.shape)


@element("GroupNormalization", 21)
def write_group_normalization(b: TrunkBuilder, value: Value) -> Value | None:
    """The operator."""
    groups = b.small_number(value)
    value = b.in_multiples(value, groups)
    operands: list[Operand] = [value, *(b.uniform(value.shape[:1], 0.5, 1.5) for _ in range(2))]
    return b.add("GroupNormalization", operands, value.shape, num_groups=groups)
