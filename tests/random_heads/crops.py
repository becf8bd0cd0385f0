"""An image of several cells, its crops, and what the original answers on them."""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from .strategy import Case

Array = npt.NDArray[np.generic]
Cell = tuple[int, ...]


@dataclass(frozen=True)
class Crops:
    """What the cells of a map are compared with.

    Attributes:
        image: all of it.
        cells: cells of its map, an axis each.
        crops: the part of the image that a cell stands for.
        answers: every output of the original on the crop of a cell.
    """

    image: npt.NDArray[np.float32]
    cells: Cell
    crops: dict[Cell, Array]
    answers: dict[Cell, list[Array]]

    @property
    def by_output(self) -> list[dict[Cell, Array]]:
        """The answers, an output each."""
        outputs = len(next(iter(self.answers.values())))
        return [{cell: each[i] for cell, each in self.answers.items()} for i in range(outputs)]

    @property
    def indistinct(self) -> bool:
        """Whether all cells have the same answers."""
        return all(
            len({answer.tobytes() for answer in each.values()}) == 1 for each in self.by_output
        )


def crops_of(case: Case, original: ort.InferenceSession) -> Crops:
    """Run the original on every crop of an image.

    Raises:
        ValueError: an answer is not finite.
    """
    image, trunk = _image(case), case.trunk
    crops, answers = {}, {}
    for cell in itertools.product(*map(range, _cells(case))):
        places = [
            slice(index * stride, index * stride + size)
            for index, stride, size in zip(cell, trunk.stride, trunk.image_size, strict=True)
        ]
        lead = [slice(None)] * (1 if case.channels_last else 2)
        crops[cell] = image[(*lead, *places)]
        answers[cell] = original.run(None, {"image": crops[cell]})
    if not all(np.isfinite(answer).all() for each in answers.values() for answer in each):
        raise ValueError("the original's answers are not finite")
    return Crops(image, _cells(case), crops, answers)


def _cells(case: Case) -> tuple[int, ...]:
    """Cells of the map, an axis each: not as many on every axis, and not on the first alone."""
    return {1: (4,), 2: (2, 3), 3: (2, 1, 3)}[len(case.trunk.stride)]


def _image(case: Case) -> npt.NDArray[np.float32]:
    """A random image that is so much larger that the map has the cells above."""
    trunk = case.trunk
    extents = [
        size + (cells - 1) * stride
        for size, cells, stride in zip(trunk.image_size, _cells(case), trunk.stride, strict=True)
    ]
    dims = [d.dim_value for d in case.model.graph.input[0].type.tensor_type.shape.dim]
    channels = dims[-1] if case.channels_last else dims[1]
    shape = [*extents, channels] if case.channels_last else [channels, *extents]
    numbers = np.random.default_rng(7)
    return numbers.normal(size=(dims[0] or 2, *shape)).astype(np.float32)
