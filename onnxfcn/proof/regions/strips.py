"""The larger map is random along some axes, and along one of them a window's rows, repeated.

A statistic of every row, such as strip pooling has them, depends on all columns, and what is made
of it may look at the rows around. Windows show nothing then, as the columns of one contradict those
of the next, nor does a window repeated, as the order of its rows matters. Together they do.
"""

import numpy as np

from ...sizes import Size
from .repetition import shuffled, tensors_in_order
from .runs import RegionRuns
from .trial import Piece, Trial
from .windows import windows_trial


def strips_trial(axis: int, runs: RegionRuns, counts: Size) -> Trial | None:
    """A map that is larger along one axis by repetition, and along the others by random cells.

    Args:
        axis: the axis of the image along which cells are repeated, by its index.
        runs: the region.
        counts: how many times each cell along that axis is there, and how many steps the map is
            larger along each other axis.

    Returns:
        The trial, whose answers the rewritten region can have only where the order along the axis
        does not matter; ``None`` where the original's answers on windows along the others
        contradict one another, or where the region's tensors cannot be as many times as large.
    """
    lattice = runs.lattice
    steps = tuple(0 if index == axis else count for index, count in enumerate(counts))
    factors = tuple(count if index == axis else 1 for index, count in enumerate(counts))
    more = lattice.steps_to_multiple(factors, [*runs.read, runs.output])
    trial = windows_trial(runs, steps) if more else None
    if more is None or trial is None:
        return None
    counts = tuple(step + each for step, each in zip(steps, more, strict=True))
    larger = lattice.larger(steps)
    orders = shuffled(larger, factors, runs.generator, only=axis)
    extents = lattice.larger(counts).extents(runs.output)
    own = lattice.extents(runs.output)
    pieces = []
    for piece in trial.pieces:
        places, expected = list(piece.places), piece.expected
        if own:
            order = orders[axis][own[axis]]
            places[axis] = np.arange(extents[axis])
            expected = expected.take(order, lattice.axes[runs.output][axis])
        pieces.append(Piece(places, expected))
    values = tensors_in_order(runs, larger, trial.values, orders, counts)
    return Trial(runs, counts, values, pieces, is_sure=trial.is_sure)
