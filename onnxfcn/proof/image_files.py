"""Images of the user's as the tensors that a model takes: ``.npy`` arrays and image files."""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from passes.images import spatial_axes

from ..errors import UsageError
from .image import ImageInput
from .samples import Sample

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's modes by their number of channels."""
_BRIGHTEST = 255


def read_sample(path: str | PathLike[str], image: ImageInput) -> Sample:
    """An image from a file, to validate on.

    An array in a ``.npy`` file is taken as it is: with the model's own axes, and its data type, or
    another floating-point type where the model takes one. Of any other file Pillow makes pixels:
    grey, RGB or RGBA by the model's channels, turned as the file says. A model of integers gets
    them as they are, 0 to 255; one of floating-point numbers divided by 255, so 0 to 1. There is
    no mean to subtract: models that expect one take ``.npy`` files.

    Args:
        path: the file.
        image: the model's image.

    Raises:
        UsageError: the file cannot be read, does not fit the model, or holds values that are not
            finite.
    """
    file = Path(path)
    values = _array(file, image) if file.suffix.lower() == ".npy" else _picture(file, image)
    complaint = _shape_error(values, image)
    if complaint:
        raise UsageError(f"{file}: {complaint}")
    size = tuple(values.shape[axis] for axis in spatial_axes(image.roles))
    return Sample(size, np.ascontiguousarray(values), str(file))


def _array(file: Path, image: ImageInput) -> np.ndarray:
    try:
        with file.open("rb") as stream:
            values = np.lib.format.read_array(stream, allow_pickle=False)
    except Exception as error:  # a header is Python, and fails in as many ways
        raise UsageError(f"{file} cannot be read as an array: {error}") from error
    fits = values.dtype == image.dtype or (values.dtype.kind == "f" and _is_float(image.dtype))
    if not fits:
        raise UsageError(
            f"{file} holds {values.dtype} numbers; the model's input '{image.name}' takes"
            f" {image.dtype}"
        )
    with np.errstate(over="ignore"):
        converted = values.astype(image.dtype)
    # Such values spread to all that depends on them, in both models alike: nothing would show.
    if not np.isfinite(converted).all():
        raise UsageError(f"{file} holds values that are not finite, or not as {image.dtype}")
    return converted


def _picture(file: Path, image: ImageInput) -> np.ndarray:
    pillow, operations = _pillow()
    if len(image.size) != 2 or image.channels not in _MODES:
        raise UsageError(
            f"{file}: an image file cannot fill the input '{image.name}' {list(image.shape)} of"
            f" {image.channels} channels and {len(image.size)} spatial axes; give a .npy file"
        )
    try:
        with pillow.open(file) as opened:
            picture = operations.exif_transpose(opened).convert(_MODES[image.channels])
            pixels = np.asarray(picture, np.uint8)
    except Exception as error:  # whatever a decoder raises on a file that is damaged
        raise UsageError(f"{file} cannot be read as an image: {error}") from error
    height, width = pixels.shape[:2]
    channels_first = pixels.reshape(height, width, image.channels).transpose(2, 0, 1)[None]
    values = image.arranged(channels_first)
    if 0 in image.roles:
        values = np.repeat(values, image.samples or 1, axis=image.roles.index(0))
    if _is_float(image.dtype):
        return (values / np.float32(_BRIGHTEST)).astype(image.dtype)
    return values.astype(image.dtype)


def _pillow() -> tuple[Any, Any]:
    """Pillow's modules, which are there only where they were asked for."""
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise UsageError(
            "to read image files, install Pillow: pip install pillow; or give a .npy file"
        ) from error
    return Image, ImageOps


def _is_float(dtype: np.dtype) -> bool:
    """Whether a type is floating-point; numpy does not know those beyond its own by kind."""
    return dtype.kind not in "biuO"


def _shape_error(values: np.ndarray, image: ImageInput) -> str:
    """Why an array does not have the axes of the model's image; empty where it does."""
    known = (image.samples or None, image.channels, *image.size)
    wanted = [known[role] for role in image.roles]
    may_be_larger = spatial_axes(image.roles)
    fits = values.ndim == len(wanted) and all(
        extent > 0 and (own in (None, extent) or (axis in may_be_larger and extent >= (own or 0)))
        for axis, (extent, own) in enumerate(zip(values.shape, wanted, strict=True))
    )
    if fits:
        return ""
    takes = [
        f"{own or 'N'}{' or more' if axis in may_be_larger else ''}"
        for axis, own in enumerate(wanted)
    ]
    return (
        f"the array has the shape {list(values.shape)}; the model's input '{image.name}' takes"
        f" [{', '.join(takes)}]"
    )
