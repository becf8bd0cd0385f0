"""Nodes whose branches look at different places of the image."""

from collections.abc import Sequence, Set
from fractions import Fraction
from functools import partial

import numpy as np
import onnx_graphsurgeon as gs

from passes.images import AXIS_NAMES
from passes.operators import VARIADIC
from passes.use_def import is_standard, producer, upstream

from .axis_analysis import AxisAnalysis
from .errors import UnknownError
from .seen import FIRST_OF_NONE, Seen
from .trace import Trace, View, node_text


def disagreements(axes: Sequence[AxisAnalysis], output: gs.Tensor) -> tuple[str, ...]:
    """Where branches meet whose cells have their centres at different pixels, in words.

    Args:
        axes: the axes of the image.
        output: an output; only nodes that go into it are looked at.
    """
    behind = upstream(output)
    joins = {
        id(node)
        for node in axes[0].program.nodes
        if id(node) in behind
        and is_standard(node, *VARIADIC, "Concat")
        and not _is_cut_of_one(node)
    }
    if not joins:
        return ()
    names = AXIS_NAMES[len(axes)]
    return tuple(
        f"{node_text(node)}: branches {apart} px apart along the {name}"
        for name, axis in zip(names, axes, strict=True)
        for node, apart in _apart(axis, output, joins)
    )


def _apart(
    analysis: AxisAnalysis, output: gs.Tensor, joins: Set[int]
) -> list[tuple[gs.Node, Fraction]]:
    """Those of some nodes whose branches' centres are apart along an axis, and by how many pixels.

    Args:
        analysis: the axis.
        output: what the nodes go into.
        joins: their ``id``.
    """
    found: list[tuple[gs.Node, Fraction]] = []

    def look(node: gs.Node, trace: Trace) -> None:
        if id(node) in joins:
            centres = {_centre(part) for part in _branches(node, trace)} - {None}
            known = [centre for centre in centres if centre is not None]
            if len(known) > 1:
                found.append((node, max(known) - min(known)))

    size = analysis.long(output)
    Trace(analysis.program, View(analysis.axis, size - analysis.original), look)
    return found


def _is_cut_of_one(node: gs.Node) -> bool:
    """Whether what meets are cuts of one tensor, which are meant to be apart: a kernel's cells."""
    return len({id(_cut_from(tensor)) for tensor in node.inputs}) == 1


def _cut_from(tensor: gs.Tensor) -> gs.Tensor:
    """What a tensor is a cut of; old opsets, without steps in Slice, pool single cells."""
    maker = producer(tensor)
    while maker is not None and (
        is_standard(maker, "Slice")
        or (is_standard(maker, "AveragePool") and set(maker.attrs["kernel_shape"]) == {1})
    ):
        tensor = maker.inputs[0]
        maker = producer(tensor)
    return tensor


def _branches(node: gs.Node, trace: Trace) -> list[Seen]:
    try:
        return [
            trace[t] for t in node.inputs if t.name and not trace.is_known(t) and trace[t].varies
        ]
    except UnknownError:
        return []


def _centre(seen: Seen) -> Fraction | None:
    """Centre of the field of the middle position, in pixels."""
    along = max(seen.varies, key=partial(_grown, seen))
    middle = seen.first.shape[along] // 2
    first, last = (array.take(middle, along) for array in (seen.first, seen.last))
    if (first == FIRST_OF_NONE).any():
        return None
    return Fraction(int(first.min()) + int(last.max()), 2)


def _grown(seen: Seen, axis: int) -> int:
    """Pixels by which the last position along an axis begins behind the first one."""
    ends = seen.first.take([0, -1], axis)
    return int(np.diff(ends.astype(np.int64), axis=axis).max())
