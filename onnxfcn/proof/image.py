"""The image input of a model, and random images for it."""

from dataclasses import dataclass
from math import prod

import numpy as np
import onnx
import onnx_graphsurgeon as gs

from passes.images import SYMBOLIC_BATCH, Image, Roles, find_images, sized, spatial_axes
from passes.shapes import Shape

from ..errors import UnusableModelError, UsageError, ValidationFailedError
from ..files.stored_model import StoredModel
from ..geometry.program_source import layout_in_metadata
from ..sizes import Size, known_size, size_text

_BLOCKS = (1, 8, 64)
"""Pixels; random images have detail at each of these scales. Noise of single pixels alone
averages out in a deep network, and its cells would hardly differ."""
_LARGEST = 2**27
"""Elements of an image of the original size that models are run on."""


@dataclass(frozen=True)
class ImageInput:
    """A graph input with spatial axes.

    Attributes:
        name: its name.
        shape: its shape at the original size, for two samples where the batch is symbolic.
        roles: which axis is the batch, which the channels, which are spatial.
        dtype: its data type.
        any_batch: whether its batch is symbolic.
    """

    name: str
    shape: Shape
    roles: Roles
    dtype: np.dtype
    any_batch: bool = False

    @property
    def size(self) -> Size:
        """Extents of the spatial axes in pixels, in image order."""
        size = known_size([self.shape[axis] for axis in spatial_axes(self.roles)])
        if size is None:
            raise UsageError(
                f"the input '{self.name}' has no size of its own {list(self.shape)}; say what size"
                " the model was made for: --input-size HxW"
            )
        return size

    @property
    def batch(self) -> int:
        """Number of samples: 1 without a batch axis, two where it is symbolic."""
        batch = self.shape[self.roles.index(0)] if 0 in self.roles else 1
        return batch if isinstance(batch, int) else SYMBOLIC_BATCH

    @property
    def samples(self) -> int:
        """The only number of samples that the model takes; 0 for any."""
        return 0 if self.any_batch else self.batch

    @property
    def channels(self) -> int:
        """Number of channels, 1 without a channel axis."""
        if 1 not in self.roles:
            return 1
        channels = self.shape[self.roles.index(1)]
        if not isinstance(channels, int):
            raise UsageError(
                f"the channels of the input '{self.name}' are symbolic {list(self.shape)}; fix"
                " their number in the model first"
            )
        return channels

    def shape_at(self, size: Size) -> tuple[int, ...]:
        """Shape of images of a size, as many as ``batch`` says."""
        extents = (self.batch, self.channels, *size)
        return tuple(extents[role] for role in self.roles)

    def random(self, size: Size, generator: np.random.Generator, batch: int) -> np.ndarray:
        """Images of about unit variance with detail at several scales.

        Raises:
            UsageError: those of the original size are too large, or there is no memory for them.
        """
        extents = (batch, self.channels, *size)
        own = prod(extent for extent in self.shape if isinstance(extent, int))
        if own > _LARGEST:
            raise UsageError(
                f"the input '{self.name}' has {own} elements {list(self.shape)}, too many to prove"
                " anything on: skip the proof (--no-validate)"
            )
        try:
            noise = sum(_noise(extents, block, generator) for block in _BLOCKS)
        except (MemoryError, ValueError) as error:  # ValueError: no array has so many elements
            images = "an image" if batch == 1 else f"{batch} images"
            raise UsageError(f"no memory for {images} of {size_text(size)}: {error}") from error
        image = noise / np.sqrt(len(_BLOCKS))
        ordered = self.arranged(image)
        if self.dtype.kind in "ui":
            largest = min(255, np.iinfo(self.dtype).max)
            ordered = np.clip(largest / 2 + largest / 5 * ordered, 0, largest)
        return np.ascontiguousarray(ordered).astype(self.dtype)

    def arranged(self, images: np.ndarray) -> np.ndarray:
        """Images ``[N, C, *s]`` with the input's own axes; of an axis that it lacks, the first."""
        for role in (1, 0):
            if role not in self.roles:
                images = images.take(0, axis=role)
        return np.transpose(images, np.argsort(np.argsort(self.roles)))


def _noise(extents: tuple[int, ...], block: int, generator: np.random.Generator) -> np.ndarray:
    """Normal noise that is constant over blocks of pixels."""
    coarse = generator.standard_normal(
        (*extents[:2], *(-(-extent // block) for extent in extents[2:])), dtype=np.float32
    )
    for axis, extent in enumerate(extents[2:], 2):
        coarse = np.repeat(coarse, block, axis=axis).take(range(extent), axis=axis)
    return coarse


def free_image(
    original: gs.Graph, rewritten: gs.Graph, input_size: Size | None, layout: str | None = None
) -> ImageInput:
    """The input of the original whose spatial axes are symbolic in the rewritten model.

    Args:
        original: the graph before the rewrite.
        rewritten: the graph after it.
        input_size: the size that the original was made for, where its own is symbolic.
        layout: see ``image_inputs``.

    Raises:
        Refused: the size contradicts the model.
        UnusableModelError: an axis of such an input has the length 0.
        ValidationFailedError: there is not exactly one such input.
    """
    images = image_inputs(original, rewritten, input_size, layout)
    found = [image for image, is_free in images if is_free]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"'{image.name}'" for image in found)
        raise ValidationFailedError(
            f"the rewritten model has several images with symbolic spatial axes ({names}):"
            " only models of one image can be compared"
        )
    if images:
        raise ValidationFailedError(
            "the rewritten model takes images of one size only: rewrite it with"
            " dynamic_spatial_axes, or give the models in the order ORIGINAL REWRITTEN"
        )
    raise ValidationFailedError(
        "which axes of an input are spatial can be determined neither from the graphs of the two"
        " models nor from their metadata"
    )


def image_inputs(
    original: gs.Graph, rewritten: gs.Graph, input_size: Size | None, layout: str | None = None
) -> list[tuple[ImageInput, bool]]:
    """The original's images, and whether the rewritten model takes them at any size.

    The rewritten model's convolutions tell the layout. One of matrix products alone has none, but
    the original's images have the same layout.

    Args:
        original: the graph before the rewrite.
        rewritten: the graph after it.
        input_size: the size that the original was made for, where its own is symbolic.
        layout: what the metadata say, one letter an axis, where neither graph tells the layout.

    Raises:
        Refused: the size contradicts the model.
        UnusableModelError: an axis of such an input has the length 0.
    """
    declared = {tensor.name: tensor for tensor in original.inputs}
    found = []
    for image in _images(original, rewritten, layout):
        before = declared.get(image.tensor.name)
        if before is not None:
            shape = sized(before, image.roles, input_size)
            if 0 in shape:
                raise UnusableModelError(
                    f"the input '{before.name}' has no elements {list(shape)}, so that the original"
                    " cannot run: give its axes of 0 their lengths, or names"
                )
            pairs = zip(before.shape, image.roles, strict=True)
            free = any(role == 0 and not isinstance(extent, int) for extent, role in pairs)
            mine = ImageInput(before.name, shape, image.roles, numpy_dtype(before), free)
            found.append((mine, not image.is_sized))
    return found


def told_layout(original: StoredModel, rewritten: StoredModel) -> str | None:
    """What the metadata of two models say of their image's layout, one letter an axis."""
    return layout_in_metadata(rewritten) or layout_in_metadata(original)


def _images(original: gs.Graph, rewritten: gs.Graph, layout: str | None) -> list[Image]:
    """Images of a rewritten model, by its own convolutions or those of its original."""
    images = find_images(rewritten)
    if images:
        return images
    inputs = {tensor.name: tensor for tensor in rewritten.inputs}
    images = [
        Image(tensor, sized(tensor, image.roles, None), image.roles)
        for image in find_images(original)
        if (tensor := inputs.get(image.tensor.name)) is not None
        and len(tensor.shape or ()) == len(image.roles)
    ]
    return images or find_images(rewritten, input_layout=layout)


def random_feeds(
    graph: gs.Graph, image: ImageInput, size: Size, batch: int, generator: np.random.Generator
) -> dict[str, np.ndarray]:
    """A random image of a size, and random values for every other input of a graph."""
    feeds = {image.name: image.random(size, generator, batch)}
    for tensor in graph.inputs:
        if tensor.name not in feeds and tensor.type == "tensor_type":
            shape = [e if isinstance(e, int) else batch for e in tensor.shape or ()]
            feeds[tensor.name] = generator.standard_normal(shape).astype(numpy_dtype(tensor))
    return feeds


def numpy_dtype(tensor: gs.Tensor) -> np.dtype:
    """Data type of a tensor, those included that numpy itself does not know."""
    known = tensor.dtype
    if isinstance(known, int):
        known = onnx.helper.tensor_dtype_to_np_dtype(known)
    dtype: np.dtype = np.dtype(known)
    return dtype
