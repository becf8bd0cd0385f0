"""Pools over a whole map, in every spelling: to ``[N, C, 1, 1]`` or ``[N, C]``."""

from collections.abc import Callable

from .builder import Operand, TrunkBuilder, Value
from .extents import smallest
from .targets import map_positions, view

Pool = Callable[[TrunkBuilder, Value], Value | None]

_SMALLEST_POOLED = 2
"""A kernel of one cell pools nothing: on such an axis it is no pool over the whole map."""


def pooled(b: TrunkBuilder, value: Value) -> Value | None:
    """A pool over the whole map; ``None`` where its spelling does not suit the map."""
    return _POOLS[b.pick(list(_POOLS))](b, value)


def _one_operator(name: str) -> Pool:
    def write(b: TrunkBuilder, value: Value) -> Value:
        b.spell(name)
        return b.add(name, [value], (value.shape[0], *[1] * b.spatial_rank))

    return write


def _kernel(name: str) -> Pool:
    """A pool whose kernel is as large as the map."""

    def write(b: TrunkBuilder, value: Value) -> Value | None:
        extents = list(value.shape[1:])
        if any(smallest(extent) < _SMALLEST_POOLED for extent in extents):
            return None
        b.spell(f"{name} as large as the map")
        strides = b.pick([None, extents, [1] * len(extents)])
        shape = (value.shape[0], *[1] * len(extents))
        return b.add(name, [value], shape, kernel_shape=extents, strides=strides)

    return write


def _reduction(name: str) -> Pool:
    def write(b: TrunkBuilder, value: Value) -> Value:
        keep = b.chance()
        b.spell(f"{name} keepdims={int(keep)}")
        axes = list(range(2, value.rank))
        if len(axes) > 1 and b.chance(4):
            b.spell("an axis at a time")
            for axis in axes[::-1]:
                value = b.reduce(name, value, [axis], keep=keep)
            return value
        return b.reduce(name, value, axes, keep=keep)

    return write


def _sum(b: TrunkBuilder, value: Value) -> Value:
    """A sum, divided by the number of cells baked in."""
    total = b.reduce("ReduceSum", value, list(range(2, value.rank)), keep=b.chance())
    cells = map_positions(value)
    if b.chance():
        b.spell("ReduceSum divided by the positions")
        return b.add("Div", [total, b.number(cells)], total.shape)
    b.spell("ReduceSum times one over the positions")
    inverse = b.number(cells, lambda count: 1.0 / count)
    operands: list[Operand] = [inverse, total] if b.chance() else [total, inverse]
    return b.add("Mul", operands, total.shape)


def _weighted(b: TrunkBuilder, value: Value) -> Value:
    """A mean with computed weights: both sums grow alike, and nothing is baked."""
    b.spell("weighted sum divided by the sum of weights")
    axes = list(range(2, value.rank))
    weights = b.add("Sigmoid", [value], value.shape)
    weighted = b.add("Mul", [value, weights], value.shape)
    total = b.reduce("ReduceSum", weighted, axes, keep=True)
    count = b.reduce("ReduceSum", weights, axes, keep=True)
    return b.add("Div", [total, count], total.shape)


def _merged(b: TrunkBuilder, value: Value) -> Value:
    """Positions merged by a Reshape, then reduced."""
    merged = view(b, value, (value.shape[0], map_positions(value)), like=value)
    name = b.pick(["ReduceMean", "ReduceMax", "ReduceSum"])
    b.spell(f"{name} of merged positions")
    if name != "ReduceSum":
        return b.reduce(name, merged, [2], keep=b.chance())
    total = b.reduce(name, merged, [2], keep=b.chance())
    return b.add("Div", [total, b.number(map_positions(value))], total.shape)


def _deviation(b: TrunkBuilder, value: Value) -> Value:
    """Standard deviation of the map: mean of squares, or sum of squares by ``H * W - 1``."""
    axes = list(range(2, value.rank))
    mean = b.reduce("ReduceMean", value, axes, keep=True)
    centred = b.add("Sub", [value, mean], value.shape)
    square = b.add("Mul", [centred, centred], value.shape)
    cells = map_positions(value)
    if cells >= 2 * _SMALLEST_POOLED and b.chance():
        b.spell("variance divided by the positions less one")
        total = b.reduce("ReduceSum", square, axes, keep=True)
        variance = b.add("Div", [total, b.number(cells - 1)], total.shape)
    else:
        b.spell("variance")
        variance = b.reduce("ReduceMean", square, axes, keep=True)
    shifted = b.add("Add", [variance, b.constant(0.01)], variance.shape)
    return b.add("Sqrt", [shifted], variance.shape)


_POOLS: dict[str, Pool] = {
    "GlobalAveragePool": _one_operator("GlobalAveragePool"),
    "ReduceMean": _reduction("ReduceMean"),
    "AveragePool": _kernel("AveragePool"),
    "MaxPool": _kernel("MaxPool"),
    "GlobalMaxPool": _one_operator("GlobalMaxPool"),
    "ReduceMax": _reduction("ReduceMax"),
    "ReduceSum": _sum,
    "weighted": _weighted,
    "merged": _merged,
    "deviation": _deviation,
}
