"""The larger map is made of the rows and columns of one window, each several times."""

from collections.abc import Mapping, Sequence

import numpy as np

from ...sizes import Size
from .interior import near
from .lattice import Lattice
from .runs import RegionRuns
from .trial import Piece, Trial

Orders = Sequence[Mapping[int, np.ndarray]]
"""Which rows and columns to take one after the other, an axis of the image each, by the number of
those that there are."""


def repetition_trial(runs: RegionRuns, factors: Size) -> Trial | None:
    """A map of the rows and columns of a random window, in a random order.

    What the region says of a cell may depend on the cell and on a statistic of the whole window.
    Then it says the same wherever the cell stands, and however often all of them are repeated.

    Args:
        runs: the region.
        factors: how many times each row and column is there, an axis of the image each.

    Returns:
        The trial; ``None`` where the original's answer on the window depends on the order of its
        rows and columns, or where the region's tensors cannot be as many times as large.
    """
    window = runs.random_window()
    answer = runs.original(window)
    lattice, none, one = runs.lattice, (0,) * runs.rank, (1,) * runs.rank
    once = shuffled(lattice, one, runs.generator)
    reordered = runs.original(tensors_in_order(runs, lattice, window, once, none))
    if not near(_taken(lattice, runs.output, answer, once), reordered).all():
        return None
    orders = shuffled(lattice, factors, runs.generator)
    return repetition(runs, window, answer, factors, orders)


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
    whole = lattice.larger(counts).window(output, (0,) * runs.rank)
    return Trial(
        runs=runs,
        counts=counts,
        values=tensors_in_order(runs, lattice, window, orders, counts),
        pieces=[Piece(places=whole, expected=_taken(lattice, output, answer, orders))],
        is_sure=True,
    )


def tensors_in_order(
    runs: RegionRuns,
    lattice: Lattice,
    values: Mapping[str, np.ndarray],
    orders: Orders,
    counts: Size,
) -> dict[str, np.ndarray]:
    """The tensors that a region begins with, made larger of the rows and columns of smaller ones.

    Args:
        runs: the region.
        lattice: the sizes of the smaller ones.
        values: the smaller ones, by name.
        orders: which rows and columns to take, one after the other.
        counts: how many steps the larger ones are larger than a window.
    """
    # Of tensors that are not read nothing but the shape counts.
    shapes = {n: np.zeros(runs.lattice.shape(n, counts), v.dtype) for n, v in values.items()}
    return shapes | {name: _taken(lattice, name, values[name], orders) for name in runs.read}


def shuffled(
    lattice: Lattice, factors: Size, generator: np.random.Generator, only: int | None = None
) -> Orders:
    """All rows and columns so many times each, shuffled alike where they are as many.

    Args:
        lattice: how many there are.
        factors: how many times each is there, an axis of the image each.
        generator: makes the order.
        only: the axis along which they are shuffled; by default all.
    """
    orders: list[dict[int, np.ndarray]] = []
    for axis, factor in enumerate(factors):
        several = {n: np.tile(np.arange(n), factor) for n in lattice.extents_along(axis)}
        if only in (None, axis):
            several = {n: generator.permutation(order) for n, order in several.items()}
        orders.append(several)
    return orders


def _taken(lattice: Lattice, name: str, values: np.ndarray, orders: Orders) -> np.ndarray:
    """The rows and columns of a tensor in some order."""
    extents = zip(orders, lattice.extents(name), strict=False)
    return lattice.take(name, values, [order[extent] for order, extent in extents])
