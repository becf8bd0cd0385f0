"""Reports as what JSON has."""

from collections.abc import Mapping
from math import isfinite
from typing import Any


def json_object(content: Mapping[str, Any]) -> dict[str, Any]:
    """The same in JSON types: numbers that JSON lacks become texts such as ``inf``."""
    return {key: _json_value(value) for key, value in content.items()}


def _json_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return json_object(value)
    if isinstance(value, list | tuple):
        return [_json_value(inner) for inner in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else value
