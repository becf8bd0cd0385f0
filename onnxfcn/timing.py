"""Run times of several ways to the same result, measured against one another."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

_FEWEST_ROUNDS = 5


@dataclass(frozen=True)
class Timed:
    """How long one of the ways took.

    Attributes:
        first: seconds of its first run, which allocates, and on some devices searches for the
            fastest algorithm for an image of this size.
        rounds: seconds of the other runs, one a round.
    """

    first: float
    rounds: np.ndarray

    @property
    def median(self) -> float:
        """Median of the rounds in seconds."""
        return float(np.median(self.rounds))

    def times(self, other: "Timed") -> float:
        """How many times as long as another it took: the median of the ratios of the rounds."""
        return float(np.median(self.rounds / other.rounds))


def take_turns(
    runs: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    seconds: float,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Timed]:
    """Time some functions, by name.

    They take turns in every round, so that what slows the machine down meets all of them.

    Args:
        runs: the functions, by name.
        rounds: rounds at most, not counting the first run of each.
        seconds: seconds after which there are no more rounds, but never fewer than five of them.
        progress: called with the rounds done and the rounds in all.
    """
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            spent[name].append(time.perf_counter() - started)
        progress(turn, rounds)
        if turn >= _FEWEST_ROUNDS and sum(sum(each[1:]) for each in spent.values()) > seconds:
            progress(rounds, rounds)
            break
    return {name: Timed(each[0], np.array(each[1:])) for name, each in spent.items()}
