"""What a rewrite leaves in the metadata of its result, and how a result is told by it."""

import json
from collections.abc import Mapping, Sequence

from onnx import ModelProto

from passes.images import Image

from .meaning import OutputMeaning
from .sizes import Size

_PREFIX = "onnxfcn."
_WINDOWS_KEY = "onnxfcn.windows"
"""Metadata: the cells of each feature map that a head sees at once, a JSON object by the map's
name."""


def write_meanings(
    model: ModelProto, meanings: Sequence[OutputMeaning], windows: Mapping[str, Size]
) -> None:
    """Put what is known into a model's metadata, in place of what another rewrite said."""
    entries = {_WINDOWS_KEY: json.dumps({name: list(window) for name, window in windows.items()})}
    for meaning in meanings:
        if meaning.geometry is not None:
            entries |= meaning.geometry.to_metadata()
    kept = [e for e in model.metadata_props if not e.key.startswith(_PREFIX)]
    if len(kept) < len(model.metadata_props):
        del model.metadata_props[:]
        model.metadata_props.extend(kept)
    for key, value in entries.items():
        model.metadata_props.add(key=key, value=value)


def is_result(image: Image, told: Mapping[str, str]) -> bool:
    """Whether a model is what a rewrite made, still free: its pools are windows by now.

    Args:
        image: its image.
        told: its metadata.
    """
    extents = [image.tensor.shape[axis] for axis in image.spatial_axes]
    return _WINDOWS_KEY in told and not any(isinstance(extent, int) for extent in extents)


def windows_in_metadata(told: Mapping[str, str]) -> dict[str, Size]:
    """Windows that a rewritten model's metadata tell; none where they are not as written."""
    try:
        content = json.loads(told.get(_WINDOWS_KEY, "{}"))
        return {str(name): tuple(map(int, window)) for name, window in content.items()}
    except (AttributeError, TypeError, ValueError):
        return {}
