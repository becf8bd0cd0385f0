"""Shapes as operands, spelled as exporters spell them: baked, half dynamic or dynamic."""

from collections.abc import Sequence
from itertools import pairwise

from .builder import BOOL, FLOAT, INT32, INT64, TrunkBuilder, Value
from .extents import depends, product

_LARGEST_FACTOR = 4

Entry = int | str
"""An entry of a shape: a number, or the name of a ``[1]`` tensor."""


def view(
    b: TrunkBuilder,
    value: Value,
    shape: Sequence[int],
    *,
    lead: int = 1,
    source_lead: int = 1,
    like: Value | None = None,
) -> Value:
    """A Reshape whose target is spelled in one of many ways.

    Args:
        b: the graph.
        value: what is reshaped.
        shape: extents of the result behind its first axis.
        lead: first axis of the result, as a multiple of the batch.
        source_lead: the same of ``value``.
        like: an earlier tensor, led by the batch, that a dynamic target may read.
    """
    candidates = [tensor for tensor in (like, value if source_lead == 1 else None) if tensor]
    spelling = b.pick(["baked", "with 0", "with -1", "half dynamic", "dynamic"])
    entries = _constant_target(b, value, shape, lead, source_lead, spelling)
    if spelling == "dynamic":
        entries = _measured([lead, *shape], b, candidates)
    if spelling == "half dynamic" or entries is None:
        spelling = "half dynamic"
        entries = [batch_entry(b, lead, candidates), *shape]
        if b.chance(4):
            entries[b.integer(1, len(shape))] = -1
    if depends([lead, *shape]):
        b.spell(f"target {spelling}")
    return b.add("Reshape", [value, concatenated(b, entries)], shape, value.dtype)


def _constant_target(
    b: TrunkBuilder, value: Value, shape: Sequence[int], lead: int, source_lead: int, spelling: str
) -> list[Entry] | None:
    """The target as numbers; ``None`` where they cannot say it that way."""
    first = -1 if b.batch is None else b.batch * lead
    if spelling == "baked":
        return [0 if first == -1 and lead == source_lead and b.chance() else first, *shape]
    if spelling == "with 0":
        kept = [
            0 if index < len(value.shape) and value.shape[index] == extent else extent
            for index, extent in enumerate(shape)
        ]
        first = 0 if lead == source_lead else first
        return [first, *kept] if 0 in [first, *kept] else None
    if spelling == "with -1":
        rest = list(shape)
        if first == -1 and lead != source_lead:
            return [first, *rest]
        rest[b.integer(0, len(rest) - 1)] = -1
        return [0 if first == -1 or (lead == source_lead and b.chance()) else first, *rest]
    return []


def whole_shape(b: TrunkBuilder, shape: Sequence[int], like: Value, *, batch: bool = True) -> str:
    """A shape without open entries, for Resize, Expand and ConstantOfShape.

    Args:
        b: the graph.
        shape: the extents behind the batch.
        like: a map that a dynamic shape may read.
        batch: whether the batch axis is the batch; 1 otherwise.
    """
    options = ["half dynamic", "dynamic"] if batch and b.batch is None else ["baked", "dynamic"]
    spelling = b.pick([*options[:1], *options])
    if batch and b.batch is not None and b.chance(4):
        spelling = "half dynamic"
    if spelling == "dynamic" and batch and like.shape == tuple(shape) and b.chance():
        b.spell("shape dynamic")
        return b.add("Shape", [like], [], INT64).name
    measured = _measured([1, *shape], b, [like]) if spelling == "dynamic" else None
    if measured is None or -1 in measured:
        spelling = options[0] if spelling == "dynamic" else spelling
        first: Entry = 1 if not batch else b.batch or -1
        measured = [first if spelling == "baked" else batch_entry(b, 1, [like]), *shape]
    elif not batch:
        measured[0] = 1
    if depends(list(shape)):
        b.spell(f"shape {spelling}")
    whole = concatenated(b, measured)
    return _through_where(b, whole, len(measured)) if b.chance(5) else whole


def _through_where(b: TrunkBuilder, shape: str, rank: int) -> str:
    """The detour that PyTorch's ``expand`` takes, where -1 means to leave an axis."""
    b.spell("shape through Where")
    ones = b.integers([1] * rank)
    left = b.add("Equal", [shape, b.integers([-1] * rank)], [], BOOL)
    return b.add("Where", [left, ones, shape], [], INT64).name


def batch_entry(b: TrunkBuilder, lead: int, candidates: Sequence[Value] = ()) -> str:
    """The batch, read at run time, times a constant."""
    first = dimension(b, b.pick([*candidates, b.image]), 0)
    return first if lead == 1 else b.add("Mul", [first, b.integers([lead])], [], INT64).name


def concatenated(b: TrunkBuilder, entries: Sequence[Entry]) -> str:
    """A shape tensor; numbers side by side are one constant, or each its own."""
    if all(isinstance(entry, int) for entry in entries):
        return b.integers(list(entries), "shape")
    apart = b.chance(3)
    parts: list[str] = []
    numbers: list[int] = []
    for entry in [*entries, ""]:
        if isinstance(entry, int) and not (apart and numbers):
            numbers.append(entry)
            continue
        if numbers:
            parts.append(b.integers(numbers, "shape"))
        numbers = [entry] if isinstance(entry, int) else []
        if isinstance(entry, str) and entry:
            parts.append(entry)
    joined = b.add("Concat", parts, [], INT64, axis=0)
    if b.chance(6):
        joined = b.add("Cast", [b.add("Cast", [joined], [], INT32, to=INT32)], [], INT64, to=INT64)
    return joined.name


def dimension(b: TrunkBuilder, value: Value, axis: int) -> str:
    """One extent of a tensor, read at run time: ``[1]``."""
    kind = b.pick(["number", "list", "slice", "start"])
    if kind == "start" and b.opset >= 15:
        return b.add("Shape", [value], [], INT64, start=axis, end=axis + 1).name
    whole = b.add("Shape", [value], [], INT64)
    if kind == "slice" and b.opset >= 10:
        bounds = [b.integers([number]) for number in (axis, axis + 1, 0)]
        return b.add("Slice", [whole, *bounds], [], INT64).name
    if kind == "list":
        return b.add("Gather", [whole, b.integers([axis])], [], INT64, axis=0).name
    number = b.add("Gather", [whole, b.integers(axis)], [], INT64, axis=0)
    if b.opset >= 13:
        return b.add("Unsqueeze", [number, b.integers([0])], [], INT64).name
    return b.add("Unsqueeze", [number], [], INT64, axes=[0]).name


def _measured(
    entries: Sequence[int], b: TrunkBuilder, candidates: Sequence[Value]
) -> list[Entry] | None:
    """A shape whose extents are all read at run time; one of them may be -1.

    The first entry is a multiple of the batch.
    """
    found: list[Entry] = [_measure(b, entry, candidates) or -1 for entry in entries[1:]]
    lead = _measure(b, entries[0], candidates)
    if found.count(-1) + (lead is None) > 1:
        return None
    first = batch_entry(b, 1, candidates)
    if lead is None:
        return [-1, *found]
    if lead != 1:
        scale = lead if isinstance(lead, str) else b.integers([lead])
        first = b.add("Mul", [first, scale], [], INT64).name
    return [first, *found]


def _measure(b: TrunkBuilder, extent: int, candidates: Sequence[Value]) -> Entry | None:
    """An extent computed from those of other tensors."""
    if not depends(extent):
        return extent
    for value in candidates:
        axes = list(enumerate(value.shape, 1))
        for axis, own in axes:
            if own == extent:
                return dimension(b, value, axis)
        for axis, own in axes:
            for factor in range(2, _LARGEST_FACTOR + 1):
                for operator, result in (("Div", own // factor), ("Mul", own * factor)):
                    if depends(own) and result == extent:
                        return _scaled(b, dimension(b, value, axis), operator, factor)
        for (first, left), (second, right) in pairwise(axes):
            if left * right == extent:
                operands = [dimension(b, value, first), dimension(b, value, second)]
                return b.add("Mul", operands, [], INT64).name
    return None


def _scaled(b: TrunkBuilder, extent: str, operator: str, factor: int) -> str:
    """An extent times or divided by a factor, in integers or rounded down from floats."""
    if b.chance():
        return b.add(operator, [extent, b.integers([factor])], [], INT64).name
    number = b.add("Cast", [extent], [], FLOAT, to=FLOAT)
    number = b.add(operator, [number, b.constant([float(factor)])], [], FLOAT)
    return b.add("Cast", [b.add("Floor", [number], [])], [], INT64, to=INT64).name


def map_positions(value: Value) -> int:
    """Cells of a map ``[N, C, *s]``."""
    return product(value.shape[1:])
