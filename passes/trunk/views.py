"""Views: Reshape and its like, which put the same elements under other axes."""

from collections.abc import Sequence
from itertools import takewhile

import numpy as np
import onnx_graphsurgeon as gs

from ..layouts import permutation
from ..result import RefusalCode, Rewrite, node_name, refuse
from ..signatures import COPY, REST, reshaped, unsqueezed
from .demands import global_gate
from .extents import Axes, Extent, grows, small
from .sources import Sources
from .trunk import Trunk, baked, numbers, smalls


def transpose(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """The axes change places."""
    data = trunk.axes(node, node.inputs[0])
    return [tuple(data[axis] for axis in permutation(node, len(data)))]


def flatten(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Two axes: those before ``axis``, and the others."""
    data = global_gate(node, trunk)
    first = int(node.attrs.get("axis", 1))
    first += len(data) if first < 0 else 0
    product = trunk.extents.product
    return [(product(data[:first]), product(data[first:]))]


def unsqueeze(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """New axes of one element."""
    data = trunk.axes(node, node.inputs[0])
    axes = trunk.constant_operand(node, "axes", 1)
    return [tuple(unsqueezed(data, [] if axes is None else axes, ()))]


def squeeze(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Axes of one element go."""
    data = global_gate(node, trunk)
    axes = trunk.constant_operand(node, "axes", 1)
    if axes is None:
        axes = np.array([axis for axis, extent in enumerate(data) if small(extent) == 1])
    gone = {int(axis) % len(data) for axis in axes}
    trunk.refuse_growing(node, sorted(gone))
    return [tuple(extent for axis, extent in enumerate(data) if axis not in gone)]


def reshape(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """The factors of the data, grouped into other axes."""
    data = global_gate(node, trunk)
    merged = trunk.extents.product(data)
    target = trunk.operand(node, "shape", 1)
    own, larger = numbers(data)
    wanted = None if target is None else reshaped(node, target[0].tolist(), own)
    if target is None or wanted is None:
        raise baked(node, "a target that does not fit the data")
    at_large = reshaped(node, target[1].tolist(), larger)
    axes = _regrouped(trunk, data, wanted)
    if at_large is not None and (axes is None or numbers(axes)[1] != at_large):
        # What is computed from shapes knows better; a rest among baked numbers does not.
        computed = [a != b and (a, b) not in trunk.batches for a, b in zip(*target, strict=True)]
        computed_axes = trunk.extents.regroup(merged, wanted, at_large) if any(computed) else None
        if computed_axes is not None:
            return [computed_axes]
    elif axes is not None and at_large is not None:
        return [axes]
    if axes is None:
        shape = [small(extent) for extent in data]
        raise baked(node, f"a view of {shape} as {list(wanted)}, whose axes do not line up")
    _check_blocks(node, trunk, data, axes)
    _retarget(node, trunk, data, axes)
    return [axes]


def _regrouped(trunk: Trunk, data: Axes, wanted: Sequence[int]) -> Axes | None:
    """The axes of a view, from the extents that it has at the original size."""
    # Axes of one element may be several at a larger size: those are told apart below.
    kept = [
        small(own) == extent and (len(own) < 2 or all(factor.small > 1 for factor in own))
        for own, extent in zip(data, wanted, strict=False)
    ]
    same = next((place for place, keeps in enumerate(kept) if not keeps), len(kept))
    others = trunk.extents.regroup(trunk.extents.product(data[same:]), wanted[same:])
    if others is None:
        return trunk.extents.regroup(trunk.extents.product(data), wanted)
    return (*data[:same], *others)


def _check_blocks(node: gs.Node, trunk: Trunk, data: Axes, axes: Axes) -> None:
    """A view that puts a new axis of one element before several of a map's may make blocks.

    ``[C, H, W]`` as ``[C, H // 2, 2, W // 2, 2]`` on a map of 2x2 cells is also one as ``[C, 1, H,
    1, W]``, and which of the two it is shows at larger sizes only.

    Raises:
        Refused: it does.
    """
    found = [
        extent
        for place, extent in enumerate(axes)
        if grows(extent)
        and extent in data
        and extent not in trunk.batches.values()
        and _ones_before(axes, place) > _ones_before(data, data.index(extent))
    ]
    if len(found) > 1:
        raise refuse(
            RefusalCode.BAKED_EXTENT,
            node,
            expected="a view whose axes are the same at any image size",
            found=f"one as {smalls(axes)}: a single block along each axis, or axes that are added",
            advice="Export the model at a larger image size, where there are several blocks",
        )


def _ones_before(axes: Axes, place: int) -> int:
    """How many axes of one element stand right before an axis."""
    return sum(1 for _ in takewhile(lambda extent: not extent, reversed(axes[:place])))


def _retarget(node: gs.Node, trunk: Trunk, data: Axes, axes: Axes) -> None:
    """Give a Reshape a target that holds at any size."""
    elements = _elements(data, axes)
    trunk.need(node, [element for element in elements if not isinstance(element, int)])

    def edit(sources: Sources) -> Rewrite:
        node.attrs.pop("shape", None)
        # With it, a zero would be an extent and not a copy.
        node.attrs.pop("allowzero", None)
        node.inputs = [node.inputs[0], sources.elements(elements)]
        return Rewrite(
            node=node_name(node),
            before=f"Reshape to {smalls(axes)}",
            after=f"Reshape to {trunk.text(axes)}",
        )

    trunk.edits[id(node)] = edit


def _elements(data: Axes, axes: Axes) -> list[int | Extent]:
    """What the target says of every axis: a number, 0 for a copy, -1 for the rest, an extent."""
    elements: list[int | Extent] = []
    for axis, extent in enumerate(axes):
        if not grows(extent):
            elements.append(small(extent))
        elif axis < len(data) and data[axis] == extent:
            elements.append(COPY)
        else:
            elements.append(extent)
    left = [axis for axis, element in enumerate(elements) if not isinstance(element, int)]
    if len(left) == 1:
        elements[left[0]] = REST
    return elements


RULES = {
    "Flatten": flatten,
    "Reshape": reshape,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
