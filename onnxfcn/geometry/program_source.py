"""Prepare a model to be traced."""

from collections.abc import Sequence
from contextlib import suppress

from passes.images import Roles, check_sized, find_images
from passes.result import Refused

from ..errors import GeometryUnknownError, RefusedError
from ..files.graph_view import graph_view
from ..files.stored_model import StoredModel
from ..sizes import Size
from .geometry import Geometry, from_metadata
from .program import Program
from .rules import RULES


def to_program(
    model: StoredModel, original_size: Sequence[int] | None, layout: str | None
) -> Program:
    """Prepare a model to be traced.

    Args:
        model: the model; only its graph is looked at.
        original_size: the image size that it was made for, in pixels, an axis each; ``None`` takes
            its own, or the one in its metadata.
        layout: one letter an axis, for an image that reaches no convolution or pool; ``None``
            takes the one in its metadata.

    Raises:
        GeometryUnknownError: no input has spatial axes that can be determined.
        RefusedError: the original size is not known, or contradicts the model.
    """
    graph = graph_view(model)
    size, layout = size_and_layout(model, original_size, layout)
    try:
        images = find_images(graph, input_layout=layout)
        if not all(image.is_sized for image in images):
            images = find_images(graph, size, layout)
        check_sized(images)
    except Refused as refused:
        raise RefusedError([refused.refusal]) from None
    if not images:
        raise GeometryUnknownError("no input of the model has spatial axes that can be determined")
    return Program(graph, images, RULES)


def layout_of(roles: Roles) -> str:
    """The layout of an image, one letter an axis: ``n``, ``c``, and ``x``, ``y``, ``z``."""
    return "".join("ncxyz"[role] for role in roles)


def layout_in_metadata(model: StoredModel) -> str | None:
    """The layout of the image that a rewritten model's metadata tell; see ``layout_of``."""
    told = _told(model)
    return None if told is None else told.layout


def size_and_layout(
    model: StoredModel, input_size: Sequence[int] | None, input_layout: str | None = None
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
    size, told = None if input_size is None else tuple(input_size), _told(model)
    if told is None:
        return size, input_layout
    graph = graph_view(model)
    with suppress(Refused):  # Whoever works with them will say so.
        images = find_images(graph, size, input_layout)
        if not images and input_layout is None:
            input_layout = told.layout
            images = find_images(graph, size, input_layout)
        if not all(image.is_sized for image in images):
            size = told.original_size
    return size, input_layout


def _told(model: StoredModel) -> Geometry | None:
    """The first geometry in a model's metadata, if there is any."""
    try:
        return next(iter(from_metadata(model.metadata).values()), None)
    except GeometryUnknownError:
        return None
