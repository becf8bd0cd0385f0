"""Elements at the border of a map: crops, pads, rolls; and every second cell."""

from collections.abc import Sequence
from itertools import product as combinations

import numpy as np

from .builder import Operand, TrunkBuilder, Value
from .elements import element
from .extents import at, smallest

_LARGEST_INT = {"int32": 2**31 - 1, "int64": 2**63 - 1}
_SMALLEST_CROPPED = 4
"""A crop of a smaller map could be either 'all but the last' or 'the first'."""


def cut(
    b: TrunkBuilder,
    value: Value,
    axes: Sequence[int],
    starts: Sequence[int],
    ends: Sequence[int],
    shape: Sequence[int],
    steps: Sequence[int] = (),
) -> Value:
    """A Slice; its bounds are attributes before opset 10, and it may name all axes or none."""
    if b.chance(4) and not any(at(s, 0) < 0 for s in steps):
        axes, starts, ends, steps = _all_axes(b, value, axes, starts, ends, steps)
    spelled = [b.axis(axis, value.rank) for axis in axes]
    if b.opset < 10:
        return b.add("Slice", [value], shape, axes=spelled, starts=list(starts), ends=list(ends))
    operands: list[Operand] = [value, b.integers(list(starts)), b.integers(list(ends))]
    if steps or len(axes) < value.rank or b.chance():
        operands.append(b.integers(spelled))
    if steps or (len(operands) > 3 and b.chance(3)):
        operands.append(b.integers(list(steps) or [1] * len(axes)))
    return b.add("Slice", operands, shape)


def _all_axes(
    b: TrunkBuilder,
    value: Value,
    axes: Sequence[int],
    starts: Sequence[int],
    ends: Sequence[int],
    steps: Sequence[int],
) -> tuple[list[int], list[int], list[int], list[int]]:
    """The same cut, with bounds for the axes too that it leaves whole."""
    cuts = dict(zip(axes, zip(starts, ends, steps or [1] * len(axes), strict=True), strict=True))
    for axis in range(value.rank):
        whole = value.shape[axis - 1] if axis else b.batch or _LARGEST_INT["int64"]
        cuts.setdefault(axis, (0, b.pick([whole, _LARGEST_INT["int64"]]), 1))
    b.spell("all axes")
    ordered = [cuts[axis] for axis in range(value.rank)]
    firsts, lasts, strides = ([bounds[i] for bounds in ordered] for i in range(3))
    return list(range(value.rank)), firsts, lasts, strides if steps else []


def _end(b: TrunkBuilder, extent: int) -> int:
    return b.pick([extent, extent, *_LARGEST_INT.values()])


def _axis_of(b: TrunkBuilder, value: Value, least: int = 1) -> int | None:
    """A spatial axis of at least that extent."""
    axes = [axis for axis, e in enumerate(value.shape[1:], 2) if smallest(e) >= least]
    return b.pick(axes) if axes else None


@element("Slice of a border", share=2)
def write_crop(b: TrunkBuilder, value: Value) -> Value | None:
    """None or one row from either side, bounds in any spelling; seldom every second row."""
    kept = [a for a, e in enumerate(value.shape[1:], 2) if smallest(e) >= _SMALLEST_CROPPED]
    axes = kept if b.chance() else kept[:1]
    if not axes:
        return None
    starts, ends, steps, shape = [], [], [], list(value.shape)
    for axis in axes:
        extent = value.shape[axis - 1]
        first, lost = b.integer(0, 1), b.integer(0, 1)
        step = b.pick([1, 1, 2]) if b.opset >= 10 else 1
        starts.append(b.pick([first, first, first - extent]))
        ends.append(b.pick([extent - 1, extent - 1, -1]) if lost else _end(b, extent))
        steps.append(step)
        shape[axis - 1] = (extent - first - lost + step - 1) // step
        b.spell(f"start {'negative' if starts[-1] < 0 else starts[-1]}")
        b.spell(f"end {'the last' if lost else 'the extent'}{' from the end' * (ends[-1] < 0)}")
    if any(step > 1 for step in steps):
        b.spell("step 2")
    return cut(b, value, axes, starts, ends, shape, steps if max(steps) > 1 else ())


@element("flip", 10)
def write_flip(b: TrunkBuilder, value: Value) -> Value | None:
    """A Slice with step -1, its bounds baked or not."""
    axis = b.integer(2, value.rank - 1)
    extent = value.shape[axis - 1]
    start = b.pick([extent - 1, -1])
    end = b.pick([-extent - 1, -_LARGEST_INT["int64"] - 1, -_LARGEST_INT["int32"]])
    return cut(b, value, [axis], [start], [end], value.shape, [-1])


@element("roll")
def write_roll(b: TrunkBuilder, value: Value) -> Value | None:
    """The first rows move behind the last, or the other way round."""
    axis = _axis_of(b, value, _SMALLEST_CROPPED)
    if axis is None:
        return None
    extent = value.shape[axis - 1]
    part, rest = list(value.shape), list(value.shape)
    part[axis - 1], rest[axis - 1] = 1, extent - 1
    if b.chance():
        b.spell("backwards")
        first = cut(b, value, [axis], [b.pick([extent - 1, -1])], [_end(b, extent)], part)
        second = cut(b, value, [axis], [0], [b.pick([extent - 1, -1])], rest)
    else:
        first = cut(b, value, [axis], [1], [_end(b, extent)], rest)
        second = cut(b, value, [axis], [0], [1], part)
    return b.add("Concat", [first, second], value.shape, axis=b.axis(axis, value.rank))


@element("border repeated by Slice and Concat")
def write_repeated_border(b: TrunkBuilder, value: Value) -> Value | None:
    """The first row once more before the first, and perhaps the last behind the last."""
    axis = _axis_of(b, value, _SMALLEST_CROPPED)
    if axis is None:
        return None
    extent = value.shape[axis - 1]
    part = list(value.shape)
    part[axis - 1] = 1
    parts = [cut(b, value, [axis], [0], [1], part), value]
    if b.chance():
        parts.append(cut(b, value, [axis], [b.pick([extent - 1, -1])], [_end(b, extent)], part))
    shape = list(value.shape)
    shape[axis - 1] = extent + len(parts) - 1
    return b.add("Concat", parts, shape, axis=axis) if b.fits(shape) else None


@element("focus", 10, ranks=(2,))
def write_focus(b: TrunkBuilder, value: Value) -> Value | None:
    """Every second row and column, four times, as channels."""
    channels, height, width = value.shape
    if height % 2 != 0 or width % 2 != 0 or channels > 6:
        return None
    halves = (channels, height // 2, width // 2)
    by_axis = b.chance()
    parts = []
    for first, second in combinations((0, 1), repeat=2):
        if by_axis:
            rows = (channels, height // 2, width)
            part = cut(b, value, [2], [first], [_end(b, height)], rows, [2])
            parts.append(cut(b, part, [3], [second], [_end(b, width)], halves, [2]))
        else:
            ends = [_end(b, height), _end(b, width)]
            parts.append(cut(b, value, [2, 3], [first, second], ends, halves, [2, 2]))
    return b.add("Concat", parts, (4 * channels, *halves[1:]), axis=1)


@element("Pad")
def write_pad(b: TrunkBuilder, value: Value) -> Value | None:
    """A border of zeros, of the map's own rows, or taken away."""
    extents = value.shape[1:]
    mode = b.pick(["constant", "reflect", "edge", "negative", *["wrap"] * (b.opset >= 19)])
    if mode != "constant" and any(smallest(extent) < 3 for extent in extents):
        return None
    begins = [b.integer(0, 2) if mode == "constant" else b.integer(0, 1) for _ in extents]
    ends = [b.integer(0, 1) for _ in extents]
    sign = -1 if mode == "negative" else 1
    pads = [sign * pad for pad in [0, 0, *begins, 0, 0, *ends]]
    shape = [e + sign * (x + y) for e, x, y in zip(extents, begins, ends, strict=True)]
    b.spell(mode)
    attribute = None if mode in ("constant", "negative") and b.chance() else mode
    attribute = "constant" if attribute == "negative" else attribute
    if b.opset < 11:
        return b.add("Pad", [value], (value.shape[0], *shape), mode=attribute, pads=pads)
    operands: list[Operand] = [value]
    if b.opset >= 18 and b.chance():
        axes = range(2, value.rank)
        operands += [b.integers(np.array(pads).reshape(2, -1)[:, 2:].ravel()), b.constant(0.0)]
        operands.append(b.integers([b.axis(axis, value.rank) for axis in axes]))
    else:
        operands.append(b.integers(pads))
        if b.chance():
            operands.append(b.constant(0.0))
    return b.add("Pad", operands, (value.shape[0], *shape), mode=attribute)
