"""The larger map is random, and the original answers on its windows."""

from itertools import product

from ...sizes import Size
from .edges import edge_pieces
from .interior import Neighbours, find_interior
from .runs import RegionRuns
from .trial import Piece, Trial


def windows_trial(runs: RegionRuns, counts: Size, *, guess: bool = False) -> Trial | None:
    """A random map, and the original's answer on each of its windows.

    Args:
        runs: the region.
        counts: how many steps the map is larger than a window, an axis of the image each.
        guess: see ``find_interior``.

    Returns:
        The trial; ``None`` where the answers on neighbouring windows contradict one another on
        every cell, because they depend on the whole window.
    """
    lattice, output = runs.lattice, runs.output
    values = runs.random(counts)
    answers = {
        place: runs.original(
            {name: lattice.take(name, v, lattice.window(name, place)) for name, v in values.items()}
        )
        for place in product(*(range(count + 1) for count in counts))
    }
    neighbours = (
        Neighbours(axis, answer, answers[further])
        for place, answer in answers.items()
        for axis in range(len(place))
        if (further := (*place[:axis], place[axis] + 1, *place[axis + 1 :])) in answers
    )
    interior = find_interior(neighbours, lattice, output, guess=guess)
    if interior is None:
        return None
    pieces = []
    for place, answer in answers.items():
        mirrored = zip(place, counts, interior.mirrored, strict=False)
        at = lattice.window(output, tuple(c - p if back else p for p, c, back in mirrored))
        places = [all_[inner] for all_, inner in zip(at, interior.positions, strict=True)]
        pieces.append(Piece(places, lattice.take(output, answer, interior.positions)))
    edges = edge_pieces(runs, counts, values, interior.positions)
    return Trial(runs, counts, values, [*pieces, *edges], is_sure=interior.measured)
