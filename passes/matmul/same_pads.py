"""Pads of SAME with a stride above one: they depend on the map, so Shape computes them."""

import numpy as np
import onnx_graphsurgeon as gs

from ..opsets import PADS_AS_INPUT, SLICE_BOUNDS_AS_INPUTS
from .builder import Sequel
from .convolution import Convolution


def same_padded(sequel: Sequel, data: gs.Tensor, convolution: Convolution, first: int) -> gs.Tensor:
    """A map with the zeros around it that keep ``ceil(extent / stride)`` windows.

    Args:
        sequel: puts the nodes in place.
        data: the map.
        convolution: what reads it.
        first: its first spatial axis.
    """
    axes = range(first, first + convolution.rank)
    shape = sequel.node("Shape", [data], _INT64)
    begins, ends = _pads(sequel, _part(sequel, shape, axes), convolution)
    if sequel.builder.opset >= PADS_AS_INPUT:
        zeros = [[sequel.builder.numbers([0] * n)] if n else [] for n in (first, 2 - first)]
        parts = [*zeros[0], begins, *zeros[1], *zeros[0], ends, *zeros[1]]
        pads = sequel.concatenated(parts, 0)
        return sequel.node("Pad", [data, pads], data)
    for place, axis in enumerate(axes):
        before, behind = (
            _border(sequel, data, _part(sequel, pads, range(place, place + 1)), axis, convolution)
            for pads in (begins, ends)
        )
        data = sequel.concatenated([before, data, behind], axis)
    return data


_INT64 = gs.Variable("", dtype=np.int64)
"""Stands for the data type of shapes."""
_FLOAT = gs.Variable("", dtype=np.float32)


def _pads(
    sequel: Sequel, extents: gs.Tensor, convolution: Convolution
) -> tuple[gs.Tensor, gs.Tensor]:
    """Zeros before and behind each axis, two vectors of int64.

    ``max((ceil(H / s) - 1) * s + d * (k - 1) + 1 - H, 0)`` in all, half of them on each side.
    """
    numbers = sequel.builder.numbers

    def whole(op: str, left: gs.Tensor, right: gs.Tensor) -> gs.Tensor:
        return sequel.node(op, [left, right], _INT64)

    strides = numbers(convolution.strides)
    rounded_up = whole("Add", extents, numbers([stride - 1 for stride in convolution.strides]))
    reached = whole("Mul", whole("Div", rounded_up, strides), strides)
    surplus = [axis.span - axis.stride for axis in convolution.axes]
    total = whole("Sub", whole("Add", reached, numbers(surplus)), extents)
    if min(surplus) < 0:
        # Older opsets have no Max of whole numbers; float32 holds every extent exactly.
        wide = sequel.node("Cast", [total], _FLOAT, to=1)
        total = sequel.node("Cast", [sequel.node("Relu", [wide], _FLOAT)], _INT64, to=7)
    less = whole("Div", total, numbers([2] * convolution.rank))
    more = whole("Sub", total, less)
    return (more, less) if convolution.axes[0].auto_pad == "SAME_LOWER" else (less, more)


def _part(sequel: Sequel, vector: gs.Tensor, places: range) -> gs.Tensor:
    """Some neighbouring elements of a vector."""
    start, end = [places[0]], [places[-1] + 1]
    if sequel.builder.opset < SLICE_BOUNDS_AS_INPUTS:
        return sequel.node("Slice", [vector], _INT64, axes=[0], starts=start, ends=end)
    bounds = [sequel.builder.numbers(each) for each in (start, end)]
    return sequel.node("Slice", [vector, *bounds], _INT64)


def _border(
    sequel: Sequel,
    data: gs.Tensor,
    width: gs.Tensor,
    axis: int,
    convolution: Convolution,
) -> gs.Tensor:
    """Zeros of the map's shape, but ``width`` of them along an axis."""
    rank = 2 + convolution.rank
    shape = sequel.node("Shape", [data], _INT64)
    around = [_part(sequel, shape, range(axis)), width]
    if axis + 1 < rank:
        around.append(_part(sequel, shape, range(axis + 1, rank)))
    zero = gs.Constant("", np.zeros(1, convolution.dtype))
    return sequel.node("ConstantOfShape", [sequel.concatenated(around, 0)], data, value=zero)
