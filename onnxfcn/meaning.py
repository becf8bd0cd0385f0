"""What the cells of a model's outputs mean: where they lie, and whether they are crops."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from passes import Refusal
from passes.images import Image

from .errors import GeometryUnknownError, RefusedError
from .exactness import Exactness, decide_one
from .files.stored_model import StoredModel
from .geometry import Geometry
from .geometry.analysis import ModelAnalysis
from .geometry.axis import AxisGeometry
from .geometry.program_source import layout_of
from .listing import listed
from .sizes import size_text

_INSIDE = "every cell whose crop is inside the image"
_LARGEST_GRAPH = 2_000
"""Nodes; in larger graphs fields are wide, and it takes minutes: only where somebody asks."""


@dataclass(frozen=True)
class OutputMeaning:
    """What the cells of an output mean.

    Attributes:
        output: its name.
        geometry: where they lie in the image; ``None`` where that cannot be told.
        exactness: whether they are what the model says of crops; ``None`` where ``geometry`` is.
        unknown: why nothing can be told; empty where something is.
        refusal: why no cell can stand for a place in the image; ``None`` where it may.
    """

    output: str
    geometry: Geometry | None = None
    exactness: Exactness | None = None
    unknown: str = ""
    refusal: Refusal | None = None

    def lines(self) -> list[str]:
        """What people need to know, a line of geometry and one of exactness."""
        if self.geometry is None or self.exactness is None:
            return [f"where cells lie in the image cannot be determined: {self.unknown}"]
        crops = f"exact, {_crops(self.geometry)}"
        if not self.exactness.is_exact:
            crops = f"approximate, {_blamed(len(self.exactness.causes))}"
        return [f"'{self.output}': {_where(self.geometry)}", f"'{self.output}': {crops}"]

    def details(self) -> list[str]:
        """Why cells are not their crops, and where branches disagree; a line for each kind."""
        causes = self.exactness.lines() if self.exactness else []
        return [*causes, *(self.geometry.disagreements if self.geometry else ())]

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        geometry, exactness = self.geometry, self.exactness
        return {
            "output": self.output,
            "unknown": self.unknown,
            "geometry": None
            if geometry is None
            else {
                "image": geometry.image,
                "original_size": list(geometry.original_size),
                "stride": [float(stride) for stride in geometry.stride],
                "receptive_field": list(geometry.receptive_field),
                "offset": list(geometry.offset),
                "smallest_size": list(geometry.smallest),
                "whole_image": list(geometry.whole_image),
                "tight": geometry.is_tight,
                "disagreements": list(geometry.disagreements),
            },
            "exactness": None
            if exactness is None
            else {
                "label": exactness.label,
                "causes": [
                    {"node": c.node, "operator": c.operator, "reason": str(c.reason)}
                    for c in exactness.causes
                ],
            },
        }


def find_meanings_if_small(model: StoredModel, image: Image) -> tuple[OutputMeaning, ...]:
    """As ``find_meanings``, but of very large graphs nothing is told."""
    count = len(model.proto.graph.node)
    if count > _LARGEST_GRAPH:
        return (
            OutputMeaning("", unknown=f"ask onnxfcn inspect, for {count:,} nodes take a while"),
        )
    return find_meanings(model, image)


def find_meanings(model: StoredModel, image: Image) -> tuple[OutputMeaning, ...]:
    """Tell what the cells of every output mean, as far as that can be told from the graph.

    Args:
        model: a model whose image may have any size.
        image: the image that it was made for.
    """
    try:
        analysis = ModelAnalysis(model, image.size, layout_of(image.roles))
    except (GeometryUnknownError, RefusedError) as error:
        return (OutputMeaning("", unknown=str(error)),)
    return tuple(_find_meaning(analysis, name) for name in analysis.outputs)


def _find_meaning(analysis: ModelAnalysis, name: str) -> OutputMeaning:
    try:
        geometry = analysis.geometry(name)
        return OutputMeaning(name, geometry, decide_one(analysis, geometry))
    except GeometryUnknownError as error:
        return OutputMeaning(name, unknown=str(error), refusal=error.refusal)


def no_crops(output: str) -> str:
    """Why one pass is compared with no crops, where the original's answer is a map."""
    return (
        f"'{output}' is a map in the original already: no crop stands for one of its cells, and one"
        " pass is compared with none"
    )


def _blamed(count: int) -> str:
    """What is said of so many nodes because of which cells are not their crops."""
    if not count:
        return "cells are not what the original says of their crops"
    nodes = "1 node looks" if count == 1 else f"{count} nodes look"
    return f"{nodes} past the edges of a cell's crop"


def _crops(geometry: Geometry) -> str:
    """What is said of an output whose cells are their crops."""
    if geometry.answers_maps:
        return f"{_INSIDE} is the first cell of what the original says of it"
    if any(map(_leaves_the_image, geometry.axes)):
        return f"{_INSIDE} is what the original says of it"
    return "every cell is what the original says of its crop"


def _leaves_the_image(axis: AxisGeometry) -> bool:
    """Whether the last cell's crop is not inside some images, since strides leave pixels over."""
    sizes = range(axis.original, axis.original + axis.period)
    last = [(size, cells - 1) for size in sizes if (cells := axis.extent(size))]
    return any(axis.crop(cell)[1] > size for size, cell in last)


def _where(geometry: Geometry) -> str:
    """``stride 32 px, receptive field 404 px, cell (0,0) = crop (0,0)-(224,224)``."""
    none = (0,) * len(geometry.axes)
    if not any(geometry.stride):
        return "one cell for the whole image"
    parts = [f"stride {_pixels(geometry.stride)} px"]
    if any(geometry.receptive_field):
        parts.append(f"receptive field {_pixels(geometry.receptive_field)} px")
    if geometry.whole_image:
        names = [f"'{name}'" for name in geometry.whole_image]
        parts.append(f"the whole image through {listed(names, 2)}")
    own, first = geometry.original_size, ""
    cells = geometry.map_size(*own)
    if prod(cells) > 1:
        parts.append(f"{size_text(cells)} cells at {size_text(own)}")
        first = "first cell of "
    cell = ",".join(map(str, none))
    return f"{', '.join(parts)}, cell ({cell}) = {first}crop {geometry.crop(*none)}"


def _pixels(numbers: Sequence[Any]) -> str:
    """``32``, or ``32x16`` where the axes differ."""
    texts = [str(number) for number in numbers]
    return texts[0] if len({*texts}) == 1 else "x".join(texts)
