"""The larger map is made of the rows and columns of one window, each several times."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ...sizes import Size
from .interior import near
from .lattice import Lattice
from .runs import RegionRuns
from .trial import Piece, Trial

Orders = Sequence[Mapping[int, np.ndarray]]
"""Which rows and columns to take one after the other, an axis of the image each, by the number of
those that there are."""


def repetition_trial(
    runs: RegionRuns, factors: Size, generator: np.random.Generator
) -> Trial | None:
    """A map of the rows and columns of a random window, in a random order.

    What the region says of a cell may depend on the cell and on a statistic of the whole window.
    Then it says the same wherever the cell stands, and however often all of them are repeated.

    Args:
        runs: the region.
        factors: how many times each row and column is there, an axis of the image each.
        generator: makes the window and the order.

    Returns:
        The trial; ``None`` where the original's answer on the window depends on the order of its
        rows and columns, or where the region's tensors cannot be as many times as large.
    """
    window = runs.random((0,) * runs.rank, generator)
    answer = runs.original(window)
    once = _shuffled(runs.lattice, (1,) * runs.rank, generator)
    reordered = runs.original({**window, **in_order(runs.lattice, runs.read, window, once)})
    if not near(taken(runs.lattice, runs.output, answer, once), reordered).all():
        return None
    return repetition(runs, window, answer, factors, _shuffled(runs.lattice, factors, generator))


def repetition(
    runs: RegionRuns,
    window: Mapping[str, np.ndarray],
    answer: np.ndarray,
    factors: Size,
    orders: Orders,
) -> Trial | None:
    """A map of the rows and columns of a window, each several times.

    Args:
        runs: a region whose answer follows the order of a window's rows and columns.
        window: the tensors that it begins with, at their original size.
        answer: the original's answer on them.
        factors: how many times each row and column is there, an axis of the image each.
        orders: which ones to take, one after the other.

    Returns:
        The trial; ``None`` where the region's tensors cannot be as many times as large.
    """
    lattice, output = runs.lattice, runs.output
    counts = lattice.steps_to_multiple(factors, [*runs.read, output])
    if counts is None:
        return None
    # Of tensors that are not read nothing but the shape counts.
    shapes = {n: np.zeros(lattice.shape(n, counts), values.dtype) for n, values in window.items()}
    whole = lattice.larger(counts).window(output, (0,) * runs.rank)
    return Trial(
        runs=runs,
        counts=counts,
        values=shapes | in_order(runs.lattice, runs.read, window, orders),
        pieces=[Piece(places=whole, expected=taken(lattice, output, answer, orders))],
        is_sure=True,
    )


def in_order(
    lattice: Lattice, names: Iterable[str], values: Mapping[str, np.ndarray], orders: Orders
) -> dict[str, np.ndarray]:
    """The rows and columns of some tensors in some order."""
    return {name: taken(lattice, name, values[name], orders) for name in names}


def taken(lattice: Lattice, name: str, values: np.ndarray, orders: Orders) -> np.ndarray:
    """The rows and columns of a tensor in some order."""
    extents = zip(orders, lattice.extents(name), strict=False)
    return lattice.take(name, values, [order[extent] for order, extent in extents])


def _shuffled(lattice: Lattice, factors: Size, generator: np.random.Generator) -> Orders:
    """All rows and columns so many times each, shuffled alike where they are as many."""
    extents = {lattice.extents(name) for name, axes in lattice.axes.items() if axes}
    return [
        {
            extent: generator.permutation(np.tile(np.arange(extent), factor))
            for extent in sorted({each[axis] for each in extents})
        }
        for axis, factor in enumerate(factors)
    ]
