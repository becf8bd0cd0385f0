"""Compare the label, exact or approximate, with how far cells are from the answers on crops."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from onnxfcn.exactness import Exactness
from tests.random_cases.outcome import Wrong

from .model import LARGEST, Floats, Model

_SAME, _DIFFERENT = 1e-5, 1e-4
"""Errors relative to the answers' scale: of cells that are exact, and of some that are not."""


def check_label(model: Model, exactness: Exactness) -> None:
    """Exact cells equal crops; of approximate ones, some image shows that they do not."""
    largest = 0.0
    for size in model.sizes(4):
        if np.prod(size) > LARGEST:
            continue
        for image in _images(model.shape(size)):
            largest = max(largest, _error(model, image))
            if exactness.is_exact and largest > _SAME:
                raise Wrong("exact cells differ from crops", f"{size}: {largest}")
            if not exactness.is_exact and largest > _DIFFERENT:
                return
    if not exactness.is_exact and len(list(model.sizes(4))):
        raise Wrong("no image shows that cells are approximate", largest, exactness.lines())


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
