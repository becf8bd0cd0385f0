"""What was timed of an original and its fully convolutional form."""

from dataclasses import dataclass
from math import prod
from typing import Any

from .json_types import json_object
from .report import SCHEMA_VERSION
from .sizes import Size
from .timing import Timed


@dataclass(frozen=True, kw_only=True)
class BatchSpeed:
    """Both models on images of the original size.

    Attributes:
        size: the image in pixels.
        batch: images a run; those that a model does not take together go one after the other.
        original: how long the original took for all of them.
        rewritten: how long the rewritten model took.
    """

    size: Size
    batch: int
    original: Timed
    rewritten: Timed

    @property
    def ratio(self) -> float:
        """How many times as long the rewritten model took."""
        return self.rewritten.times(self.original)

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        content = {
            "size": self.size,
            "batch": self.batch,
            "original": _seconds(self.original),
            "rewritten": _seconds(self.rewritten),
            "ratio": self.ratio,
        }
        return json_object(content)


@dataclass(frozen=True, kw_only=True)
class CropSpeed:
    """One pass over a larger image, and the original on the crop of each cell.

    Attributes:
        size: the image in pixels.
        map_size: cells of the map.
        images: images that the one pass took together; there are as many of each crop.
        crops_together: crops that the original ran on together, the fastest of some numbers.
        one_pass: how long the rewritten model took.
        by_crops: how long it took to cut the crops out and to run the original on them.
        limit: how many times fewer multiply-accumulates one pass needs; ``None`` where they cannot
            be counted.
    """

    size: Size
    map_size: Size
    images: int
    crops_together: int
    one_pass: Timed
    by_crops: Timed
    limit: float | None

    @property
    def faster(self) -> float:
        """How many times as fast one pass was."""
        return self.by_crops.times(self.one_pass)

    @property
    def reached(self) -> float | None:
        """The same as a share of the limit."""
        return self.faster / self.limit if self.limit else None

    @property
    def cells_a_second(self) -> float:
        """Cells that one pass answers for in a second."""
        return self.images * prod(self.map_size) / self.one_pass.median

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        content = {
            "size": self.size,
            "map_size": self.map_size,
            "images": self.images,
            "crops_together": self.crops_together,
            "one_pass": _seconds(self.one_pass),
            "by_crops": _seconds(self.by_crops),
            "cells_a_second": self.cells_a_second,
            "faster": self.faster,
            "limit": self.limit,
            "reached": self.reached,
        }
        return json_object(content)


@dataclass(frozen=True, kw_only=True)
class SpeedReport:
    """What was timed.

    Attributes:
        provider: the execution provider, with its options.
        output: name of the output whose cells are counted.
        batches: the original size.
        sizes: larger images; none where the output is a map in the original already, so that no
            crop stands for a cell.
    """

    provider: str
    output: str
    batches: tuple[BatchSpeed, ...]
    sizes: tuple[CropSpeed, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON types, with a ``schema_version``."""
        return {
            "schema_version": SCHEMA_VERSION,
            "status": "done",
            "provider": self.provider,
            "output": self.output,
            "batches": [each.as_dict() for each in self.batches],
            "sizes": [each.as_dict() for each in self.sizes],
        }


def _seconds(timed: Timed) -> dict[str, Any]:
    return {"first": timed.first, "median": timed.median, "rounds": timed.rounds.tolist()}
