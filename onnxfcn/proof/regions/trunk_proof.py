"""Prove that two models compute the same trunk, region by region."""

from collections.abc import Set
from dataclasses import dataclass, field, replace

from ...region_report import RegionResult
from ...settings import Settings
from ..model_pair import ModelPair
from .finder import Region, SharedTrunk, TrunkFinder
from .region_proof import prove_region

_ENLARGEMENTS = 2
"""How often a region is made larger before its failure is believed."""


def prove_trunk(
    pair: ModelPair, settings: Settings, named: Set[str] = frozenset()
) -> tuple[SharedTrunk, list[RegionResult]]:
    """Find the regions of the trunk and compare each of them.

    A region whose end says too little (rows that were merged with channels, say) is given up where
    one that ends further on takes its place.

    Args:
        pair: the models.
        settings: how validation is run.
        named: names of the feature maps, where the user says which they are. Regions before them
            of which nothing can be told are taken for right then.

    Returns:
        What the two models share, given that the results are as they should be, and the results;
        unchanged nodes of which nothing can be told have none.
    """
    finder = TrunkFinder(pair, named)
    regions = _RegionResults(finder, pair, settings, assume=bool(named))
    barred: set[str] = set()
    first = trunk = finder.trunk()
    at_first = results = regions.of(trunk)
    while undecided := {each.output for each in results if each.undecided} - barred:
        barred |= _replaceable(undecided, finder.trunk(barred | undecided))
        if not undecided & barred:
            break
        trunk = finder.trunk(barred)
        results = regions.of(trunk)
    passed = all(result.passed for result in results)
    return (trunk, results) if passed else (first, at_first)


def _replaceable(ends: set[str], without: SharedTrunk) -> set[str]:
    """Those ends of regions that lie within another region, where none ends at them."""
    within = {name for r in without.regions for node in r.nodes for name in node.output}
    return ends & within


@dataclass(frozen=True)
class _RegionResults:
    """What is seen of regions, each of which is compared once.

    Attributes:
        finder: makes regions larger.
        pair: the models.
        settings: how validation is run.
        assume: whether regions of which nothing can be told are taken for right.
        known: results so far, by what tells a region from others.
    """

    finder: TrunkFinder
    pair: ModelPair
    settings: Settings
    assume: bool
    known: dict[tuple[str, int, frozenset[str]], RegionResult | None] = field(default_factory=dict)

    def of(self, trunk: SharedTrunk) -> list[RegionResult]:
        """The results of all regions but those of unchanged nodes of which nothing can be told."""
        found = []
        for done, region in enumerate(trunk.regions, 1):
            key = (region.output, len(region.nodes), region.inputs)
            if key not in self.known:
                self.known[key] = self._result(region)
            result = self.known[key]
            if result is not None:
                found.append(replace(result, assumed=self.assume and result.undecided))
            self.settings.progress("regions of the trunk", done, len(trunk.regions))
        return found

    def _result(self, region: Region) -> RegionResult | None:
        """Compare a region; where a statistic fails, or nothing can be told, a larger one.

        Only there: the larger a region, the less of it is seen of the edges of the map. Nothing can
        be told of one that begins with channels and positions on one axis, as a statistic of groups
        of channels has them in a model of one spatial axis.
        """
        result = prove_region(region, self.pair, self.settings)
        if result is None or result.passed or (_is_local(result) and not result.undecided):
            return result
        larger = region
        for _ in range(_ENLARGEMENTS):
            enlarged = self.finder.enlarged(larger)
            if enlarged is None:
                break
            larger = enlarged
            found = prove_region(larger, self.pair, self.settings)
            if found is not None and _tells_more(found, result):
                return found
        return result


def _tells_more(larger: RegionResult, result: RegionResult) -> bool:
    """Whether a larger region shows what a region did not."""
    return larger.proven if result.undecided else larger.passed and not _is_local(larger)


def _is_local(result: RegionResult) -> bool:
    """Whether every cell was seen to depend on the cells around it alone."""
    return result.method == "windows"
