"""What a comparison of one output came to, and how many cells it looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How far an output is from what was expected; the numbers are of its worst feature.

    Attributes:
        output: name of the compared tensor.
        stands_for: name of the model's output that it speaks for: itself, or what it goes into.
        max_error: largest absolute error; infinite where only one side is NaN or infinite.
        mean_error: mean absolute error, over all features.
        scale: largest absolute expected value.
        spread: largest difference between two cells of the feature.
        tolerance: the largest error that passes.
        proven: whether the cells of some feature differ enough for the comparison to mean
            something.
        ties: positions of largest or smallest values that differ where these values are equal
            within rounding; they count as no difference.
    """

    output: str
    stands_for: str
    max_error: float
    mean_error: float
    scale: float
    spread: float
    tolerance: float
    proven: bool
    ties: int = 0

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance."""
        return self.max_error <= self.tolerance

    def __bool__(self) -> bool:
        return self.passed


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
