"""Prove that a region of the trunk does on a larger map what the original does on every window.

The rewritten region runs once on a larger map, the original region on each of its windows of the
original size, and wherever a window's answer does not depend on the window's edge, the two must be
equal. Where every cell depends on the whole window, as behind a mean over the map, the larger map
is made of the rows and columns of one window, each as often as the others: the mean is the same
then, and every cell must come out as in the window. Which of the two it is, and which cells count,
the original region alone decides.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from .compare import Comparison, compare
from .model_pair import ModelPair
from .region_extrapolation import extrapolated
from .region_repetition import repetition_trial
from .region_runs import RegionRuns, UndecidedError, WrongError
from .region_trial import Trial
from .region_windows import windows_trial
from .regions import Region
from .report import RegionResult
from .settings import Settings
from .sizes import Size

_STEPS = ((2, 3, 1), (5, 1, 2))
"""By how many steps the two larger maps are larger than a window: not square, and not alike."""
_REPETITIONS = ((2, 3, 2), (3, 1, 2))
"""How many times they have every row and column of a window, where they are made of one."""
_ATTEMPTS = 4
"""Random maps to try where a region's answer does not show what there is to show."""

_Comparing = Callable[[np.ndarray, np.ndarray], Comparison]


def prove_region(region: Region, pair: ModelPair, settings: Settings) -> RegionResult | None:
    """Compare the two forms of a region at two larger sizes.

    Args:
        region: the region.
        pair: the models.
        settings: how validation is run.

    Returns:
        What was seen; ``None`` for unchanged nodes of which nothing can be told.
    """
    blank = RegionResult(output=region.output, nodes=region.suspects, changed=region.changed)
    comparing = partial(
        compare, region.output, spatial_rank=1, rtol=settings.rtol, atol=settings.atol
    )
    try:
        for attempt in range(_ATTEMPTS):
            # Positive maps suit roots and logarithms, but some gates are shut for them.
            runs = RegionRuns(region, pair, settings.provider, signed=attempt > 0)
            generator = np.random.default_rng([settings.seed, attempt])
            result = _proven(blank, runs, generator, comparing)
            if result.proven or not result.passed:
                break
    except WrongError as error:
        return replace(blank, problem=str(error))
    except UndecidedError as error:
        undecided = replace(blank, problem=str(error), undecided=True)
        return undecided if region.required else None
    return result


def _proven(
    blank: RegionResult,
    runs: RegionRuns,
    generator: np.random.Generator,
    comparing: _Comparing,
) -> RegionResult:
    """Compare on windows of a larger map or, where they tell nothing, on one window repeated."""
    windows = _trials(windows_trial, _STEPS, runs, generator)
    if windows:
        result = _compared(blank, runs, windows, comparing)
        # Windows that do not overlap leave open whether their answers depend on their edges.
        if result.passed or all(trial.is_sure for trial in windows):
            return result
    repetitions = _trials(repetition_trial, _REPETITIONS, runs, generator)
    if repetitions:
        _run_at_all_sizes(runs, generator)
        result = _compared(replace(blank, method="repetition"), runs, repetitions, comparing)
        pairs = [] if result.passed else extrapolated(runs, generator)
        if pairs:
            result = replace(result, method="extrapolation", comparison=_joined(pairs, comparing))
        return result
    small = _trials(partial(windows_trial, guess=True), _STEPS, runs, generator)
    result = _compared(blank, runs, small, comparing) if small else blank
    if not result.passed:
        raise UndecidedError(
            f"what '{runs.output}' should be on a larger map cannot be told: in the original,"
            " overlapping windows contradict one another, and the order of a window's rows and"
            f" columns matters ({runs.lattice.text()})"
        )
    return result


def _run_at_all_sizes(runs: RegionRuns, generator: np.random.Generator) -> None:
    """Run the rewritten region on maps that are no multiples of a window, too.

    Raises:
        WrongError: it does not run, or its answer has another shape than it should.
    """
    for each in _STEPS:
        counts = each[: runs.rank]
        runs.rewritten(runs.random(counts, generator), runs.lattice.shape(runs.output, counts))


def _trials(
    make: Callable[[RegionRuns, Size, np.random.Generator], Trial | None],
    counts: Iterable[Size],
    runs: RegionRuns,
    generator: np.random.Generator,
) -> list[Trial]:
    """A trial for each size; none where one of them tells nothing."""
    trials = [make(runs, each[: runs.rank], generator) for each in counts]
    made = [trial for trial in trials if trial is not None]
    return made if len(made) == len(trials) else []


def _compared(
    blank: RegionResult, runs: RegionRuns, trials: Sequence[Trial], comparing: _Comparing
) -> RegionResult:
    """Run the rewritten region on the larger maps.

    Raises:
        WrongError: it does not run, or its answer has another shape than it should.
    """
    comparison = _joined([pair for trial in trials for pair in trial.compared()], comparing)
    if not runs.read:
        # What does not depend on any map has the same cells everywhere, and rightly so.
        comparison = replace(comparison, proven=True)
    elif runs.is_global and blank.method == "windows":
        # What is made of the whole map played no part: nothing was seen of it.
        comparison = replace(comparison, proven=False)
    return replace(blank, sizes=tuple(trial.size for trial in trials), comparison=comparison)


def _joined(pairs: Iterable[tuple[np.ndarray, np.ndarray]], comparing: _Comparing) -> Comparison:
    """Compare several pairs of arrays ``[*features, cells]`` as one."""
    expected, actual = (np.concatenate(side, axis=-1) for side in zip(*pairs, strict=True))
    return comparing(expected, actual)
