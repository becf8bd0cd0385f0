"""Promise 3, measured: how far cells are from what the original says of their crops.

A padded trunk sees zeros where a crop ends, and the image's own pixels where the map goes on, so
cells only come close to crops. By how much is measured here, apart for cells whose receptive field
leaves the image and cells whose does not.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from ...crop_report import CropGroup, CropReport, CropResult
from ...errors import GeometryUnknownError, OnnxfcnError
from ...exactness import Exactness, decide_one
from ...geometry import Box, Geometry
from ...geometry.analysis import ModelAnalysis
from ...sizes import Size, size_text
from ..compare import deviation, relative_tolerance
from ..compared_heads import ComparedHeads
from ..samples import Answered
from .cells import CropCells, choose_cells
from .runs import CropRuns


class CropMeter:
    """Measures promise 3 on one image after the other, and never fails."""

    def __init__(self, models: ComparedHeads) -> None:
        """Find out which crops the cells of the models' outputs stand for."""
        self._models, self._settings = models, models.settings
        self._results: list[CropResult] = []
        self._problems: list[str] = []
        self._geometries: dict[str, Geometry] = {}
        self._exactness: dict[str, Exactness] = {}
        self._runs: CropRuns | None = None
        try:
            self._find_crops()
            self._runs = CropRuns(models.pair, models.settings)
        except OnnxfcnError as error:
            self._problems.append(str(error))

    def _find_crops(self) -> None:
        """Tell from the graph where the cells of each output lie, and whether they are crops.

        Raises:
            OnnxfcnError: that cannot be told of any output.
        """
        pair = self._models.pair
        analysis = ModelAnalysis(pair.rewritten, pair.image.size, pair.layout_option)
        for name in self._outputs():
            try:
                self._geometries[name] = analysis.geometry(name)
                self._exactness[name] = decide_one(analysis, self._geometries[name])
            except GeometryUnknownError as error:
                self._problems.append(str(error))

    @property
    def report(self) -> CropReport:
        """What was measured so far."""
        return CropReport(results=tuple(self._results), problems=tuple(self._problems))

    def measure(self, answered: Answered) -> None:
        """Compare cells of an image with crops of it.

        Args:
            answered: the image, and what the rewritten model says of it.
        """
        if self._runs is None:
            return
        try:
            self._results += self._measured(self._runs, answered)
        except OnnxfcnError as error:
            size = size_text(answered.sample.size)
            self._problems.append(f"crops of the image of {size}: {error}")

    def _measured(self, runs: CropRuns, answered: Answered) -> list[CropResult]:
        cells = self._chosen(answered)
        crops: dict[Box, int] = {}
        for name, chosen in cells.items():
            for cell in (*chosen.border, *chosen.inside):
                crops.setdefault(self._geometries[name].crop(*cell), len(crops))
        what = f"crops at {size_text(answered.sample.size)}"
        answers: dict[str, list[np.ndarray]] = {name: [] for name in cells}
        for answer in runs.answers(answered.feeds, list(crops), what):
            for name, found in answers.items():
                found.append(answer[name])
        return [
            self._result(name, answered, chosen, crops, answers[name])
            for name, chosen in cells.items()
        ]

    def _chosen(self, answered: Answered) -> dict[str, CropCells]:
        """Cells to measure, by the name of the output, where cells stand for crops."""
        size = answered.sample.size
        generator = np.random.default_rng([self._settings.seed, *size])
        chosen = {}
        for name in self._geometries:
            map_size = self._map_size(name, answered.answers[name])
            expected = self._geometries[name].map_size(*size)
            if map_size != expected:
                self._problems.append(
                    f"the map of '{name}' at {size_text(size)} has {size_text(map_size)} cells,"
                    f" its geometry gives {size_text(expected)}"
                )
            else:
                chosen[name] = choose_cells(self._geometries[name], size, map_size, generator)
        return chosen

    def _outputs(self) -> list[str]:
        """Outputs with cells, each of which is the answer of a head."""
        heads = [head for head in self._models.heads if head.slides]
        outputs = {name for head in heads for name in head.output_of.values()}
        return [name for name in self._models.pair.declared if name in outputs]

    def _map_size(self, name: str, values: np.ndarray) -> Size:
        return tuple(values.shape[axis] for axis in self._models.pair.growth.spatial(name))

    def _result(
        self,
        name: str,
        answered: Answered,
        chosen: CropCells,
        crops: Mapping[Box, int],
        answers: Sequence[np.ndarray],
    ) -> CropResult:
        values = answered.answers[name]
        spatial = self._models.pair.growth.spatial(name)
        cells = np.moveaxis(values, spatial, range(len(spatial)))
        scale = max((_largest(answer) for answer in answers), default=0.0)
        groups = []
        for places, in_all in zip((chosen.border, chosen.inside), chosen.in_all, strict=True):
            geometry = self._geometries[name]
            expected = [answers[crops[geometry.crop(*place)]] for place in places]
            groups.append(_group([cells[place] for place in places], expected, in_all, scale))
        exactness = self._exactness.get(name)
        rtol = relative_tolerance(values.dtype, self._settings.rtol)
        return CropResult(
            output=name,
            size=answered.sample.size,
            source=answered.sample.source,
            map_size=self._map_size(name, values),
            scale=scale,
            tolerance=rtol + (self._settings.atol / scale if scale else 0.0),
            border=groups[0],
            inside=groups[1],
            beyond=chosen.beyond,
            graph=exactness.label if exactness else "",
            causes=tuple(exactness.lines()) if exactness else (),
        )


def _group(
    cells: Sequence[np.ndarray], crops: Sequence[np.ndarray], in_all: int, scale: float
) -> CropGroup:
    """Compare cells ``[N, ...]`` with the original's answers on crops, one for each.

    Each sample of each cell counts as one.
    """
    if not cells:
        return CropGroup(cells=in_all, measured=0, median=None, maximum=None, agreement=None)
    samples = len(crops[0])
    actual = np.concatenate([cell.reshape(samples, -1) for cell in cells])
    expected = np.concatenate([crop.reshape(samples, -1) for crop in crops])
    median = maximum = agreement = None
    if expected.dtype.kind in "biu":
        agreement = float((actual == expected).all(axis=1).mean())
    else:
        differences = deviation(expected.astype(np.float64), actual.astype(np.float64))
        relative = differences.max(axis=1) / (scale or 1.0)
        median, maximum = float(np.median(relative)), float(relative.max())
        if expected.shape[1] > 1:
            agreement = float((actual.argmax(axis=1) == expected.argmax(axis=1)).mean())
    return CropGroup(
        cells=in_all, measured=len(cells), median=median, maximum=maximum, agreement=agreement
    )


def _largest(values: np.ndarray) -> float:
    """Largest absolute finite value."""
    finite = np.abs(values[np.isfinite(values)], dtype=np.float64)
    return float(finite.max(initial=0.0))
