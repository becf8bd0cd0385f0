"""One set of axes for several vectors that meet in one node."""

from collections.abc import Mapping, Sequence

import onnx_graphsurgeon as gs

from ..result import RefusalCode, Refused, refuse
from .lifted import Cells


def aligned(
    node: gs.Node, vectors: Mapping[int, Cells], *, joined: int | None = None
) -> tuple[Cells, dict[int, list[int]]]:
    """One set of axes for several vectors.

    Args:
        node: the node that reads them.
        vectors: the vectors, by their places among its inputs.
        joined: an axis of the originals, not negative, that is to be a feature axis although the
            maps may not have it.

    Returns:
        A vector with all axes that any of them has, and for each of them those that it lacks.

    Raises:
        Refused: their axes stand in different orders, or the batch of one meets another axis.
    """
    first = next(iter(vectors.values()))
    if all(vector.axes == first.axes for vector in vectors.values()) and (
        joined is None or first.axes[joined] is not None
    ):
        return first, {index: [] for index in vectors}
    for vector in vectors.values():
        mapped = [axis for axis in vector.axes if axis is not None]
        every = len([axis for axis in mapped if axis]) == len(vector.features)
        if len(vector.axes) != len(first.axes) or mapped != sorted(mapped) or not every:
            raise _orders_differ(node, first, vector)
    columns = list(zip(*(vector.axes for vector in vectors.values()), strict=True))
    batch = [0 in column for column in columns]
    feature = [any(column) or at == joined for at, column in enumerate(columns)]
    if sum(batch) > 1 or any(map(all, zip(batch, feature, strict=True))):
        raise _orders_differ(node, *vectors.values())
    axes = tuple(
        0 if batch[at] else 1 + sum(feature[:at]) if feature[at] else None
        for at in range(len(columns))
    )
    missing = {
        index: [a for a, own in zip(axes, vector.axes, strict=True) if a and own is None]
        for index, vector in vectors.items()
    }
    return Cells(first.tensor, axes, (1,) * sum(feature), first.grid), missing


def with_ones(features: Sequence[int], missing: Sequence[int]) -> tuple[int, ...]:
    """Extents of feature axes with those that are missing, of extent 1, put in."""
    extents = list(features)
    for axis in missing:
        extents.insert(axis - 1, 1)
    return tuple(extents)


def _orders_differ(node: gs.Node, *vectors: Cells) -> Refused:
    return refuse(
        RefusalCode.NO_RULE,
        node,
        expected="vectors whose axes stand in one order",
        found="axes " + " and ".join(str(vector.axes) for vector in vectors),
    )
