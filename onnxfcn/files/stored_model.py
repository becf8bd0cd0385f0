"""A model together with the place of its weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from onnx import ModelProto, TensorProto
from onnx.external_data_helper import uses_external_data

from .tensor_data import refer
from .weights import FileRange, Weight

FIRST_IR_WITHOUT_WEIGHT_INPUTS = 4
"""Before this IR version, every initializer must be a graph input as well."""


@dataclass(frozen=True)
class StoredModel:
    """A model and the place of its weights.

    Attributes:
        proto: the model; initializers that ``weights`` knows may lack their data.
        folder: where its data files and those of ``weights`` lie; ``None`` where it has none.
        weights: where the data of initializers lies that is not in the proto, by name; external
            data, and data that was left in the model's own file. An initializer that has data has
            precedence.
    """

    proto: ModelProto
    folder: Path | None = None
    weights: Mapping[str, FileRange] = field(default_factory=dict)

    @property
    def metadata(self) -> dict[str, str]:
        """The model's metadata, by key."""
        return {entry.key: entry.value for entry in self.proto.metadata_props}

    def lacks_data(self, initializer: TensorProto) -> bool:
        """Whether an initializer's data was left in the model's own file."""
        return (
            initializer.name in self.weights
            and not initializer.HasField("raw_data")
            and not uses_external_data(initializer)
        )

    def weight(self, initializer: TensorProto) -> Weight | None:
        """The bytes of an initializer; ``None`` where it has them in another form than raw."""
        if initializer.HasField("raw_data"):
            data: bytes = initializer.raw_data
            return data
        return self.weights.get(initializer.name)

    def copy(self) -> "StoredModel":
        """The model with a proto of its own."""
        proto = ModelProto()
        proto.CopyFrom(self.proto)
        return replace(self, proto=proto)

    def whole(self) -> ModelProto:
        """A copy with the data that was left in its file; external data stays where it is."""
        copy = self.copy().proto
        for tensor in copy.graph.initializer:
            if self.lacks_data(tensor):
                tensor.raw_data = self.weights[tensor.name].read()
        return copy

    def referring(self) -> ModelProto:
        """The model with what was left in its file as external data: runtimes take any file."""
        if not any(map(self.lacks_data, self.proto.graph.initializer)):
            return self.proto
        if not is_text(self.folder):
            return self.whole()
        copy = self.copy().proto
        for tensor in copy.graph.initializer:
            if self.lacks_data(tensor):
                place = self.weights[tensor.name]
                refer(tensor, place.path.name, place.offset, place.length)
        return copy


def is_text(path: Path | None) -> bool:
    """Whether a path can stand in a model, where texts are UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
