"""Resize and Upsample."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import ceil
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs

from passes.opsets import RESIZE_WITH_REGION
from passes.signatures import scales_place

from ..errors import UnknownError
from ..seen import Seen, Windows, check_few, read, taken
from ..trace import Rule, Trace

_REACH = {"linear": 1, "cubic": 2}
"""Positions before and behind a coordinate that are weighed."""
_BY_EXTENTS = frozenset({"align_corners", "half_pixel_symmetric"})
"""Ways that compute coordinates from quotients of extents."""
_SNAP = 1e-6
"""Positions; what lies so close to a source position is on it."""
_PHASES = 1 << 12
"""Coordinates between two positions that are told apart."""


def resize(node: gs.Node, trace: Trace) -> list[Seen]:
    """Positions between those of the source, by every mode but a crop."""
    found = trace[node.inputs[0]]
    mode = str(node.attrs.get("mode", "nearest")).replace("bilinear", "linear")
    coordinates = str(
        node.attrs.get(
            "coordinate_transformation_mode",
            "half_pixel" if trace.program.opset >= RESIZE_WITH_REGION else "asymmetric",
        )
    )
    if coordinates == "tf_crop_and_resize":
        raise UnknownError("it cuts a region out")
    for axis, count, scale in _targets(node, trace, found):
        extent = found.shape[axis]
        if count == extent and scale == 1:
            continue
        grid = _Grid(coordinates, count, extent, scale)
        if mode == "nearest":
            rounding = str(node.attrs.get("nearest_mode", _rounding(trace)))
            found = taken(found, axis, count, partial(_nearest, grid, rounding))
        else:
            rounded = not trace.view.marked and not grid.is_exact
            ways = partial(_weighed, grid, _REACH[mode], node.attrs, rounded=rounded)
            found = read(found, axis, count, ways, trace.salt(node))
    return [found]


@dataclass(frozen=True)
class _Grid:
    """Positions of a result between those of its source.

    Attributes:
        way: ``coordinate_transformation_mode``.
        count: positions of the result.
        extent: positions of the source.
        scale: positions of the result for one of the source.
    """

    way: str
    count: int
    extent: int
    scale: float

    @property
    def is_exact(self) -> bool:
        """Whether float32 holds the coordinates that lie on a position of the source."""
        steps = Fraction(1 / self.scale).limit_denominator(1 << 10).numerator
        return self.way not in _BY_EXTENTS and not steps & (steps - 1)

    @property
    def coordinates(self) -> np.ndarray:
        """Where positions of the result lie in the source: see Resize in ONNX."""
        at = np.arange(self.count)
        if self.way == "asymmetric":
            return at / self.scale
        if self.way == "align_corners":
            return at * (self.extent - 1) / max(1, self.count - 1)
        if self.way == "tf_half_pixel_for_nn":
            return (at + 0.5) / self.scale
        if self.way == "pytorch_half_pixel" and self.count == 1:
            return np.zeros(1)
        shift = 0.0
        if self.way == "half_pixel_symmetric":
            shift = self.extent / 2 * (1 - self.count / (self.scale * self.extent))
        return (at + 0.5) / self.scale - 0.5 + shift


def _targets(node: gs.Node, trace: Trace, data: Seen) -> list[tuple[int, int, float]]:
    """Axis, positions of the result, and positions for one of the source, where they change."""
    rank = len(data.shape)
    chosen = node.attrs.get("axes")
    axes = list(range(rank)) if chosen is None else [int(axis) % rank for axis in chosen]
    scales = trace.operand(node, "scales", scales_place(trace.program.opset))
    if scales is not None and scales.size:
        factors = scales.astype(np.float32)
        counts = [
            int(np.floor(np.float32(data.shape[a]) * f)) for a, f in zip(axes, factors, strict=True)
        ]
        return list(zip(axes, counts, factors.astype(float).tolist(), strict=True))
    sizes = trace.operand(node, "sizes", 3)
    if sizes is None or node.attrs.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise UnknownError("to what size is not known")
    return [
        (axis, int(size), int(size) / data.shape[axis])
        for axis, size in zip(axes, sizes, strict=True)
    ]


def _rounding(trace: Trace) -> str:
    """How the nearest position is found where the node does not say."""
    return "round_prefer_floor" if trace.program.opset >= RESIZE_WITH_REGION else "floor"


def _nearest(grid: _Grid, rounding: str) -> np.ndarray:
    """The source's position for each one of the result."""
    places = grid.coordinates
    if rounding == "floor":
        found = np.floor(places + _SNAP)
    elif rounding == "ceil":
        found = np.ceil(places - _SNAP)
    elif rounding == "round_prefer_ceil":
        found = np.floor(places + 0.5 + _SNAP)
    else:
        found = np.ceil(places - 0.5 - _SNAP)
    return found.astype(np.int64).clip(0, grid.extent - 1)


def _weighed(grid: _Grid, reach: int, attributes: Mapping[str, Any], *, rounded: bool) -> Windows:
    """The source's positions that are weighed, and labels for the weights.

    Args:
        grid: the positions.
        reach: positions before and behind a coordinate that are weighed.
        attributes: of the node.
        rounded: whether a coordinate on a position of the source may be computed a little beside.

    Raises:
        UnknownError: there are too many positions.
    """
    widened = attributes.get("antialias", 0) and grid.scale < 1
    taps = ceil(reach / grid.scale) + 1 if widened else reach
    check_few(grid.count * 2 * taps)
    places = grid.coordinates
    nearest = np.floor(places + _SNAP).astype(np.int64)[:, None]
    phase = np.rint((places[:, None] - nearest) * _PHASES).astype(np.int64)
    steps = np.arange(1 - taps, taps + 1)
    index = nearest + steps
    outside = (index < 0) | (index >= grid.extent)
    # What lies outside is replaced by the border: not by what a larger image holds there.
    labels = (phase * len(steps) + np.arange(len(steps))) * 2 + outside
    excluded = outside & bool(attributes.get("exclude_outside", 0))
    # A position exactly on one of the source's reads it alone.
    weightless = (phase == 0) & (steps != 0) & (not widened) & (not rounded)
    index = np.where(excluded | weightless, -1, index.clip(0, grid.extent - 1))
    return index, np.where(weightless, 0, labels)


RULES: dict[str, Rule] = {"Resize": resize, "Upsample": resize}
