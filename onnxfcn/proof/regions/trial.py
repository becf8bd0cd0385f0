"""A larger map for a region of the trunk, and what must come out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...sizes import Size
from .lattice import Places
from .runs import RegionRuns

Pair = tuple[np.ndarray, np.ndarray]
"""What is expected and what is found: ``[*features, cells]`` both."""


@dataclass(frozen=True)
class Piece:
    """Some cells of the answer on a larger map.

    Attributes:
        places: where they are.
        expected: what they must be.
    """

    places: Places
    expected: np.ndarray


@dataclass(frozen=True)
class Trial:
    """A larger map, and what the answer must be.

    Attributes:
        runs: the region.
        counts: how many steps the map is larger than a window, an axis of the image each.
        values: the larger tensors that the region begins with, by name.
        pieces: the cells to compare.
        is_sure: whether it was measured that these are what the answer must have.
    """

    runs: RegionRuns
    counts: Size
    values: Mapping[str, np.ndarray]
    pieces: Sequence[Piece]
    is_sure: bool

    @property
    def size(self) -> Size:
        """Extents of the answer along the axes of the image; empty where it has none."""
        shape = self.runs.lattice.shape(self.runs.output, self.counts)
        return tuple(shape[axis] for axis in self.runs.lattice.axes[self.runs.output])

    @cached_property
    def answer(self) -> np.ndarray:
        """The rewritten region's answer.

        Raises:
            WrongError: it does not run, or has another shape than it should.
        """
        shape = self.runs.lattice.shape(self.runs.output, self.counts)
        return self.runs.rewritten(self.values, shape)

    def compared(self) -> list[Pair]:
        """What is expected and what is found in every piece.

        Raises:
            WrongError: the rewritten region does not run, or its answer has another shape.
        """
        runs, actual = self.runs, self.answer
        return [
            (
                runs.by_cell(piece.expected),
                runs.by_cell(runs.lattice.take(runs.output, actual, piece.places)),
            )
            for piece in self.pieces
        ]
