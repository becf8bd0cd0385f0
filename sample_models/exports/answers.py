"""The answers that a framework gives, to be compared with those of a rewritten model.

Knows numpy only, so that the answers can be read where no framework is installed.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
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
    """What a framework answers on an image of the net's own size, and on larger ones.

    Attributes:
        original_shape: shape of the image at the net's own size, with the batch.
        originals: the whole net on that image, ``[N, K]`` an output, or a map where the net
            answers with maps.
        larger_shapes: shape of each larger image; none for a net that works at one size only.
        maps: for each larger image an array an output, ``[N, K, *o]``, or ``[N, *o, K]`` with
            ``channels_last``: the head on every window of the image's feature map, or the whole
            net where it answers with maps.
        channels_last: whether the channels of images and maps are their last axis.
    """

    original_shape: tuple[int, ...]
    originals: tuple[Floats, ...]
    larger_shapes: tuple[tuple[int, ...], ...]
    maps: tuple[tuple[Floats, ...], ...]
    channels_last: bool = False

    @property
    def images(self) -> Iterator[tuple[tuple[int, ...], tuple[Floats, ...]]]:
        """The shape of every image and the maps that it gives, the original one's first."""
        yield self.original_shape, self.single_cells
        yield from zip(self.larger_shapes, self.maps, strict=True)

    @property
    def single_cells(self) -> tuple[Floats, ...]:
        """``originals`` as maps: vectors get a 1-sized axis for each spatial one."""
        return tuple(
            np.expand_dims(values, self._spatial) if values.ndim == 2 else values
            for values in self.originals
        )

    @property
    def spread(self) -> float:
        """Deviation between the cells of each map relative to its scale; the smallest of all."""
        return min(
            float(output.std(axis=self._spatial).max() / np.abs(output).max())
            for maps in self.maps
            for output in maps
        )

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
    larger = list(enumerate(zip(answers.larger_shapes, answers.maps, strict=True)))
    arrays: dict[str, Any] = {
        "original_shape": np.asarray(answers.original_shape, dtype=np.int64),
        **{f"larger_shape{_nth(n)}": np.asarray(shape, dtype=np.int64) for n, (shape, _) in larger},
        "channels_last": np.asarray(answers.channels_last),
        **{f"original_{k}": values for k, values in enumerate(answers.originals)},
        **{f"map_{k}{_nth(n)}": v for n, (_, maps) in larger for k, v in enumerate(maps)},
    }
    np.savez_compressed(path, **arrays)


def load(path: Path) -> Answers:
    """Read what ``save`` wrote."""
    with np.load(path) as arrays:
        outputs = range(sum(name.startswith("original_") for name in arrays) - 1)
        larger = range(sum(name.startswith("larger_shape") for name in arrays))
        return Answers(
            tuple(arrays["original_shape"].tolist()),
            tuple(arrays[f"original_{k}"] for k in outputs),
            tuple(tuple(arrays[f"larger_shape{_nth(n)}"].tolist()) for n in larger),
            tuple(tuple(arrays[f"map_{k}{_nth(n)}"] for k in outputs) for n in larger),
            bool(arrays["channels_last"]),
        )


def _nth(larger: int) -> str:
    """What the arrays of a larger image end in; nothing for the first."""
    return f"_{larger}" if larger else ""
