"""Weights in a file beside their model."""

from pathlib import Path

import onnx

DATA = "weights.bin"
"""The data file of the fixture ``external``."""


def set_location(path: Path, location: str) -> None:
    """Let every external tensor of a model file point somewhere else."""
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    path.write_bytes(model.SerializeToString())


def stored_weights(path: Path) -> dict[str, onnx.TensorProto]:
    model = onnx.load(path, load_external_data=False)
    return {tensor.name: tensor for tensor in model.graph.initializer}
