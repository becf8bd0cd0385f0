"""Compare the label, exact or approximate, with how far cells are from the answers on crops."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from onnxfcn.exactness import Exactness
from tests.random_cases.outcome import Wrong

from .model import LARGEST, Floats, Model

_SAME, _DIFFERENT = 1e-5, 1e-4
"""Errors relative to the answers' scale: of cells that are exact, and of some that are not."""


class ConstantAnswer(Exception):
    """Cells are the same whatever the image is: none can show that they are no crops."""


def check_label(model: Model, exactness: Exactness) -> None:
    """Exact cells equal crops; of approximate ones, some image shows that they do not.

    Raises:
        ConstantAnswer: the label is approximate, and no image changes any cell.
        Wrong: the label is.
    """
    largest = 0.0
    shapes = [model.shape(size) for size in model.sizes(4) if np.prod(size) <= LARGEST]
    for shape in shapes:
        for image in _images(shape):
            largest = max(largest, _error(model, image))
            if exactness.is_exact and largest > _SAME:
                raise Wrong("exact cells differ from crops", f"{shape}: {largest}")
            if not exactness.is_exact and largest > _DIFFERENT:
                return
    if not exactness.is_exact and shapes:
        if _is_constant([model.run(image) for shape in shapes for image in _images(shape)]):
            raise ConstantAnswer
        raise Wrong("no image shows that cells are approximate", largest, exactness.lines())


def _is_constant(answers: list[Floats]) -> bool:
    """Whether all cells of some maps ``[1, K, *o]`` are alike."""
    cells = np.concatenate([answer.reshape(answer.shape[1], -1) for answer in answers], axis=1)
    return bool((cells == cells[:, :1]).all())


def _images(shape: list[int]) -> Iterator[Floats]:
    """Noise, large constants, slopes in all directions, and single bright pixels."""
    numbers = np.random.default_rng(5)
    yield (numbers.normal(size=shape) + 50).astype(np.float32)
    for power in range(6):
        yield (numbers.normal(size=shape) / 2**power).astype(np.float32)
    places = np.indices(shape[2:]).sum(axis=0)
    for sign in (1, -1):
        noise = numbers.normal(size=shape) / 10
        yield (sign * (places - places.mean()) + noise).astype(np.float32)
    for _ in range(3):
        yield (numbers.normal(size=shape) ** 5).astype(np.float32)


def _error(model: Model, image: Floats) -> float:
    """The largest difference of a cell from its crop's answer, relative to the answers' scale."""
    cells = model.run(image)
    differences, scale = [0.0], 1e-30
    for cell in product(*map(range, cells.shape[2:])):
        crop = model.geometry.crop(*cell)
        if any(stop > n for stop, n in zip(crop.stop, image.shape[2:], strict=True)):
            continue
        own = model.run(np.ascontiguousarray(image[(slice(None), slice(None), *crop.slices)]))
        own = own[(..., *[0] * len(cell))]
        differences.append(float(np.abs(own - cells[(..., *cell)]).max()))
        scale = max(scale, float(np.abs(own).max()))
    return max(differences) / scale
