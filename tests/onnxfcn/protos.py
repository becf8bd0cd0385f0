"""Messages of a model, for comparing them before and after a rewrite."""

from collections.abc import Iterable
from typing import Any

import onnx
from onnx import ModelProto

import onnxfcn


def content(message: Any) -> bytes:
    """All that a message holds."""
    return bytes(message.SerializeToString(deterministic=True))


def rewritten(model: ModelProto) -> ModelProto:
    return onnxfcn.rewrite(model, validate=False).model


def by_name(entries: Iterable[Any]) -> dict[str, Any]:
    return {entry.name: entry for entry in entries}


def dims(value: onnx.ValueInfoProto) -> list[int | str]:
    return [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
