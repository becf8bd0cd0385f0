"""Elements that look at the whole map and meet it again: squeeze-and-excite and its kin."""

from typing import Any

from .builder import Operand, TrunkBuilder, Value
from .elements import element
from .extents import smallest
from .pools import pooled
from .targets import map_positions, view, whole_shape


@element("squeeze-and-excite", share=6)
def write_gate(b: TrunkBuilder, value: Value) -> Value | None:
    """A pool, dense layers, a sigmoid; the gate perhaps spread to the map's size; a product."""
    pool = pooled(b, value)
    if pool is None:
        return None
    gate = _excited(b, pool, value)
    return _met(b, value, gate)


def _excited(b: TrunkBuilder, pool: Value, value: Value) -> Value:
    """Dense layers on the pooled vector, and its axes back: ``[N, C, 1, 1]``."""
    channels, ones = value.shape[0], [1] * b.spatial_rank
    kind = b.pick(["Conv", "Gemm", "MatMul", "along the channels"])
    if kind == "Conv":
        b.spell("excited by Conv")
        square = _ones_back(b, pool, ones) if pool.rank != value.rank else pool
        hidden = b.unary(b.conv1x1(square, b.pick([2, 3])), "Relu", "LeakyRelu")
        return b.unary(b.conv1x1(hidden, channels), "Sigmoid", "HardSigmoid")
    vector = _flat(b, pool, channels)
    if kind == "along the channels":
        b.spell("excited by Conv along the channels")
        row = b.unsqueeze(vector, [1])
        weight = b.weight([1, 1, 3], fan_in=3)
        mixed = b.add("Conv", [row, weight], row.shape, kernel_shape=[3], pads=[1, 1])
        gate = b.squeeze(b.unary(mixed, "Sigmoid"), [1])
    else:
        b.spell(f"excited by {kind}")
        hidden = b.unary(_dense(b, vector, b.pick([2, 3]), kind), "Relu", "Tanh")
        gate = b.unary(_dense(b, hidden, channels, kind), "Sigmoid", "HardSigmoid")
    return _ones_back(b, gate, ones)


def _flat(b: TrunkBuilder, pool: Value, channels: int) -> Value:
    """``[N, C]``, however the pool left it."""
    if pool.rank == 2:
        return pool
    kind = b.pick(["Flatten", "Reshape", "Squeeze"])
    if kind == "Flatten":
        return b.add("Flatten", [pool], (channels,), axis=b.pick([None, b.axis(1, pool.rank)]))
    if kind == "Squeeze":
        return b.squeeze(pool, list(range(2, pool.rank)))
    return view(b, pool, (channels,))


def _dense(b: TrunkBuilder, vector: Value, units: int, kind: str) -> Value:
    weight = b.weight([vector.shape[0], units], fan_in=vector.shape[0])
    if kind == "MatMul":
        return b.add("MatMul", [vector, weight], (units,))
    return b.add("Gemm", [vector, weight, b.weight([units], fan_in=4)], (units,))


def _ones_back(b: TrunkBuilder, vector: Value, ones: list[int]) -> Value:
    """``[N, C, 1, 1]`` of a vector, or of one with fewer such axes."""
    channels = vector.shape[0]
    if vector.rank == 2 and b.chance():
        return b.unsqueeze(vector, list(range(2, 2 + len(ones))))
    return view(b, vector, (channels, *ones))


def _met(b: TrunkBuilder, value: Value, gate: Value) -> Value:
    """The gate times the map, perhaps after it was spread to the map's size."""
    spread = b.pick(["broadcast", "broadcast", "Expand", "Tile", "Resize"])
    extents = value.shape[1:]
    if spread == "Expand":
        b.spell("Expand")
        kind = b.pick([value.shape, (1, *extents)])
        batch = kind == value.shape
        gate = b.add("Expand", [gate, whole_shape(b, kind, value, batch=batch)], value.shape)
    elif spread == "Tile":
        b.spell("Tile")
        gate = b.add("Tile", [gate, b.integers([1, 1, *extents])], value.shape)
    elif spread == "Resize" and b.opset >= 11 and b.spatial_rank == 2:
        b.spell("Resize")
        gate = _resized(b, gate, value)
    if gate.shape == value.shape and b.chance(4):
        joined = (2 * value.shape[0], *extents)
        return b.add("Concat", [value, gate], joined, axis=1)
    operands = [gate, value] if b.chance() else [value, gate]
    return b.add(b.pick(["Mul", "Mul", "Add"]), operands, value.shape)


def _resized(b: TrunkBuilder, gate: Value, value: Value) -> Value:
    """One cell, resized to the map."""
    roi, scales = b.constant([]), b.constant([])
    mode = b.pick(["nearest", "linear"])
    operands: list[Operand] = [gate, roi if b.opset < 13 else "", scales]
    if b.opset >= 13:
        operands[2] = ""
    operands.append(whole_shape(b, (gate.shape[0], *value.shape[1:]), value))
    shape = (gate.shape[0], *value.shape[1:])
    return b.add("Resize", operands, shape, mode=mode)


@element("image pooling", 11, ranks=(2,), share=2)
def write_image_pooling(b: TrunkBuilder, value: Value) -> Value | None:
    """The pooled map, resized to the map and put beside it."""
    pool = pooled(b, value)
    if pool is None:
        return None
    square = _ones_back(b, pool, [1, 1]) if pool.rank != 4 else pool
    units = b.integer(1, 4)
    spread = _resized(b, b.conv1x1(square, units), value)
    shape = (value.shape[0] + units, *value.shape[1:])
    return b.add("Concat", [value, spread], shape, axis=b.axis(1, 4))


@element("simple attention")
def write_simple_attention(b: TrunkBuilder, value: Value) -> Value | None:
    """SimAM: every cell's distance from the mean, by the variance over ``H * W - 1``."""
    cells = map_positions(value)
    if smallest(cells) < 4:
        return None
    axes = list(range(2, value.rank))
    mean = b.reduce("ReduceMean", value, axes, keep=True)
    centred = b.add("Sub", [value, mean], value.shape)
    square = b.add("Pow", [centred, b.constant(2.0)], value.shape)
    total = b.reduce("ReduceSum", square, axes, keep=True)
    variance = b.add("Div", [total, b.number(cells - 1)], total.shape)
    scaled = b.add("Mul", [variance, b.constant(4.0)], total.shape)
    shifted = b.add("Add", [scaled, b.constant(0.1)], total.shape)
    energy = b.add("Div", [square, shifted], value.shape)
    return b.add("Mul", [value, b.unary(energy, "Sigmoid")], value.shape)


@element("global response normalisation")
def write_response_normalisation(b: TrunkBuilder, value: Value) -> Value | None:
    """The L2 norm of every channel's map, by its mean over the channels."""
    norm = b.reduce("ReduceL2", value, list(range(2, value.rank)), keep=True)
    mean = b.reduce("ReduceMean", norm, [1], keep=True)
    shifted = b.add("Add", [mean, b.constant(1e-6)], mean.shape)
    scale = b.add("Div", [norm, shifted], norm.shape)
    scaled = b.add("Mul", [value, scale], value.shape)
    return b.add("Add", [value, scaled], value.shape)


@element("attention to cells")
def write_spatial_attention(b: TrunkBuilder, value: Value) -> Value | None:
    """The mean and the largest of the channels, convolved to one weight a cell."""
    parts = [b.reduce(name, value, [1], keep=True) for name in ("ReduceMean", "ReduceMax")]
    extents = value.shape[1:]
    joined = b.add("Concat", parts, (2, *extents), axis=b.axis(1, value.rank))
    rank = b.spatial_rank
    weight = b.weight([1, 2, *[3] * rank], fan_in=3)
    attributes: dict[str, Any] = {"kernel_shape": [3] * rank, "pads": [1] * 2 * rank}
    scores = b.add("Conv", [joined, weight], (1, *extents), **attributes)
    return b.add("Mul", [value, b.unary(scores, "Sigmoid")], value.shape)


@element("coordinate attention", ranks=(2,))
def write_coordinate_attention(b: TrunkBuilder, value: Value) -> Value | None:
    """Means along either axis, joined, convolved, and split by the map's extents."""
    channels, height, width = value.shape
    if smallest(height) < 2 or smallest(width) < 2:
        return None
    column, row = _mean_along(b, value, 3), _mean_along(b, value, 2)
    turned = b.transpose(row, [0, 1, 3, 2])
    joined = b.add("Concat", [column, turned], (channels, height + width, 1), axis=2)
    mixed = b.unary(b.conv1x1(joined, channels), "Relu", "Tanh")
    shapes = [(channels, height, 1), (channels, width, 1)]
    if b.opset >= 13:
        lengths = b.integers([height, width])
        halves = b.add_many("Split", [mixed, lengths], shapes, axis=2)
    else:
        halves = b.add_many("Split", [mixed], shapes, axis=2, split=[height, width])
    down, right = (b.unary(b.conv1x1(half, channels), "Sigmoid") for half in halves)
    gated = b.add("Mul", [value, down], value.shape)
    return b.add("Mul", [gated, b.transpose(right, [0, 1, 3, 2])], value.shape)


def _mean_along(b: TrunkBuilder, value: Value, axis: int) -> Value:
    if b.chance():
        b.spell("AveragePool along an axis")
        kernel = [value.shape[i - 1] if i == axis else 1 for i in (2, 3)]
        shape = [1 if i == axis else extent for i, extent in enumerate(value.shape, 1)]
        return b.add("AveragePool", [value], shape, kernel_shape=kernel)
    b.spell("ReduceMean along an axis")
    return b.reduce("ReduceMean", value, [axis], keep=True)
