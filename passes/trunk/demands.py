"""Find the node that fixes an extent, where another tensor says what the extent stands for.

A gate that was expanded to 56x56, a map that was resized to the size of another, a pool whose
kernel is the whole map: at the node itself nothing tells what the numbers mean. Where the result
meets a tensor that grows with the image, that tensor does.
"""

from collections.abc import Callable
from math import prod

import numpy as np
import onnx_graphsurgeon as gs

from ..gates import meets_map
from ..operators import POOLS, UNARY, VARIADIC
from ..result import Refused
from ..use_def import is_standard, producer
from .cuts import FAR, cut_of, cut_places
from .extents import Axes, Extent, grows, small
from .sliding import covers_axis, keeps_extent
from .trunk import Again, Pair, Trunk, operands

Place = tuple[gs.Tensor, int]
"""An axis of a tensor."""

_SAME_AXES = UNARY | {"BatchNormalization", "Clip", "Dropout", "InstanceNormalization"}


def ask(
    node: gs.Node,
    trunk: Trunk,
    tensor: gs.Tensor,
    axis: int,
    wanted: Extent,
    *,
    broadcasts: bool = False,
) -> bool:
    """Let the node that fixes an axis take another extent.

    Args:
        node: where it turned out that the axis must be another.
        trunk: the trunk.
        tensor: an operand of that node.
        axis: its axis.
        wanted: what the extent stands for; empty where a pool must be global.
        broadcasts: whether an axis of one element would do as well.

    Returns:
        False where no node can take the extent.

    Raises:
        Again: at the first node that takes it.
    """
    places = _fixed_places(trunk, tensor, axis, wanted)
    if not places or any(trunk.wants(*place) not in (None, ()) for place in places):
        return False
    if not wanted and any(trunk.wants(*place) == () for place in places):
        return False
    raise Again(min(_note_wanted(node, trunk, *place, wanted, broadcasts) for place in places))


def global_gate(node: gs.Node, trunk: Trunk) -> Axes:
    """Axes of the data of a view or of a node that repeats cells.

    Where a gate's pool before it has a kernel as large as the map, it must become a global pool:
    a view would merge the cells of a pool that slides, and what repeats one cell has no use for
    others.

    Raises:
        Again: there is such a pool.
    """
    data = trunk.axes(node, node.inputs[0])
    for axis, extent in enumerate(data):
        if grows(extent) and small(extent) == 1:
            ask(node, trunk, node.inputs[0], axis, ())
    return data


def _note_wanted(
    node: gs.Node, trunk: Trunk, tensor: gs.Tensor, axis: int, wanted: Extent, broadcasts: bool
) -> int:
    """Note the extent that an axis must take; returns the place of the node that takes it."""
    maker = producer(tensor)
    if maker is None or _is_stored(trunk, tensor):
        trunk.fill(tensor, axis, () if broadcasts else wanted, before=node)
        return trunk.position[id(node)]
    # A pool that is global on one axis is so on all that its kernel covers.
    every = range(2, len(trunk.axes(node, tensor))) if not wanted else [axis]
    for place in every:
        if wanted or covers_axis(maker, trunk, place):
            trunk.wanted[(id(tensor), place)] = wanted
    return trunk.position[id(maker)]


def _fixed_places(trunk: Trunk, tensor: gs.Tensor, axis: int, wanted: Extent) -> list[Place] | None:
    """Axes of tensors whose nodes fix the extent of an axis; ``None`` where one cannot change."""
    places: list[Place] = []
    pending, seen = [(tensor, axis)], set()
    while pending:
        place = pending.pop()
        if (id(place[0]), place[1]) in seen:
            continue
        seen.add((id(place[0]), place[1]))
        node = producer(place[0])
        if node is None or _is_stored(trunk, place[0]):
            if not _is_uniform(trunk, *place):
                return None
            places.append(place)
            continue
        try:
            if _fixes(node, trunk, place[1], wanted):
                places.append(place)
                continue
            sources = _sources(node, trunk, place, wanted)
        except Refused:
            return None
        if not sources:
            return None
        pending += sources
    return places


def _is_stored(trunk: Trunk, tensor: gs.Tensor) -> bool:
    """Whether a tensor has its values from no node that fixes an extent."""
    node = producer(tensor)
    return node is None or (tensor in trunk.constants and node.op not in _FIXES)


def _is_uniform(trunk: Trunk, tensor: gs.Tensor, axis: int) -> bool:
    """Whether a constant has the same values all along an axis."""
    if tensor not in trunk.constants or len(tensor.outputs) != 1:
        return False
    values = trunk.constants.values(tensor)
    return bool(np.all(values == values.take([0], axis=axis)))


def _fixes(node: gs.Node, trunk: Trunk, axis: int, wanted: Extent) -> bool:
    """Whether the extent of an axis is one that the node itself fixes."""
    if not wanted:
        # A pool of a head slides; one whose answer meets the map again is a gate's.
        return (
            is_standard(node, *POOLS)
            and covers_axis(node, trunk, axis)
            and meets_map(trunk.graph, node, trunk.position[id(node)], trunk.is_map)
        )
    fixes = _FIXES.get(node.op) if is_standard(node) else None
    return fixes is not None and fixes(node, trunk, axis)


def _is_baked(node: gs.Node, trunk: Trunk, name: str, index: int, axis: int) -> bool:
    """Whether an operand says the same of an axis at every size."""
    pair = trunk.operand(node, name, index)
    if pair is None:
        return False
    rank = len(trunk.axes(node, node.outputs[0]))
    at = axis - (rank - len(pair[0]))
    return at >= 0 and _same_at(pair, at)


def _same_at(pair: Pair, index: int) -> bool:
    return bool(pair[0][index] == pair[1][index])


def _expands(node: gs.Node, trunk: Trunk, axis: int) -> bool:
    data = trunk.axes(node, node.inputs[0])
    at = axis - (len(trunk.axes(node, node.outputs[0])) - len(data))
    return (at < 0 or data[at] == ()) and _is_baked(node, trunk, "shape", 1, axis)


def _tiles(node: gs.Node, trunk: Trunk, axis: int) -> bool:
    return trunk.axes(node, node.inputs[0])[axis] == () and _is_baked(
        node, trunk, "repeats", 1, axis
    )


def _resizes(node: gs.Node, trunk: Trunk, axis: int) -> bool:
    if "axes" not in node.attrs:
        return _is_baked(node, trunk, "sizes", 3, axis)
    rank = len(trunk.axes(node, node.inputs[0]))
    places = [place % rank for place in node.attrs["axes"]]
    sizes = trunk.operand(node, "sizes", 3)
    return axis in places and sizes is not None and _same_at(sizes, places.index(axis))


def _counts(node: gs.Node, trunk: Trunk, axis: int) -> bool:
    start, step = (trunk.value(node, node.inputs[index])[0] for index in (0, 2))
    return bool(start[0] == 0 and step[0] == 1)


def _cuts(node: gs.Node, trunk: Trunk, axis: int) -> bool:
    """A cut from the first element to an end that was baked: down to the size of another map."""
    bounds = cut_of(node, trunk, axis)
    return bounds is not None and bounds[0] == 0 < bounds[1] < FAR and bounds[2] == 1


_FIXES: dict[str, Callable[[gs.Node, Trunk, int], bool]] = {
    "ConstantOfShape": lambda node, trunk, axis: _is_baked(node, trunk, "input", 0, axis),
    "Expand": _expands,
    "Range": _counts,
    "Resize": _resizes,
    "Slice": _cuts,
    "Tile": _tiles,
}


def _sources(node: gs.Node, trunk: Trunk, place: Place, wanted: Extent) -> list[Place]:
    """Axes of a node's inputs that give an axis of its output its extent."""
    tensor, axis = place
    if not is_standard(node):
        return []
    if node.op in _SAME_AXES:
        return [(node.inputs[0], axis)]
    if node.op in VARIADIC or node.op == "Concat":
        return _aligned(node, trunk, place)
    if node.op == "Transpose":
        rank = len(trunk.axes(node, node.inputs[0]))
        return [(node.inputs[0], node.attrs.get("perm", range(rank)[::-1])[axis])]
    if node.op == "Slice":
        return [(node.inputs[0], axis)] if axis not in cut_places(node, trunk) else []
    if node.op in POOLS | {"Conv"}:
        return [(node.inputs[0], axis)] if keeps_extent(node, trunk, axis) else []
    if node.op in ("Flatten", "Reshape", "Squeeze", "Unsqueeze"):
        data = node.inputs[0]
        before, after = trunk.axes(node, data), trunk.axes(node, tensor)
        return [(data, at) for at in _viewed(before, after, axis, wanted)]
    return []


def _aligned(node: gs.Node, trunk: Trunk, place: Place) -> list[Place]:
    """Axes of broadcast or concatenated operands that have the output's extent."""
    tensor, axis = place
    own = trunk.axes(node, tensor)
    if node.op == "Concat" and axis == int(node.attrs["axis"]) % len(own):
        return []
    found = []
    for operand in operands(node):
        axes = trunk.axes(node, operand)
        at = axis - (len(own) - len(axes))
        if at >= 0 and axes[at] == own[axis] != ():
            found.append((operand, at))
    return found


def _viewed(before: Axes, after: Axes, axis: int, wanted: Extent) -> list[int]:
    """Axes of the data that a view has put into an axis of its output."""
    if not wanted:
        return [at for at, extent in enumerate(before) if grows(extent) and small(extent) == 1]
    ahead = prod(map(small, after[:axis]))
    return [
        at
        for at, extent in enumerate(before)
        if extent == after[axis] and prod(map(small, before[:at])) == ahead
    ]
