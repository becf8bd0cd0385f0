"""Operators that repeat, count or fill up to an extent that an operand gives."""

import numpy as np
import onnx_graphsurgeon as gs

from ..result import Rewrite, node_name
from .demands import global_gate
from .extents import Axes, Extent, grows, large, small
from .sources import Sources
from .trunk import Pair, Trunk, baked, smalls


def expand(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Expand: axes of one element repeated; a baked target becomes what the result meets."""
    data = global_gate(node, trunk)
    target = trunk.operand(node, "shape", 1)
    if target is None:
        raise baked(node, "no target")
    rank = max(len(data), len(target[0]))
    own = (((),) * (rank - len(data))) + data
    given = ((),) * (rank - len(target[0])) + trunk.as_extents(target, node.inputs[1])
    result = [
        _expanded(node, trunk, axis, extents)
        for axis, extents in enumerate(zip(own, given, strict=True))
    ]
    # An axis of the data that grows is taken as it is: 1 in the target.
    elements: Axes = tuple(
        () if own[a] and not _same(own[a], given[a]) else e for a, e in enumerate(result)
    )
    if any(not _same(a, b) for a, b in zip(elements, given, strict=True)):
        _resize_to(node, trunk, 1, elements, tuple(result))
    return [tuple(result)]


def _expanded(node: gs.Node, trunk: Trunk, axis: int, extents: tuple[Extent, Extent]) -> Extent:
    own, given = extents
    wanted = trunk.wants(node.outputs[0], axis)
    if wanted is not None and not own:
        return wanted
    if not own:
        return given
    if grows(own) and small(given) not in (1, small(own)):
        raise baked(node, f"{small(given)} repetitions of an axis that grows")
    return own


def _same(one: Extent, other: Extent) -> bool:
    """Whether extents agree at both sizes."""
    return small(one) == small(other) and large(one) == large(other)


def tile(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Tile: axes repeated; a baked number of times becomes what the result meets."""
    data = global_gate(node, trunk)
    repeats = trunk.operand(node, "repeats", 1)
    if repeats is None:
        raise baked(node, "no repeats")
    given = trunk.as_extents(repeats, node.inputs[1])
    counts: list[Extent] = []
    for axis, (own, times) in enumerate(zip(data, given, strict=True)):
        wanted = trunk.wants(node.outputs[0], axis)
        if grows(own) and times:
            raise baked(node, f"repetitions of axis {axis}, which grows")
        counts.append(times if wanted is None or own else wanted)
    result = tuple(trunk.extents.product(pair) for pair in zip(counts, data, strict=True))
    if any(not _same(a, b) for a, b in zip(counts, given, strict=True)):
        _resize_to(node, trunk, 1, tuple(counts), result)
    return [result]


def constant_of_shape(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """ConstantOfShape: baked extents become those that the result meets."""
    given = trunk.as_extents(trunk.value(node, node.inputs[0]), node.inputs[0])
    found = [trunk.wants(node.outputs[0], axis) for axis in range(len(given))]
    result = tuple(t if w is None else w for t, w in zip(given, found, strict=True))
    if any(not _same(a, b) for a, b in zip(result, given, strict=True)):
        _resize_to(node, trunk, 0, result, result)
    return [result]


def _resize_to(
    node: gs.Node, trunk: Trunk, index: int, elements: tuple[Extent, ...], result: Axes
) -> None:
    """Replace the operand that says the extents."""
    trunk.need(node, elements)
    before = f"{node.op} to {smalls(result)}"

    def edit(sources: Sources) -> Rewrite:
        node.inputs[index] = sources.vector(elements)
        return Rewrite(
            node=node_name(node), before=before, after=f"{node.op} to {trunk.text(result)}"
        )

    trunk.edits[id(node)] = edit


def count(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Range: the numbers up to a limit; a baked one becomes what the result meets."""
    start, limit, step = (trunk.value(node, tensor) for tensor in node.inputs)
    wanted = trunk.wants(node.outputs[0], 0)
    if wanted is None:
        return [trunk.as_extents(_lengths(start, limit, step), node.inputs[1])]
    trunk.need(node, [wanted])

    def edit(sources: Sources) -> Rewrite:
        end = sources.scalar(wanted, limit[0].dtype)
        node.inputs[1] = end
        after = f"Range to {trunk.text((wanted,))}"
        return Rewrite(node=node_name(node), before=f"Range to {limit[0].item()}", after=after)

    trunk.edits[id(node)] = edit
    return [(wanted,)]


def _lengths(start: Pair, limit: Pair, step: Pair) -> Pair:
    """Number of elements of a Range at both sizes."""
    at_small, at_large = (
        np.maximum(0, np.ceil((limit[i] - start[i]) / step[i])).astype(np.int64) for i in (0, 1)
    )
    return at_small, at_large


RULES = {
    "ConstantOfShape": constant_of_shape,
    "Expand": expand,
    "Range": count,
    "Tile": tile,
}
