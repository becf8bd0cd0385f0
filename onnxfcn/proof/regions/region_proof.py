"""Prove that a region of the trunk does on a larger map what the original does on every window.

The rewritten region runs once on a larger map, the original region on each of its windows of the
original size, and wherever a window's answer does not depend on the window's edge, the two must be
equal. Where every cell depends on the whole window, as behind a mean over the map, the larger map
is made of the rows and columns of one window, each as often as the others: the mean is the same
then, and every cell must come out as in the window. Which of the two it is, and which cells count,
the original region alone decides. Where neither shows anything, the larger map may be a repetition
along one axis only, and random along the others (``strips``).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod

import numpy as np

from ...comparison import Comparison
from ...region_report import RegionResult
from ...settings import Settings
from ...sizes import Size
from ..compare import compare, worst_of
from ..model_pair import ModelPair
from .extrapolation import extrapolated
from .finder import Region
from .remainders import answers_between, whole_answers
from .repetition import repetition_trial
from .runs import RegionRuns, UndecidedError, WrongError
from .strips import strips_trial
from .trial import Trial
from .windows import windows_trial

_STEPS = ((2, 3, 1), (5, 1, 2))
"""By how many steps the two larger maps are larger than a window: not square, and not alike."""
_FEW_STEPS = ((1, 2, 1), (2, 1, 1))
"""The same for large windows, of which there had better be few."""
_LARGE = 2**22
"""Elements of a large window."""
_LARGEST_JOINED = 2**24
"""Elements; larger answers are compared window by window, to save memory."""
_REPETITIONS = ((2, 3, 2), (3, 1, 2))
"""How many times the larger maps have every row and column of a window, if made of one."""
_ATTEMPTS = 4
"""Random maps to try where a region's answer does not show what there is to show."""

_Comparing = Callable[[np.ndarray, np.ndarray], Comparison]
_Make = Callable[[RegionRuns, Size, np.random.Generator], Trial | None]


@dataclass(frozen=True)
class _Seen:
    """A comparison on larger maps.

    Attributes:
        result: what was seen.
        is_sure: whether it was measured that this is what the answers must be.
        is_free: whether the region is changed, and the original has no image size baked in there.
    """

    result: RegionResult
    is_sure: bool
    is_free: bool


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
    seen = _compared(blank, runs, windows_trial, _steps(runs), generator, comparing)
    # Windows that do not overlap leave open whether their answers depend on their edges.
    if seen is not None and (seen.result.passed or seen.is_sure or seen.is_free):
        return _completed(seen, runs, generator, comparing)
    blank = replace(blank, method="repetition")
    seen = _compared(blank, runs, repetition_trial, _REPETITIONS, generator, comparing)
    if seen is not None:
        _run_at_all_sizes(runs, generator)
        pairs = [] if seen.result.passed else extrapolated(runs, generator)
        if pairs:
            comparison = worst_of([comparing(*pair) for pair in pairs])
            return replace(seen.result, method="extrapolation", comparison=comparison)
        return _completed(seen, runs, generator, comparing)
    seen = _compared_on_strips(blank, runs, generator, comparing)
    if seen is not None:
        return _completed(seen, runs, generator, comparing)
    guess: _Make = partial(windows_trial, guess=True)
    blank = replace(blank, method="windows")
    seen = _compared(blank, runs, guess, _steps(runs), generator, comparing)
    if seen is None or not seen.result.passed:
        raise UndecidedError(
            "in the original, overlapping windows contradict one another, and the order of a"
            f" window's rows and columns matters ({runs.lattice.text()})"
        )
    return _completed(seen, runs, generator, comparing)


def _compared_on_strips(
    blank: RegionResult, runs: RegionRuns, generator: np.random.Generator, comparing: _Comparing
) -> _Seen | None:
    """Compare on maps that are a repetition along one axis only.

    Returns:
        What was seen where the answers are the same; ``None`` where they are not, as they may
        depend on the extent or the order along that axis.

    Raises:
        WrongError: the rewritten region does not run, or its answer has another shape.
    """
    for axis in range(runs.rank):
        counts = [
            tuple(pair[index == axis] for index, pair in enumerate(each))
            for each in map(zip, _steps(runs), _REPETITIONS)
        ]
        make: _Make = partial(strips_trial, axis)
        seen = _compared(blank, runs, make, counts, generator, comparing)
        if seen is not None and seen.result.passed:
            _run_at_all_sizes(runs, generator)
            return seen
    return None


def _completed(
    seen: _Seen, runs: RegionRuns, generator: np.random.Generator, comparing: _Comparing
) -> RegionResult:
    """Compare on maps of other sizes, too, where the original itself says what is right there.

    Raises:
        WrongError: the rewritten region does not run, or its answer has another shape.
    """
    result = seen.result
    if not (seen.is_free and result.passed and result.comparison):
        return result
    sizes, found = list(result.sizes), [result.comparison]
    # Windows of maps that are whole steps larger were compared, repetitions are larger by far.
    steps = () if result.method == "windows" else _steps(runs)
    counts = [each[: runs.rank] for each in steps]
    for size, pair in answers_between(runs, counts, generator):
        sizes.append(size)
        found.append(comparing(*pair))
    comparison = replace(worst_of(found), proven=result.comparison.proven)
    return replace(result, sizes=tuple(sizes), comparison=comparison)


def _steps(runs: RegionRuns) -> Sequence[Size]:
    elements = max(prod(shape) for shape in runs.lattice.shapes.values())
    return _FEW_STEPS if elements > _LARGE else _STEPS


def _run_at_all_sizes(runs: RegionRuns, generator: np.random.Generator) -> None:
    """Run the rewritten region on maps that are no multiples of a window, too.

    Raises:
        WrongError: it does not run, or its answer has another shape than it should.
    """
    for each in _steps(runs):
        counts = each[: runs.rank]
        runs.rewritten(runs.random(counts, generator), runs.lattice.shape(runs.output, counts))


def _compared(
    blank: RegionResult,
    runs: RegionRuns,
    make: _Make,
    counts: Iterable[Size],
    generator: np.random.Generator,
    comparing: _Comparing,
) -> _Seen | None:
    """Compare on larger maps of several sizes.

    Returns:
        What was seen; ``None`` where a map tells nothing.

    Raises:
        WrongError: the rewritten region does not run, or its answer has another shape.
    """
    found: list[Comparison] = []
    sizes: list[Size] = []
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    is_sure, is_free = True, blank.changed
    for each in counts:
        trial = make(runs, each[: runs.rank], generator)
        if trial is None:
            return None
        pairs += trial.compared()
        whole = whole_answers(trial) if is_free else None
        is_free = whole is not None
        pairs += [whole] if whole else []
        if sum(expected.size for expected, _ in pairs) > _LARGEST_JOINED:
            found += [comparing(*pair) for pair in pairs]
            pairs = []
        sizes.append(trial.size)
        is_sure = is_sure and trial.is_sure
    if pairs:
        # Together: some answers differ from one map to the next, if at all.
        found.append(comparing(*(np.concatenate(s, axis=-1) for s in zip(*pairs, strict=True))))
    comparison = worst_of(found)
    if not runs.read:
        # What does not depend on any map has the same cells everywhere, and rightly so.
        comparison = replace(comparison, proven=True)
    elif runs.is_global and blank.method == "windows":
        # What is made of the whole map played no part: nothing was seen of it.
        comparison = replace(comparison, proven=False)
    result = replace(blank, sizes=tuple(sizes), comparison=comparison)
    return _Seen(result, is_sure, is_free)
