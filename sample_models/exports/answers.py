"""The answers that a framework gives, to be compared with those of a rewritten model.

Knows numpy only, so that the answers can be read where no framework is installed.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Head = Callable[[Floats], Sequence[Floats]]
"""From one window of a feature map to the outputs, ``[N, K]`` each."""

LEAST_SPREAD = 0.01
"""Smallest deviation between cells, relative to the output's scale, that shows a wrong cell."""


@dataclass(frozen=True)
class Answers:
    """What a framework answers on two images.

    Attributes:
        original_shape: shape of the image at the net's own size, with the batch.
        larger_shape: shape of a larger image.
        originals: the whole net on the first image, ``[N, K]`` an output.
        maps: the head on every window of the second image's feature map, an output each:
            ``[N, K, *o]``, or ``[N, *o, K]`` with ``channels_last``.
        channels_last: whether the channels of images and maps are their last axis.
    """

    original_shape: tuple[int, ...]
    larger_shape: tuple[int, ...]
    originals: tuple[Floats, ...]
    maps: tuple[Floats, ...]
    channels_last: bool = False

    @property
    def single_cells(self) -> tuple[Floats, ...]:
        """``originals`` as maps of one cell: with a 1-sized axis for each spatial one."""
        return tuple(np.expand_dims(values, self._spatial) for values in self.originals)

    @property
    def spread(self) -> float:
        """Deviation between the cells of each map relative to its scale; the smallest of all."""
        return min(float(o.std(axis=self._spatial).max() / np.abs(o).max()) for o in self.maps)

    @property
    def _spatial(self) -> tuple[int, ...]:
        first = 1 if self.channels_last else 2
        return tuple(range(first, first + len(self.original_shape) - 2))


def draw_image(shape: Sequence[int]) -> Floats:
    """Draw the image of a shape, always the same one: noise of unit variance, float32."""
    seed = zlib.crc32(np.asarray(shape, dtype="<i8").tobytes())
    return np.random.default_rng(seed).standard_normal(tuple(shape), dtype=np.float32)


def answer_windows(
    head: Head, feature_map: Floats, window: Sequence[int], *, channels_last: bool
) -> tuple[Floats, ...]:
    """Run a head on every window of a feature map, with step 1.

    Args:
        head: the framework's own head.
        feature_map: ``[N, C, *s]``, or ``[N, *s, C]`` with ``channels_last``.
        window: extents of a window in cells.
        channels_last: where the features go in the result.

    Returns:
        For each output the map of its answers, laid out like the feature map.
    """
    first = 1 if channels_last else 2
    extents = feature_map.shape[first : first + len(window)]
    counts = [extent - side + 1 for extent, side in zip(extents, window, strict=True)]
    cells = []
    for cell in product(*map(range, counts)):
        cut = [slice(at, at + side) for at, side in zip(cell, window, strict=True)]
        view = feature_map[(slice(None),) * first + tuple(cut)]
        cells.append(head(np.ascontiguousarray(view)))
    maps = []
    for vectors in zip(*cells, strict=True):
        batch, features = vectors[0].shape
        output = np.stack(vectors, axis=1).reshape(batch, *counts, features)
        maps.append(output if channels_last else np.moveaxis(output, -1, 1))
    return tuple(np.ascontiguousarray(output) for output in maps)


def save(path: Path, answers: Answers) -> None:
    """Write answers into an ``.npz``; equal answers give equal bytes."""
    arrays: dict[str, Any] = {
        "original_shape": np.asarray(answers.original_shape, dtype=np.int64),
        "larger_shape": np.asarray(answers.larger_shape, dtype=np.int64),
        "channels_last": np.asarray(answers.channels_last),
        **{f"original_{k}": values for k, values in enumerate(answers.originals)},
        **{f"map_{k}": values for k, values in enumerate(answers.maps)},
    }
    np.savez_compressed(path, **arrays)


def load(path: Path) -> Answers:
    """Read what ``save`` wrote."""
    with np.load(path) as arrays:
        count = sum(name.startswith("map_") for name in arrays)
        return Answers(
            tuple(arrays["original_shape"].tolist()),
            tuple(arrays["larger_shape"].tolist()),
            tuple(arrays[f"original_{k}"] for k in range(count)),
            tuple(arrays[f"map_{k}"] for k in range(count)),
            bool(arrays["channels_last"]),
        )
