"""Time a fully convolutional model and its original, in turns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from passes.images import Image

from .costs import count_costs, preferred
from .errors import GeometryUnknownError, UsageError
from .files.graph_view import graph_view
from .geometry import Box, Geometry
from .geometry.analysis import ModelAnalysis
from .proof.crops.runs import CropRuns
from .proof.model_pair import ModelPair
from .runtime.session import Session
from .settings import Settings, no_progress
from .sizes import Size, size_text
from .speed_report import BatchSpeed, CropSpeed
from .timing import take_turns

_TOGETHER = (1, 8, 64)
"""Crops to run together; the fastest of these numbers stands against one pass."""
_VALUES_TOGETHER = 2**22
"""Values that they have at most: activations of VGG-16 take 1 GB then."""
_ROUNDS = 30
_SECONDS = 10.0
"""Of all rounds of a comparison, as soon as there are enough of them."""


class Stopwatch:
    """Times an original and its fully convolutional form.

    Attributes:
        geometry: where the cells of the map lie, that of the first output that has one, and of
            which a cell is an answer of the original if there is such an output.
    """

    def __init__(self, pair: ModelPair, settings: Settings) -> None:
        """Open both models.

        Args:
            pair: the models.
            settings: the provider to run them on, and the progress to show.

        Raises:
            UnusableModelError: ONNX Runtime cannot run one of them.
            GeometryUnknownError: it cannot be told which crop a cell stands for.
        """
        self._pair, self._settings = pair, settings
        self.geometry = _geometry(pair)
        self._original = Session(pair.original, settings.provider)
        self._rewritten = Session(pair.rewritten, settings.provider)
        self._crops = CropRuns(
            pair, replace(settings, progress=no_progress), session=self._original
        )

    def check(self, batches: Sequence[int]) -> None:
        """Refuse batches that the original does not take.

        Raises:
            UsageError: there is one.
        """
        samples = self._pair.image.samples
        for batch in batches:
            if batch < 1 or (samples and batch % samples):
                raise UsageError(
                    f"the original takes {samples or 1} images per run, not {batch}: give a"
                    " multiple of that as the batch"
                )

    def limits(self, sizes: Sequence[Size]) -> dict[Size, float | None]:
        """How many times fewer multiply-accumulates one pass needs, by the image's size.

        Raises:
            SizeNotAcceptedError: the rewritten model takes no images of a size.
            UsageError: a size has another number of axes.
        """
        graph, after = graph_view(self._pair.original), graph_view(self._pair.rewritten)
        own = next(tensor for tensor in graph.inputs if tensor.name == self._pair.image.name)
        image = Image(own, self._pair.image.shape, self._pair.image.roles)
        costs = count_costs(graph, after, image, self.geometry, sizes)
        crop = self.geometry.original_size
        for size in sizes:
            if any(extent < least for extent, least in zip(size, crop, strict=True)):
                raise UsageError(
                    f"crops of {size_text(crop)} do not fit into an image of {size_text(size)}"
                )
        saved = {cost.size: cost.saved or None for cost in costs}
        return {tuple(size): saved.get(tuple(size)) for size in sizes}

    def time_batch(self, batch: int) -> BatchSpeed:
        """Time both models on some images of the original size."""
        feeds = self._pair.feeds(self._pair.image.size, batch, self._settings.generator())
        portions = self._pair.portions(feeds)
        runs = {
            "original": partial(_run_each, self._original, portions),
            "rewritten": partial(
                _run_each, self._rewritten, [feeds] if self._pair.any_batch else portions
            ),
        }
        timed = take_turns(
            runs, rounds=_ROUNDS, seconds=_SECONDS, progress=self._bar(f"batch {batch}")
        )
        return BatchSpeed(size=self._pair.image.size, batch=batch, **timed)

    def time_crops(self, size: Size, limit: float | None) -> CropSpeed:
        """Time one pass, and the original on all crops.

        Raises:
            GeometryUnknownError: the map has not the cells that the geometry gives.
        """
        images = self._pair.image.samples or 1
        feeds = self._pair.feeds(size, images, self._settings.generator())
        map_size = self.geometry.map_size(*size)
        crops = [_shifted_into(self.geometry.crop(*cell), size) for cell in np.ndindex(*map_size)]
        together = self._fastest_number(feeds, crops)
        runs: dict[str, Callable[[], object]] = {
            "one_pass": partial(self._rewritten.run, feeds),
            "by_crops": partial(self._crops.run, feeds, crops, together),
        }
        bar = self._bar(size_text(size))
        timed = take_turns(runs, rounds=_ROUNDS, seconds=_SECONDS, progress=bar)
        # Only now: a run before would have been the first at this size.
        self._check_map(self._rewritten.run(feeds), size, map_size)
        return CropSpeed(
            size=size,
            map_size=map_size,
            images=images,
            crops_together=together,
            limit=limit,
            **timed,
        )

    def _fastest_number(self, feeds: Mapping[str, np.ndarray], crops: Sequence[Box]) -> int:
        """How many crops to run together, so that each takes the least time."""
        most = min(self._crops.most_together(feeds, _VALUES_TOGETHER), len(crops))
        runs = {
            str(number): partial(self._crops.run, feeds, crops[:number], number)
            for number in sorted({min(number, most) for number in _TOGETHER})
        }
        timed = take_turns(runs, rounds=_ROUNDS, seconds=_SECONDS / 10)
        return min(map(int, timed), key=lambda number: timed[str(number)].median / number)

    def _check_map(self, answers: Mapping[str, np.ndarray], size: Size, expected: Size) -> None:
        """Raise where the map has other cells than are counted."""
        output = self.geometry.output
        axes = [axis.map_axis for axis in self.geometry.axes]
        extents = tuple(1 if axis is None else answers[output].shape[axis] for axis in axes)
        if extents != expected:
            raise GeometryUnknownError(
                f"the map of '{output}' at {size_text(size)} has {size_text(extents)} cells, its"
                f" geometry gives {size_text(expected)}"
            )

    def _bar(self, what: str) -> Callable[[int, int], None]:
        return partial(self._settings.progress, what)


def _geometry(pair: ModelPair) -> Geometry:
    """Where the cells of the first map among the outputs lie.

    Raises:
        GeometryUnknownError: there is none of which that can be told.
    """
    analysis = ModelAnalysis(pair.rewritten, pair.image.size, pair.layout_option)
    reasons, maps = [], []
    for name in analysis.outputs:
        try:
            geometry = analysis.geometry(name)
        except GeometryUnknownError as error:
            reasons.append(error)
            continue
        if any(geometry.stride):
            maps.append(geometry)
    if maps:
        return preferred(maps)
    raise reasons[0] if reasons else GeometryUnknownError("no output of the models is a map")


def _run_each(session: Session, portions: Sequence[Mapping[str, np.ndarray]]) -> None:
    for feeds in portions:
        session.run(feeds)


def _shifted_into(box: Box, size: Size) -> Box:
    """A box moved into the image: for time, it does not matter where a crop is."""
    ends = zip(box.start, box.stop, size, strict=True)
    moves = [max(0, -start) + min(0, extent - stop) for start, stop, extent in ends]
    corners = (tuple(map(sum, zip(corner, moves, strict=True))) for corner in (box.start, box.stop))
    return Box(*corners)
