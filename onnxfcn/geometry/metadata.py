"""Geometries as metadata of a model, for whoever loads the file in any runtime.

``onnxfcn.geometry_version`` is ``1``. ``onnxfcn.geometry.OUTPUT`` is a JSON object for each output:

| key | value |
| --- | --- |
| ``image`` | name of the image input |
| ``layout`` | its layout, one letter an axis: ``n``, ``c``, and ``x``, ``y``, ``z`` |
| ``axes`` | an object for each axis of the image, in its order: see below |
| ``disagreements`` | where branches look at different places, in words |

| key of an axis | value |
| --- | --- |
| ``original`` | the model's own image size in pixels |
| ``map_axis`` | the output's axis, or null: then one cell stands for all |
| ``stride`` | pixels from one cell to the next: ``period / period_cells`` |
| ``period``, ``period_cells`` | images that differ by so many pixels have maps that differ by so many cells |
| ``cells`` | cells of the map at ``original + i`` pixels, ``i < period``, or null where none is taken |
| ``smallest`` | the smallest image that the model takes, in pixels |
| ``fields`` | ``[low, high]``: cell ``c`` sees pixels ``low + stride * c`` to ``high + stride * c``; one for all sizes, or one for each ``i``; none where no field slides along |
| ``near`` | a cell whose field begins before pixel 0 sees up to this pixel too; or null |
| ``far`` | the same at the other end, counted from the last pixel; or null |
| ``tight`` | whether the field is the smallest that there is; else it is an outer bound |
| ``whole`` | names of nodes through which every cell sees the whole axis |

Numbers that are no integers are texts such as ``"3/2"``.
"""  # noqa: E501  (a table has no line breaks)

import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from ..errors import GeometryUnknownError
from .axis import AxisGeometry

_VERSION = "1"
VERSION_KEY = "onnxfcn.geometry_version"
PREFIX = "onnxfcn.geometry."


class Entry(NamedTuple):
    """What the metadata hold of one output; see ``Geometry``, whose fields these are."""

    image: str
    layout: str
    output: str
    axes: tuple[AxisGeometry, ...]
    disagreements: tuple[str, ...]


def written(entry: Entry) -> dict[str, str]:
    """An output's geometry as keys and values of ``metadata_props``.

    Those of several outputs may be merged.
    """
    content = {
        "image": entry.image,
        "layout": entry.layout,
        "axes": [_axis_content(axis) for axis in entry.axes],
        "disagreements": list(entry.disagreements),
    }
    text = json.dumps(content, separators=(",", ":"))
    return {VERSION_KEY: _VERSION, f"{PREFIX}{entry.output}": text}


def read(properties: Mapping[str, str]) -> list[Entry]:
    """What a model's metadata hold of its outputs.

    Raises:
        GeometryUnknownError: nothing, of another version, or not as ``written`` writes it.
    """
    version = properties.get(VERSION_KEY)
    if version is None:
        raise GeometryUnknownError(
            "the model carries no geometry in its metadata; onnxfcn.geometry.analyse(model) tells"
            " it from the graph"
        )
    if version != _VERSION:
        raise GeometryUnknownError(
            f"the model's metadata hold a geometry of version {version!r}, expected {_VERSION}"
        )
    names = [key for key in properties if key.startswith(PREFIX)]
    try:
        return [_read(key, properties[key]) for key in names]
    except (KeyError, TypeError, ValueError, ZeroDivisionError, RecursionError) as error:
        raise GeometryUnknownError(f"the model's metadata hold no geometry: {error!r}") from error


def _axis_content(axis: AxisGeometry) -> dict[str, Any]:
    return {
        "original": axis.original,
        "map_axis": axis.map_axis,
        "stride": _number(axis.stride),
        "period": axis.period,
        "period_cells": axis.period_cells,
        "cells": list(axis.cells),
        "smallest": axis.smallest,
        "fields": [[_number(end) for end in field] for field in axis.fields],
        "near": axis.near,
        "far": axis.far,
        "tight": axis.is_tight,
        "whole": list(axis.whole),
    }


def _number(number: Fraction) -> int | str:
    return number.numerator if number.denominator == 1 else str(number)


def _read(key: str, text: str) -> Entry:
    content = json.loads(text)
    return Entry(
        image=str(content["image"]),
        layout=str(content["layout"]),
        output=key.removeprefix(PREFIX),
        axes=tuple(_read_axis(axis) for axis in content["axes"]),
        disagreements=tuple(map(str, content["disagreements"])),
    )


def _read_axis(content: Mapping[str, Any]) -> AxisGeometry:
    axis = AxisGeometry(
        original=int(content["original"]),
        map_axis=_optional(content["map_axis"]),
        period=int(content["period"]),
        period_cells=int(content["period_cells"]),
        cells=tuple(map(_optional, content["cells"])),
        smallest=int(content["smallest"]),
        fields=tuple((Fraction(low), Fraction(high)) for low, high in content["fields"]),
        near=_optional(content["near"]),
        far=_optional(content["far"]),
        is_tight=bool(content["tight"]),
        whole=tuple(map(str, content["whole"])),
    )
    if len(axis.cells) != axis.period or len(axis.fields) not in (0, 1, axis.period):
        raise ValueError(f"{len(axis.cells)} cells and {len(axis.fields)} fields")
    return axis


def _optional(number: int | None) -> int | None:
    return None if number is None else int(number)
