"""What was measured of promise 3: how far cells are from the original's answers on crops."""

from dataclasses import dataclass

from .sizes import Size


@dataclass(frozen=True, kw_only=True)
class CropGroup:
    """Cells of a map that touch the border of the image, or cells that do not.

    Attributes:
        cells: how many there are whose crop lies inside the image.
        measured: how many of them were measured; fewer are a random sample.
        median: median of their relative deviations; ``None`` for integers, or without cells.
        maximum: largest of their relative deviations.
        agreement: share of cells whose top class is the crop's; for integers, of cells that are
            equal. ``None`` without cells, or where there is one class only.
    """

    cells: int
    measured: int
    median: float | None
    maximum: float | None
    agreement: float | None


@dataclass(frozen=True, kw_only=True)
class CropResult:
    """How far the cells of an output are from the original's answers on crops of one image.

    The relative deviation of a cell is the largest absolute difference of its features to the
    original's answer on its crop, over the output's scale.

    Attributes:
        output: name of the output.
        size: the image, in pixels an axis.
        source: where the image came from, a path; empty for a random one.
        map_size: cells of the map, an axis each.
        scale: largest absolute value of the original's answers on the crops.
        tolerance: the largest relative deviation that ``require_crops`` takes.
        border: cells whose receptive field leaves the image.
        inside: cells whose receptive field does not.
        beyond: cells whose crop leaves the image: they stand for none, and cannot be measured.
        graph: what the rewritten model's graph says of cells and crops, where it can be told:
            ``exact`` or ``approximate``.
        causes: the nodes because of which they differ, in words.
    """

    output: str
    size: Size
    source: str
    map_size: Size
    scale: float
    tolerance: float
    border: CropGroup
    inside: CropGroup
    beyond: int
    graph: str = ""
    causes: tuple[str, ...] = ()

    @property
    def contradicts(self) -> bool:
        """Whether the graph says that cells are crops, and they are not."""
        return self.graph == "exact" and not self.passed

    @property
    def passed(self) -> bool:
        """Whether all measured cells are what the original says of their crops."""
        groups = [group for group in (self.border, self.inside) if group.measured]
        if any(group.maximum is None for group in groups):
            return all(group.agreement == 1 for group in groups)
        return all((group.maximum or 0.0) <= self.tolerance for group in groups)


@dataclass(frozen=True, kw_only=True)
class CropReport:
    """Promise 3 on all images.

    Attributes:
        results: what was measured, by image and output.
        problems: why something could not be measured, a sentence each.
    """

    results: tuple[CropResult, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def failure(self) -> str:
        """Why cells that have a crop are not shown to be it; empty where they are."""
        for found in self.results:
            if not found.passed:
                return f"cells of '{found.output}' are not what the original says of their crops"
        if self.problems:
            return self.problems[0]
        measured = [group.measured for r in self.results for group in (r.border, r.inside)]
        return "" if any(measured) else "no cell was compared with its crop"
