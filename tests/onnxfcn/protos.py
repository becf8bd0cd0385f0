"""Messages of a model, for comparing them before and after a rewrite."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, numpy_helper

import onnxfcn


def content(message: Any) -> bytes:
    """All that a message holds."""
    return bytes(message.SerializeToString(deterministic=True))


def rewritten(model: ModelProto) -> ModelProto:
    return onnxfcn.rewrite(model, validate=False).model


def by_name(entries: Iterable[Any]) -> dict[str, Any]:
    return {entry.name: entry for entry in entries}


def arrays(path: Path) -> dict[str, np.ndarray]:
    """Values of a file's initializers, by name."""
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}


def dims(value: onnx.ValueInfoProto) -> list[int | str]:
    return [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
