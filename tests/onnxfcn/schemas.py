"""The published schemas of what ``--json`` prints."""

import json
from importlib import resources
from typing import Any

import onnxfcn


def schema_of(command: str) -> dict[str, Any]:
    place = resources.files(onnxfcn) / "schemas" / f"{command}.schema.json"
    schema: dict[str, Any] = json.loads(place.read_text("utf-8"))
    return schema
