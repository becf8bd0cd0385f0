"""What the tensors of a head become, and the edits that make them so."""

from collections.abc import Callable
from dataclasses import dataclass

import onnx_graphsurgeon as gs

from ..result import Rewrite
from ..splice import Splice
from ..window import Scattered, Window

Grid = tuple[tuple[int | str | None, ...], ...]
"""Which windows the cells of a map stand for: those of two maps with equal grids, for the same.

It is how many cells the map has, an axis each, at a much larger image; where that is not known,
the feature map's name and the window.
"""


@dataclass(frozen=True)
class Cells:
    """A vector that becomes a map: ``[N, F]`` becomes ``[N, F, *o]``.

    Attributes:
        tensor: the tensor that holds the map after the rewrite: the batch, the feature axes, then
            the spatial axes.
        axes: for every axis of the original tensor, the map's axis that it became, 0 for the
            batch; ``None`` for an axis of extent 1 that the map does not have. Axes of extent 1
            of the map may be missing, the batch of a single sample among them.
        features: extents of the map's feature axes.
        grid: which windows the cells stand for.
    """

    tensor: gs.Tensor
    axes: tuple[int | None, ...]
    features: tuple[int, ...]
    grid: Grid

    @property
    def rank(self) -> int:
        """Axes of the map without the spatial ones."""
        return 1 + len(self.features)

    @property
    def is_vector(self) -> bool:
        """Whether the original is ``[N, F]``, perhaps with 1-sized axes behind."""
        return self.axes[:2] == (0, 1) and not any(self.axes[2:])


Lifted = Cells | Window | Scattered
"""What a tensor of the head becomes: a map, or a part of the next dense layer's kernel."""

Edit = Callable[[Splice], Rewrite | None]
"""Lifts one node in place; returns what to tell the user, ``None`` where nothing changed."""


def unchanged(splice: Splice) -> None:
    """The edit of a node that stays as it is."""
