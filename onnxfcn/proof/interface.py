"""A rewritten model must be fed and read like its original, and be what its file declares."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_graphsurgeon as gs

from passes.skeleton import Dim

from ..errors import ValidationFailedError


def check_interface(before: gs.Graph, after: gs.Graph) -> None:
    """Inputs and outputs must have their names, order and types, and free axes must stay free."""
    for kind, old, new in (
        ("inputs", before.inputs, after.inputs),
        ("outputs", before.outputs, after.outputs),
    ):
        signature = [(tensor.name, tensor.dtype) for tensor in old]
        if signature != [(tensor.name, tensor.dtype) for tensor in new]:
            raise ValidationFailedError(
                f"the {kind} are {[tensor.name for tensor in new]}, in the original"
                f" {[tensor.name for tensor in old]}, or of other types"
            )
    for old, new in zip(before.inputs, after.inputs, strict=True):
        shapes = zip(old.shape or (), new.shape or (), strict=False)
        if any(isinstance(now, int) and now != was for was, now in shapes):
            raise ValidationFailedError(
                f"the input '{new.name}' takes {list(new.shape)}, in the original"
                f" {list(old.shape)}: free axes must stay free, and the original comes first"
            )


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
