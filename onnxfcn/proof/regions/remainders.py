"""All cells of larger maps, where the original's own nodes say what is right.

Windows tell nothing of maps on which something is left over behind the last step, and little of the
edges of any map. But most nodes have no image size baked in. What the original itself answers on a
larger map is right then, on all of it: a pad too many shows there, or a size that is rounded up.
That nothing is baked in is measured: on maps that are whole steps larger, the original's own answer
must be what its windows say.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np

from ...sizes import Size
from .interior import near
from .runs import RegionRuns
from .trial import Pair, Trial

_MOST = 8
"""Sizes between two whole steps, at most."""


def whole_answers(trial: Trial) -> Pair | None:
    """What both forms of a region answer on all of a larger map.

    Args:
        trial: the map, and what is known of it.

    Returns:
        The answers; ``None`` where the original's own nodes do not say what is known.

    Raises:
        WrongError: the rewritten region does not run, or its answer has another shape.
    """
    runs, lattice = trial.runs, trial.runs.lattice
    direct = runs.original_on_larger(trial.values)
    if direct is None or direct.shape != lattice.shape(runs.output, trial.counts):
        return None
    for piece in trial.pieces:
        if not near(piece.expected, lattice.take(runs.output, direct, piece.places)).all():
            return None
    return runs.by_cell(direct), runs.by_cell(trial.answer)


def answers_between(runs: RegionRuns, counts: Iterable[Size]) -> Iterator[tuple[Size, Pair]]:
    """What both forms of a region answer on random maps between those that tell what is right.

    Args:
        runs: a region whose original has no image size baked in.
        counts: whole steps by which some of the maps are larger, an axis of the image each.

    Yields:
        Extents of the answers along the axes of the image, and the answers: on those maps, and on
        maps with each remainder of a step, some of them where there are many.

    Raises:
        WrongError: the rewritten region does not run, or its answer has another shape.
    """
    whole = map(runs.random, counts)
    between = map(runs.random_beside, _remainders(runs))
    for values in chain(whole, between):
        direct = runs.original_on_larger(values) if values else None
        if values and direct is not None:
            actual = runs.rewritten(values, direct.shape)
            extents = tuple(direct.shape[axis] for axis in runs.lattice.axes[runs.output])
            yield extents, (runs.by_cell(direct), runs.by_cell(actual))


def _remainders(runs: RegionRuns) -> list[Size]:
    """Pixels to add to the image, fewer than those of a step, an axis each.

    By so many pixels the finest tensor that the region begins with grows by whole cells. The axes
    go through them in opposite order.
    """
    along = []
    for axis, pixels in enumerate(runs.lattice.pixels):
        steps = [runs.lattice.steps[name][axis] for name in runs.read if runs.lattice.axes[name]]
        finest = max(steps, default=1)
        cells = np.unique(np.linspace(1, finest - 1, _MOST).round()) if finest > 1 else [0]
        grown = [int(-(-pixels * cell // finest)) for cell in cells]
        along.append(grown[::-1] if axis % 2 else grown)
    count = max(map(len, along))
    found = (tuple(each[index % len(each)] for each in along) for index in range(count))
    return [pixels for pixels in found if any(pixels)]
