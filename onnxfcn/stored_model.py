"""A model together with the place of its external data."""

from dataclasses import dataclass
from pathlib import Path

from onnx import ModelProto

FIRST_IR_WITHOUT_WEIGHT_INPUTS = 4
"""Before this IR version, every initializer must be a graph input as well."""


@dataclass(frozen=True)
class StoredModel:
    """A model and the place of its external data.

    Attributes:
        proto: the model.
        folder: where its external data lies; ``None`` where it has none.
    """

    proto: ModelProto
    folder: Path | None = None
