"""Resize and Upsample."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import onnx
import onnx_graphsurgeon as gs

from ..result import Rewrite, node_name
from ..signatures import scales_place
from .demands import global_gate
from .extents import Axes, Extent, fixed, grows, large, small
from .sources import Sources
from .trunk import Trunk, baked, smalls

_FLOAT = int(onnx.TensorProto.FLOAT)
_ROUNDING = 1e-3
_SIZES = 3
"""Place of the operand ``sizes``."""


def resize(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Positions are interpolated; sizes that were baked become scales, or another map's extents."""
    data = global_gate(node, trunk)
    chosen = trunk.constant_operand(node, "axes", len(node.inputs))
    places = range(len(data)) if chosen is None else [int(axis) % len(data) for axis in chosen]
    scales = trunk.operand(node, "scales", scales_place(trunk.opset))
    if scales is not None and scales[0].size:
        given = {
            axis: _scaled(trunk, data[axis], float(at_small), float(at_large))
            for axis, at_small, at_large in zip(places, *scales, strict=True)
        }
    else:
        given = _sized(node, trunk, places)
    result = tuple(
        _extent(node, trunk, axis, extent, given.get(axis)) for axis, extent in enumerate(data)
    )
    freed = any(grows(result[axis]) and not grows(given[axis]) for axis in places)
    if freed and id(node) not in trunk.doubts:
        _free(node, trunk, data, result, places)
    return [result]


def _sized(node: gs.Node, trunk: Trunk, places: Sequence[int]) -> dict[int, Extent]:
    """Extents that the operand ``sizes`` says."""
    sizes = trunk.operand(node, "sizes", _SIZES)
    if sizes is None:
        raise baked(node, "neither scales nor sizes")
    if node.attrs.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise baked(node, "sizes that keep the aspect ratio")
    return dict(zip(places, trunk.as_extents(sizes, node.inputs[_SIZES]), strict=True))


def _scaled(trunk: Trunk, extent: Extent, at_small: float, at_large: float) -> Extent:
    """``floor(extent * scale)`` positions."""
    if at_small == at_large:
        return _times(trunk, extent, at_small)
    # A quotient of sizes in float32 may come out below a whole number.
    counts = int(small(extent) * at_small + _ROUNDING), int(large(extent) * at_large + _ROUNDING)
    if abs(counts[0] - counts[1]) <= 1:
        return fixed(counts[0])
    return trunk.extents.growing(*counts, "scales", extent, at_small, at_large)


def _times(trunk: Trunk, extent: Extent, scale: float) -> Extent:
    if scale == int(scale):
        return trunk.extents.product([extent, fixed(int(scale))])
    # float32 as stored: floor(n * scale) must come out as the runtime computes it.
    exact = np.float32(scale)
    return trunk.extents.derived(
        extent, lambda n: int(np.floor(np.float32(n) * exact)), "scale", extent, float(exact)
    )


def _extent(node: gs.Node, trunk: Trunk, axis: int, own: Extent, given: Extent | None) -> Extent:
    """Positions of an axis behind a Resize with sizes."""
    wanted = trunk.wants(node.outputs[0], axis)
    if given is None or (small(given), large(given)) == (small(own), large(own)):
        return own
    if wanted is not None:
        return wanted
    if grows(given) or not grows(own):
        return given
    if small(given) == small(own):
        return own
    scale = Fraction(small(given), small(own))
    if scale.denominator == 1:
        return trunk.extents.product([own, fixed(scale.numerator)])
    if scale.numerator == 1:
        part = trunk.extents.divided(own, scale.denominator)
        if part is not None:
            return part
    found = f"a size of {small(given)} for an axis of {small(own)}: no whole ratio"
    trunk.doubts[id(node)] = baked(node, found)
    return given


def _free(node: gs.Node, trunk: Trunk, data: Axes, result: Axes, places: Sequence[int]) -> None:
    """Scales where every axis grows by a ratio, else sizes that are computed."""
    ratios = [Fraction(small(result[axis]), small(data[axis])) for axis in places]
    by_scale = all(
        result[axis] == data[axis]
        or (
            grows(data[axis])
            and result[axis] == trunk.extents.product([data[axis], fixed(int(ratio))])
        )
        or (
            ratio.numerator == 1
            and result[axis] == trunk.extents.divided(data[axis], ratio.denominator)
        )
        for axis, ratio in zip(places, ratios, strict=True)
    )
    if not by_scale:
        trunk.need(node, [axes[axis] for axes in (result, data) for axis in places])

    def edit(sources: Sources) -> Rewrite:
        sized = len(node.inputs) > _SIZES
        if by_scale:
            scales = sources.splice.constant("scales", np.array(ratios, np.float32))
            node.inputs = [*node.inputs[: scales_place(trunk.opset)], scales]
        elif sized:
            node.inputs[_SIZES] = sources.vector([result[axis] for axis in places])
        else:
            after, before = (
                sources.apply("Cast", [sources.vector([axes[axis] for axis in places])], to=_FLOAT)
                for axes in (result, data)
            )
            node.inputs[-1] = sources.apply("Div", [after, before])
        return Rewrite(
            node=node_name(node),
            before=f"{node.op} to {smalls(result)}",
            after=f"{node.op} to {trunk.text(result)}",
        )

    trunk.edits[id(node)] = edit


RULES = {"Resize": resize, "Upsample": resize}
