"""How many cells of a map were compared."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CellCount:
    """How many cells of a map were compared.

    Attributes:
        compared: cells that were; fewer than there are were drawn at random.
        in_all: cells of the map.
    """

    compared: int
    in_all: int

    @property
    def sampled(self) -> bool:
        """Whether some cells were not compared."""
        return self.compared < self.in_all
