"""Operators that cut, pad or pick along an axis."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import onnx_graphsurgeon as gs

from ..opsets import SLICE_BOUNDS_AS_INPUTS
from ..result import Rewrite, node_name
from .extents import Axes, Extent, fixed, grows, large, small
from .sources import Sources
from .strided import strided_view
from .trunk import Trunk, baked

Bounds = tuple[int | Extent, int | Extent]
"""Start and end of a cut."""

_END = np.iinfo(np.int64).max
FAR = np.iinfo(np.int32).max
"""Bounds of a Slice from here on mean the end of the axis."""


def slice_axes(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """A cut keeps its distance from both ends of an axis, or takes the size of what it meets."""
    data = list(trunk.axes(node, node.inputs[0]))
    starts, ends = trunk.operand(node, "starts", 1), trunk.operand(node, "ends", 2)
    if starts is None or ends is None:
        raise baked(node, "no bounds")
    places, strides = _cut_axes(node, trunk, len(starts[0]), len(data))
    bounds: list[Bounds] = []
    for index, (axis, step) in enumerate(zip(places, strides, strict=True)):
        extent = data[axis]
        start, end = int(starts[0][index]), int(ends[0][index])
        larger = int(starts[1][index]), int(ends[1][index])
        wanted = trunk.wants(node.outputs[0], axis)
        part = _part(trunk, extent, start, end) if step == 1 else None
        bounds.append((start, end))
        if wanted is not None:
            data[axis] = wanted
            bounds[-1] = start, wanted
        elif part is not None:
            data[axis], bounds[-1] = part
        elif larger != (start, end) and grows(extent):
            data[axis] = _computed_extent(trunk, extent, (start, end), larger, step)
        elif grows(extent):
            start, end = relative_bounds(node, small(extent), start, end, step)
            data[axis] = cut_extent(trunk, extent, (start, end), step)
            bounds[-1] = start, end
        else:
            data[axis] = fixed(len(range(small(extent))[slice(*_clipped(start, end, step))]))
    olds = [(int(a), int(b)) for a, b in zip(starts[0], ends[0], strict=True)]
    if bounds != olds:
        if not (np.array_equal(*starts) and np.array_equal(*ends)):
            raise baked(node, "bounds of which some are computed")
        _rebound(node, trunk, bounds, olds)
    return [tuple(data)]


def _part(trunk: Trunk, extent: Extent, start: int, end: int) -> tuple[Extent, Bounds] | None:
    """One of two axes that were put one behind the other, where a cut takes it apart again."""
    parts = trunk.extents.parts(extent)
    if len(parts) != 2 or start < 0 or end < 0:
        return None
    first, total = small(parts[0]), small(extent)
    if (start, end) == (0, first):
        return parts[0], (0, parts[0])
    if start == first and end >= total:
        return parts[1], (parts[0], _END)
    return None


def cut_of(node: gs.Node, trunk: Trunk, axis: int) -> tuple[int, int, int] | None:
    """Start, end and step of a Slice along an axis; ``None`` where they are computed."""
    starts, ends = trunk.operand(node, "starts", 1), trunk.operand(node, "ends", 2)
    if starts is None or ends is None:
        return None
    rank = len(trunk.axes(node, node.inputs[0]))
    places, strides = _cut_axes(node, trunk, len(starts[0]), rank)
    if axis not in places:
        return None
    index = places.index(axis)
    pairs = [(int(a[index]), int(b[index])) for a, b in (starts, ends)]
    constant = [a for a, b in pairs if a == b]
    return (constant[0], constant[1], strides[index]) if len(constant) == 2 else None


def cut_places(node: gs.Node, trunk: Trunk) -> list[int]:
    """Axes that a Slice cuts."""
    starts = trunk.operand(node, "starts", 1)
    rank = len(trunk.axes(node, node.inputs[0]))
    return _cut_axes(node, trunk, 0 if starts is None else len(starts[0]), rank)[0]


def _cut_axes(node: gs.Node, trunk: Trunk, count: int, rank: int) -> tuple[list[int], list[int]]:
    """Axes that a Slice cuts, and the step of each."""
    axes = trunk.constant_operand(node, "axes", 3)
    steps = trunk.constant_operand(node, "steps", 4)
    places = list(range(count)) if axes is None else [int(axis) % rank for axis in axes]
    return places, [1] * count if steps is None else steps.tolist()


def _clipped(start: int, end: int, step: int) -> tuple[int, int | None, int]:
    """Bounds as Python's slices take them: an end far below zero is before the first element."""
    return start, None if step < 0 and end <= -FAR else end, step


def relative_bounds(node: gs.Node, extent: int, start: int, end: int, step: int) -> tuple[int, int]:
    """Bounds as distances from the end of the axis that they are closer to.

    What was baked does not tell an end from a number of rows; borders are narrower than maps.
    """
    if not range(extent)[slice(*_clipped(start, end, step))]:
        raise baked(node, f"an empty cut from {start} to {end}")
    if step > 0:
        first = max(0, start + extent if start < 0 else start)
        last = end + extent if end < 0 else end
        start = first if 2 * first <= extent else first - extent
        end = _END if last >= extent else last - extent if 2 * last >= extent else last
    else:
        first = min(extent - 1, start + extent if start < 0 else start)
        last = end + extent if -extent <= end < 0 else end
        start = first - extent if 2 * first >= extent - 1 else first
        end = -_END if last < 0 else last if 2 * last <= extent else last - extent
    return start, end


def cut_extent(trunk: Trunk, extent: Extent, bounds: tuple[int, int], step: int) -> Extent:
    """Positions of a cut."""
    counts = [
        len(range(total)[slice(*_clipped(*bounds, step))])
        for total in (small(extent), large(extent))
    ]
    if counts[0] == counts[1]:
        return fixed(counts[0])
    start, end = bounds
    if step > 0:
        lost = start + (-end if end < 0 else 0)
    else:
        lost = -1 - start + (end + 1 if end >= 0 else 0)
    return trunk.extents.strided(extent, -lost - 1, abs(step))


def _computed_extent(
    trunk: Trunk,
    extent: Extent,
    at_small: tuple[int, int],
    at_large: tuple[int, int],
    step: int,
) -> Extent:
    """Positions of a cut whose bounds are computed from shapes."""
    counts = [
        len(range(total)[slice(*_clipped(*bounds, step))])
        for total, bounds in ((small(extent), at_small), (large(extent), at_large))
    ]
    if counts[0] == counts[1]:
        return fixed(counts[0])
    return trunk.extents.growing(counts[0], counts[1], "cut", extent, at_small, at_large, step)


def _rebound(
    node: gs.Node,
    trunk: Trunk,
    bounds: Sequence[Bounds],
    olds: Sequence[tuple[int, int]],
) -> None:
    computed = [bound for bound in chain.from_iterable(bounds) if not isinstance(bound, int)]
    if computed and trunk.opset < SLICE_BOUNDS_AS_INPUTS:
        raise baked(node, "bounds that this opset cannot compute")
    trunk.need(node, computed)

    def edit(sources: Sources) -> Rewrite:
        starts, ends = [start for start, _ in bounds], [end for _, end in bounds]
        if "starts" in node.attrs:
            node.attrs["starts"], node.attrs["ends"] = starts, ends
        else:
            for place, now, was in ((1, starts, 0), (2, ends, 1)):
                if now != [pair[was] for pair in olds]:
                    node.inputs[place] = sources.elements(now)
        return Rewrite(
            node=node_name(node), before=bounds_text(trunk, olds), after=bounds_text(trunk, bounds)
        )

    trunk.edits[id(node)] = edit


def bounds_text(trunk: Trunk, bounds: Sequence[Bounds]) -> str:
    """Bounds for people, such as ``Slice 1:, :height/4``."""
    texts = [f"{_text(trunk, start)}:{_text(trunk, end)}" for start, end in bounds]
    return f"Slice {', '.join(texts)}"


def _text(trunk: Trunk, bound: int | Extent) -> str:
    if isinstance(bound, int):
        return "" if bound >= FAR else str(bound)
    return trunk.text((bound,)).strip("[]")


def pad(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Elements are added at, or cut off from, both ends of an axis."""
    data = trunk.axes(node, node.inputs[0])
    pads = trunk.operand(node, "pads", 1) if "paddings" not in node.attrs else None
    if pads is None:
        raise baked(node, "no pads")
    chosen = trunk.constant_operand(node, "axes", 3)
    places = range(len(data)) if chosen is None else [int(axis) % len(data) for axis in chosen]
    result = list(data)
    for index, axis in enumerate(places):
        more, larger = (int(value[index]) + int(value[index + len(places)]) for value in pads)
        if more == larger:
            result[axis] = trunk.extents.shifted(data[axis], more)
        else:
            result[axis] = _grown_by(trunk, data[axis], more, larger)
    return [tuple(result)]


def _grown_by(trunk: Trunk, extent: Extent, more: int, larger: int) -> Extent:
    """An axis whose pads are computed from shapes."""
    totals = small(extent) + more, large(extent) + larger
    if totals[0] == totals[1]:
        return fixed(totals[0])
    return trunk.extents.growing(*totals, "padded", extent, more, larger)


def gather(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Elements along an axis, which must not be one that grows; of a table, any number of them."""
    data, indices = (trunk.axes(node, tensor) for tensor in node.inputs)
    axis = int(node.attrs.get("axis", 0)) % len(data)
    if len(data) == 1 and grows(data[0]) and node.inputs[1] in trunk.constants:
        return [strided_view(node, trunk, data[0])]
    if grows(data[axis]):
        raise baked(node, f"that it picks from axis {axis}, which grows")
    if any(map(grows, indices)) and node.inputs[0] not in trunk.constants:
        raise baked(node, "indices that are computed from the map")
    return [(*data[:axis], *indices, *data[axis + 1 :])]


def gather_nd(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Elements, or what is behind them, by indices along the first axes; none of them may grow."""
    data, indices = (trunk.axes(node, tensor) for tensor in node.inputs)
    if node.attrs.get("batch_dims", 0):
        raise baked(node, "indices of each sample's own")
    if any(map(grows, indices)):
        raise baked(node, "indices that are computed from the map")
    depth = small(indices[-1])
    trunk.refuse_growing(node, range(depth))
    return [(*indices[:-1], *data[depth:])]


RULES = {"Gather": gather, "GatherND": gather_nd, "Pad": pad, "Slice": slice_axes}
