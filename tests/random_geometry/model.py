"""A random model that runs, and what is said of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from onnxfcn.geometry import Geometry

from .builder import IMAGE
from .strategy import Case

Floats = npt.NDArray[np.float32]
Size = tuple[int, ...]

LARGEST = 1 << 16
"""Pixels of an image that does not take too long."""
SEARCH = 48
"""How far to look for a size that a model takes."""


@dataclass(frozen=True)
class Model:
    """A random model that runs, and what is said of it.

    Attributes:
        case: the model and its own size.
        runtime: runs it.
        geometry: of its answer.
    """

    case: Case
    runtime: ort.InferenceSession
    geometry: Geometry

    def shape(self, size: Size) -> list[int]:
        """Shape of an image of a size in pixels."""
        return shape_of(self.case, size)

    def run(self, image: Floats) -> Floats:
        """The map ``[1, K, *o]`` of an image."""
        (answer,) = self.runtime.run(None, {IMAGE: image})
        found: Floats = answer
        return found

    def sizes(self, cells: int) -> Iterator[Size]:
        """Images with about so many cells an axis, aligned and not."""
        seen = set()
        for remainder in (0, 1, 2, 3):
            size = []
            for axis in self.geometry.axes:
                wanted = axis.original + int(cells * axis.stride) + remainder
                fits = [n for n in range(wanted, wanted + SEARCH) if axis.extent(n)]
                if not fits:
                    return
                size.append(fits[0])
            if tuple(size) not in seen:
                seen.add(tuple(size))
                yield tuple(size)


def shape_of(case: Case, size: Size) -> list[int]:
    """Shape of an image of a size in pixels."""
    channels = case.model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    return [1, channels, *size]
