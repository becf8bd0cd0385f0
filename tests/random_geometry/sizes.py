"""Compare map sizes and accepted image sizes with what ONNX Runtime takes and gives."""

from collections.abc import Iterator

import numpy as np

from onnxfcn.geometry import Geometry, SizeNotAcceptedError
from tests.random_cases.outcome import Wrong

from .model import Model, Size

_SAFE = frozenset({"activation", "convolution", "same", "shortcut", "unpadded"})
"""Layers with which ONNX Runtime refuses images that are too small: with empty tensors it may
crash, and a pool larger than the map is taken for one that fits."""


def check_sizes(model: Model) -> None:
    """The map's extent, and which image sizes the model takes, an axis at a time."""
    if model.geometry.map_size(*model.case.size) != (1,) * model.case.rank:
        raise Wrong("at the original size the map has other cells than one")
    for size in _sizes(model):
        told = _map_size(model.geometry, size)
        try:
            answer = model.run(np.zeros(model.shape(size), np.float32))
        except Exception as error:
            if told is not None:
                raise Wrong("a size is said to be taken and is not", size, error) from None
            continue
        if told is None and answer.size:
            raise Wrong("a size is refused and is taken", size, answer.shape)
        if told is not None and answer.shape[2:] != told:
            raise Wrong("a map has another size", size, answer.shape, told)


def _sizes(model: Model) -> Iterator[Size]:
    """Sizes around the model's own with which ONNX Runtime does not crash."""
    for axis, own in enumerate(model.case.size):
        for change in (-5, -2, -1, 1, 2, 3, 7, 11):
            size = (*model.case.size[:axis], own + change, *model.case.size[axis + 1 :])
            too_small = any(n < s for n, s in zip(size, model.geometry.smallest, strict=True))
            if min(size) >= 1 and (not too_small or set(model.case.labels) <= _SAFE):
                yield size


def _map_size(geometry: Geometry, size: Size) -> Size | None:
    """The size that the map is said to have; ``None`` where the image is refused."""
    try:
        return geometry.map_size(*size)
    except SizeNotAcceptedError:
        return None
