"""The image input of a model, and random images for it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs

from passes.axis_roles import Roles, image_inputs, image_roles
from passes.static_shapes import Shape

from .errors import UsageError
from .sizes import Size

_BLOCKS = (1, 8, 64)
"""Pixels; random images have detail at each of these scales. Noise of single pixels alone
averages out in a deep network, and its cells would hardly differ."""


@dataclass(frozen=True)
class ImageInput:
    """A graph input with spatial axes.

    Attributes:
        name: its name.
        shape: its shape at the original size; the batch may be symbolic.
        roles: which axis is the batch, which the channels, which are spatial.
        dtype: its data type.
    """

    name: str
    shape: Shape
    roles: Roles
    dtype: np.dtype

    @property
    def size(self) -> Size:
        """Extents of the spatial axes in pixels, in image order."""
        extents = {role: self.shape[axis] for axis, role in enumerate(self.roles) if role >= 2}
        size = tuple(extents[role] for role in sorted(extents))
        if not all(isinstance(extent, int) for extent in size):
            raise UsageError(
                f"the input '{self.name}' has no size of its own {list(self.shape)}; say what size"
                " the model was made for: --input-size HxW"
            )
        return tuple(int(extent) for extent in size if isinstance(extent, int))

    @property
    def batch(self) -> int | None:
        """Number of samples, ``None`` where it is symbolic."""
        batch = self.shape[self.roles.index(0)]
        return batch if isinstance(batch, int) else None

    def shape_at(self, size: Size, batch: int | None = None) -> tuple[int, ...]:
        """Shape of a batch of images; ``batch`` counts only where the model's own is symbolic."""
        own = self.batch or batch or 1
        extents = {0: own} | {role + 2: extent for role, extent in enumerate(size)}
        channels = self.shape[self.roles.index(1)] if 1 in self.roles else None
        extents[1] = channels if isinstance(channels, int) else 1
        return tuple(extents[role] for role in self.roles)

    def random(self, size: Size, generator: np.random.Generator, batch: int = 1) -> np.ndarray:
        """Images of about unit variance with detail at several scales."""
        extents = (self.batch or batch, self.shape_at(size)[self.roles.index(1)], *size)
        image = sum(_noise(extents, block, generator) for block in _BLOCKS) / np.sqrt(len(_BLOCKS))
        ordered = np.transpose(image, self.roles)
        if self.dtype.kind in "ui":
            ordered = np.clip(128 + 50 * ordered, 0, 127 if self.dtype == np.int8 else 255)
        return np.ascontiguousarray(ordered).astype(self.dtype)


def _noise(extents: tuple[int, ...], block: int, generator: np.random.Generator) -> np.ndarray:
    """Normal noise that is constant over blocks of pixels."""
    coarse = generator.standard_normal(
        (*extents[:2], *(-(-extent // block) for extent in extents[2:])), dtype=np.float32
    )
    for axis, extent in enumerate(extents[2:], 2):
        coarse = np.repeat(coarse, block, axis=axis).take(range(extent), axis=axis)
    return coarse


def free_images(
    original: gs.Graph, rewritten: gs.Graph, shapes: Mapping[str, Shape]
) -> list[ImageInput]:
    """Inputs of the original whose spatial axes are symbolic in the rewritten model.

    Args:
        original: the graph before the rewrite.
        rewritten: the graph after it.
        shapes: static shapes of the original at its own size.
    """
    declared = {tensor.name: tensor.shape for tensor in rewritten.inputs}
    images = []
    for tensor in image_inputs(original, shapes):
        roles = image_roles(tensor, len(shapes[tensor.name]))
        after = declared.get(tensor.name) or ()
        spatial = [after[axis] for axis, role in enumerate(roles[: len(after)]) if role >= 2]
        if spatial and not all(isinstance(extent, int) for extent in spatial):
            images.append(
                ImageInput(tensor.name, shapes[tensor.name], roles, np.dtype(tensor.dtype))
            )
    return images
