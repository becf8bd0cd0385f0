"""Prove that a region of the trunk does on a larger map what the original does on every window.

The rewritten region runs once on a larger map, the original region on each of its windows of the
original size, and wherever a window's answer does not depend on the window's edge, the two must be
equal. Where every cell depends on the whole window, as behind a mean over the map, the larger map
is made of the rows and columns of one window, each as often as the others: the mean is the same
then, and every cell must come out as in the window. Which of the two it is, and which cells count,
the original region alone decides. Where neither shows anything, the larger map may be a repetition
along one axis only, and random along the others (``strips``).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from math import prod

import numpy as np

from ...comparison import Comparison
from ...region_report import Method, RegionResult
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
from .trial import Pair, Trial
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

_Make = Callable[[RegionRuns, Size], Trial | None]
"""Makes a larger map of a region, by how many steps, or times, it is larger along each axis."""


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
    try:
        for attempt in range(_ATTEMPTS):
            runs = RegionRuns(region, pair, settings, attempt)
            result = _Attempt(blank, runs, settings).result()
            if result.proven or not result.passed:
                break
    except WrongError as error:
        return replace(blank, problem=str(error))
    except UndecidedError as error:
        undecided = replace(blank, problem=str(error), undecided=True)
        return undecided if region.required else None
    return result


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


@dataclass(frozen=True)
class _Attempt:
    """An attempt at a region, on random maps of its own.

    All its methods raise ``WrongError`` where the rewritten region does not run, or its answer has
    another shape, and ``UndecidedError`` where the original one does not.

    Attributes:
        blank: the result but for what is to be seen.
        runs: the region.
        settings: how validation is run.
    """

    blank: RegionResult
    runs: RegionRuns
    settings: Settings

    def result(self) -> RegionResult:
        """Compare on the first kind of larger maps that tells something."""
        seen = self._compared("windows", windows_trial, self._steps)
        # Windows that do not overlap leave open whether their answers depend on their edges.
        if seen is not None and (seen.result.passed or seen.is_sure or seen.is_free):
            return self._completed(seen)
        seen = self._compared("repetition", repetition_trial, _REPETITIONS)
        if seen is not None:
            self._run_at_all_sizes()
            return self._extrapolated(seen) or self._completed(seen)
        return self._completed(self._compared_on_strips() or self._compared_by_guess())

    def _extrapolated(self, seen: _Seen) -> RegionResult | None:
        """What several repetitions lead to; ``None`` where the answers on them are no failure."""
        pairs = [] if seen.result.passed else extrapolated(self.runs)
        if not pairs:
            return None
        comparison = worst_of([self._comparison(pair) for pair in pairs])
        return replace(seen.result, method="extrapolation", comparison=comparison)

    def _compared_on_strips(self) -> _Seen | None:
        """Compare on maps that are a repetition along one axis only.

        Returns:
            What was seen where the answers are the same; ``None`` where they are not, as they may
            depend on the extent or the order along that axis.
        """
        for axis in range(self.runs.rank):
            counts = [
                tuple(pair[index == axis] for index, pair in enumerate(each))
                for each in map(zip, self._steps, _REPETITIONS)
            ]
            make: _Make = partial(strips_trial, axis)
            seen = self._compared("repetition", make, counts)
            if seen is not None and seen.result.passed:
                self._run_at_all_sizes()
                return seen
        return None

    def _compared_by_guess(self) -> _Seen:
        """Compare the midst of windows that are too small to measure what depends on their edges.

        Raises:
            UndecidedError: it tells nothing, or differs, and may rightly do so.
        """
        guess: _Make = partial(windows_trial, guess=True)
        seen = self._compared("windows", guess, self._steps)
        if seen is None or not seen.result.passed:
            raise UndecidedError(
                "in the original, overlapping windows contradict one another, and the order of a"
                f" window's rows and columns matters ({self.runs.lattice.text()})"
            )
        return seen

    def _completed(self, seen: _Seen) -> RegionResult:
        """Compare on maps of other sizes, too, where the original itself says what is right."""
        result = seen.result
        if not (seen.is_free and result.passed and result.comparison):
            return result
        sizes, found = list(result.sizes), [result.comparison]
        # Windows of maps that are whole steps larger were compared, repetitions are larger by far.
        steps = () if result.method == "windows" else self._steps
        for size, pair in answers_between(self.runs, steps):
            sizes.append(size)
            found.append(self._comparison(pair))
        comparison = replace(worst_of(found), proven=result.comparison.proven)
        return replace(result, sizes=tuple(sizes), comparison=comparison)

    def _run_at_all_sizes(self) -> None:
        """Run the rewritten region on maps that are no multiples of a window, too."""
        runs = self.runs
        for counts in self._steps:
            runs.rewritten(runs.random(counts), runs.lattice.shape(runs.output, counts))

    def _compared(self, method: Method, make: _Make, counts: Iterable[Size]) -> _Seen | None:
        """Compare on larger maps of several sizes; ``None`` where a map tells nothing."""
        found: list[Comparison] = []
        sizes: list[Size] = []
        pairs: list[Pair] = []
        is_sure, is_free = True, self.blank.changed
        for each in counts:
            trial = make(self.runs, each[: self.runs.rank])
            if trial is None:
                return None
            pairs += trial.compared()
            whole = whole_answers(trial) if is_free else None
            is_free = whole is not None
            pairs += [whole] if whole else []
            if sum(expected.size for expected, _ in pairs) > _LARGEST_JOINED:
                found += map(self._comparison, pairs)
                pairs = []
            sizes.append(trial.size)
            is_sure = is_sure and trial.is_sure
        if pairs:
            # Together: some answers differ from one map to the next, if at all.
            expected, actual = (np.concatenate(s, axis=-1) for s in zip(*pairs, strict=True))
            found.append(self._comparison((expected, actual)))
        comparison = worst_of(found)
        if not self.runs.read:
            # What does not depend on any map has the same cells everywhere, and rightly so.
            comparison = replace(comparison, proven=True)
        elif self.runs.is_global and method == "windows":
            # What is made of the whole map played no part: nothing was seen of it.
            comparison = replace(comparison, proven=False)
        result = replace(self.blank, method=method, sizes=tuple(sizes), comparison=comparison)
        return _Seen(result, is_sure, is_free)

    def _comparison(self, pair: Pair) -> Comparison:
        return compare(
            self.blank.output,
            *pair,
            spatial_rank=1,
            rtol=self.settings.rtol,
            atol=self.settings.atol,
        )

    @property
    def _steps(self) -> list[Size]:
        """By how many steps larger maps are larger than a window, an axis of the image each."""
        elements = max(prod(shape) for shape in self.runs.lattice.shapes.values())
        steps = _FEW_STEPS if elements > _LARGE else _STEPS
        return [each[: self.runs.rank] for each in steps]
