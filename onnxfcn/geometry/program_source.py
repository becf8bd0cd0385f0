"""Prepare a model to be traced."""

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

import onnx_graphsurgeon as gs
from onnx import ModelProto

from passes.images import Image, check_sized, find_images
from passes.result import Refused

from ..errors import GeometryUnknownError, RefusedError
from ..graph_view import graph_view
from ..model_io import load
from ..sizes import Size
from ..stored_model import StoredModel
from .metadata import from_metadata
from .program import Program
from .rules import RULES

ModelSource = StoredModel | ModelProto | str | PathLike[str]
"""A path to an ``.onnx`` file, or a model in memory."""


def to_program(
    model: ModelSource, original_size: Sequence[int] | None, layout: str | None = None
) -> Program:
    """Prepare a model to be traced.

    Args:
        model: the model; only its graph is looked at.
        original_size: the image size that it was made for, in pixels, an axis each; ``None`` takes
            its own, or the one in its metadata.
        layout: one letter an axis, for an image that reaches no convolution or pool.

    Raises:
        GeometryUnknownError: no input has spatial axes that can be told.
        RefusedError: the original size is not known, or contradicts the model.
    """
    stored = _stored(model)
    graph = graph_view(stored)
    told = {entry.key: entry.value for entry in stored.proto.metadata_props}
    size = original_size or size_told(told)
    try:
        images = images_told(graph, told, None, layout)
        if not all(image.is_sized for image in images):
            images = images_told(graph, told, size, layout)
        check_sized(images)
    except Refused as refused:
        raise RefusedError([refused.refusal]) from None
    if not images:
        raise GeometryUnknownError("no input of the model has spatial axes that can be told")
    return Program(graph, images, RULES)


def images_told(
    graph: gs.Graph, metadata: Mapping[str, str], size: Sequence[int] | None, layout: str | None
) -> list[Image]:
    """Images of a graph; where no operator tells their layout, a rewritten model's metadata do.

    Args:
        graph: the graph; not changed.
        metadata: of the model.
        size: pixels, an axis each; ``None`` takes the model's own.
        layout: one letter an axis, for images that reach no convolution or pool.

    Raises:
        Refused: the size or the layout contradicts an input.
    """
    found = find_images(graph, size, layout)
    return found or find_images(graph, size, _layout_told(graph, metadata))


def _layout_told(graph: gs.Graph, metadata: Mapping[str, str]) -> str | None:
    """The layout of a rewritten model's image: its free axes behind the batch are spatial."""
    try:
        geometry = next(iter(from_metadata(metadata).values()), None)
    except GeometryUnknownError:
        return None
    image = next((t for t in graph.inputs if geometry and t.name == geometry.image), None)
    if geometry is None or image is None:
        return None
    free = [axis for axis, extent in enumerate(image.shape) if axis and not isinstance(extent, int)]
    if (len(free), len(image.shape)) != (len(geometry.axes), len(geometry.axes) + 2):
        return None
    spatial = iter("xyz")
    return "n" + "".join(
        next(spatial) if axis in free else "c" for axis in range(1, len(image.shape))
    )


def spatial_size(image: Image) -> Size:
    """Pixels of an image, an axis each, in image order."""
    pairs = zip(image.roles, image.shape, strict=True)
    extents = {role: int(str(extent)) for role, extent in pairs if role >= 2}
    return tuple(extents[role] for role in sorted(extents))


def _stored(model: ModelSource) -> StoredModel:
    if isinstance(model, StoredModel):
        return model
    return StoredModel(model) if isinstance(model, ModelProto) else load(Path(model))


def layout_of(image: Image) -> str:
    """The layout of an image, one letter an axis: ``n``, ``c``, and ``x``, ``y``, ``z``."""
    return "".join("ncxyz"[role] for role in image.roles)


def size_told(metadata: Mapping[str, str]) -> Size | None:
    """The original image size that a rewritten model's metadata tell, in pixels an axis."""
    try:
        found = from_metadata(metadata)
    except GeometryUnknownError:
        return None
    return next((geometry.original_size for geometry in found.values()), None)
