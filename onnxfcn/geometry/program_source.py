"""Prepare a model to be traced."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from os import PathLike
from pathlib import Path

from onnx import ModelProto

from passes.images import Roles, check_sized, find_images
from passes.result import Refused

from ..errors import GeometryUnknownError, RefusedError
from ..files.graph_view import graph_view
from ..files.model_io import load
from ..files.stored_model import StoredModel
from ..sizes import Size
from .geometry import Geometry, from_metadata
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
        layout: one letter an axis, for an image that reaches no convolution or pool; ``None``
            takes the one in its metadata.

    Raises:
        GeometryUnknownError: no input has spatial axes that can be told.
        RefusedError: the original size is not known, or contradicts the model.
    """
    stored = _stored(model)
    graph = graph_view(stored)
    told = stored.metadata
    size, layout = original_size or size_in_metadata(told), layout or layout_in_metadata(told)
    try:
        images = find_images(graph, input_layout=layout)
        if not all(image.is_sized for image in images):
            images = find_images(graph, size, layout)
        check_sized(images)
    except Refused as refused:
        raise RefusedError([refused.refusal]) from None
    if not images:
        raise GeometryUnknownError("no input of the model has spatial axes that can be told")
    return Program(graph, images, RULES)


def _stored(model: ModelSource) -> StoredModel:
    if isinstance(model, StoredModel):
        return model
    return StoredModel(model) if isinstance(model, ModelProto) else load(Path(model))


def layout_of(roles: Roles) -> str:
    """The layout of an image, one letter an axis: ``n``, ``c``, and ``x``, ``y``, ``z``."""
    return "".join("ncxyz"[role] for role in roles)


def size_in_metadata(metadata: Mapping[str, str]) -> Size | None:
    """The original image size that a rewritten model's metadata tell, in pixels an axis."""
    return next((geometry.original_size for geometry in _told(metadata)), None)


def layout_in_metadata(metadata: Mapping[str, str]) -> str | None:
    """The layout of the image that a rewritten model's metadata tell; see ``layout_of``."""
    return next((geometry.layout for geometry in _told(metadata)), None)


def size_and_layout(
    model: StoredModel, input_size: Size | None, input_layout: str | None = None
) -> tuple[Size | None, str | None]:
    """The original image size and the layout of a model that may be a rewritten one.

    Args:
        model: the model; only its graph is looked at.
        input_size: the size, where the user gives it.
        input_layout: the layout, where the user gives it.

    Returns:
        The size and the layout as given; what is not given, and cannot be told from the graph, as
        the metadata tell.
    """
    told = model.metadata
    if not _told(told):
        return input_size, input_layout
    graph = graph_view(model)
    with suppress(Refused):  # Whoever works with them will say so.
        images = find_images(graph, input_size, input_layout)
        if not images and input_layout is None:
            input_layout = layout_in_metadata(told)
            images = find_images(graph, input_size, input_layout)
        if not all(image.is_sized for image in images):
            input_size = size_in_metadata(told)
    return input_size, input_layout


def _told(metadata: Mapping[str, str]) -> list[Geometry]:
    try:
        return list(from_metadata(metadata).values())
    except GeometryUnknownError:
        return []
