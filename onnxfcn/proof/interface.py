"""A rewritten model must be fed and read like its original, and be what its file declares."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_graphsurgeon as gs
from onnx import TensorProto

from passes.shapes import Dim

from ..errors import ValidationFailedError


def check_interface(before: gs.Graph, after: gs.Graph) -> None:
    """Inputs and outputs must have their names, order and types, and free axes must stay free."""
    for kind, old, new in (
        ("inputs", before.inputs, after.inputs),
        ("outputs", before.outputs, after.outputs),
    ):
        was, now = _signature(old), _signature(new)
        if now != was:
            raise ValidationFailedError(
                f"the {kind} are {', '.join(now)}, in the original {', '.join(was)}"
            )
    for old, new in zip(before.inputs, after.inputs, strict=True):
        shapes = zip(old.shape or (), new.shape or (), strict=False)
        if any(isinstance(now, int) and now != was for was, now in shapes):
            raise ValidationFailedError(
                f"the input '{new.name}' takes {list(new.shape)}, in the original"
                f" {list(old.shape)}: free axes must stay free, and the original comes first"
            )


def _signature(tensors: Sequence[gs.Tensor]) -> list[str]:
    """Name and data type of each tensor, such as ``'image' float32``."""
    return [f"'{tensor.name}' {_type_text(tensor)}" for tensor in tensors]


def _type_text(tensor: gs.Tensor) -> str:
    known = tensor.dtype
    if isinstance(known, int):  # one that numpy does not know
        return str(TensorProto.DataType.Name(known)).lower()
    return "of no known type" if known is None else str(known)


def check_declared(
    declared: Mapping[str, Sequence[Dim] | None], actual: Mapping[str, np.ndarray]
) -> None:
    """Outputs must have the extents that the file declares."""
    for name, shape_declared in declared.items():
        shape = actual[name].shape
        known = shape_declared or [None] * len(shape)
        if len(known) != len(shape) or any(
            isinstance(own, int) and own != extent
            for own, extent in zip(known, shape, strict=False)
        ):
            raise ValidationFailedError(
                f"'{name}' has shape {list(shape)}, the file declares {list(known)}"
            )
