"""Operands of operators, by attributes or inputs, as ai.onnx has them at each opset."""

from collections.abc import Sequence
from math import prod
from typing import TypeVar

import numpy as np
import onnx_graphsurgeon as gs

from .evaluation import Constants
from .opsets import RESIZE_WITH_REGION, SOFTMAX_ON_ONE_AXIS

_T = TypeVar("_T")

COPY, REST = 0, -1
"""What a Reshape's target says of an axis: as in the data, or whatever is left."""


def attribute_or_input(node: gs.Node, name: str, place: int) -> np.ndarray | gs.Tensor | None:
    """An operand that older opsets have as an attribute and newer ones as an input.

    Args:
        node: the node.
        name: name of the attribute.
        place: place of the input.

    Returns:
        The attribute's values, one-dimensional, or the input; ``None`` where it has neither.
    """
    if name in node.attrs:
        return np.atleast_1d(np.asarray(node.attrs[name]))
    return node.inputs[place] if len(node.inputs) > place and node.inputs[place].name else None


def constant_operand(
    node: gs.Node, name: str, place: int, constants: Constants
) -> np.ndarray | None:
    """Values of such an operand, one-dimensional; ``None`` where it is absent or computed."""
    found = attribute_or_input(node, name, place)
    if isinstance(found, gs.Tensor):
        return np.atleast_1d(constants.values(found)) if found in constants else None
    return found


def softmax_axes(node: gs.Node, rank: int, opset: int) -> list[int]:
    """Axes that a Hardmax, LogSoftmax or Softmax takes together."""
    if opset >= SOFTMAX_ON_ONE_AXIS:
        return [int(node.attrs.get("axis", -1)) % rank]
    return list(range(int(node.attrs.get("axis", 1)) % rank, rank))


def reduced_axes(node: gs.Node, axes: np.ndarray | None, rank: int) -> set[int]:
    """Axes that a reduction takes together.

    Args:
        node: the reduction.
        axes: its operand ``axes``; ``None`` where it has none.
        rank: number of axes of its data.
    """
    if axes is None or not axes.size:
        return set() if node.attrs.get("noop_with_empty_axes", 0) else set(range(rank))
    return {int(axis) % rank for axis in axes}


def unsqueezed(data: Sequence[_T], axes: Sequence[int] | np.ndarray, new: _T) -> list[_T]:
    """What stands for each axis behind an Unsqueeze.

    Args:
        data: what stands for the axes of its data.
        axes: its operand ``axes``.
        new: what stands for a new axis.
    """
    rank = len(data) + len(axes)
    added = {int(axis) % rank for axis in axes}
    left = iter(data)
    return [new if axis in added else next(left) for axis in range(rank)]


def scales_place(opset: int) -> int:
    """Which input of a Resize or an Upsample its scales are."""
    return 2 if opset >= RESIZE_WITH_REGION else 1


def reshaped(node: gs.Node, target: Sequence[int], data: Sequence[int]) -> list[int] | None:
    """Shape that a Reshape's target gives to data of some extents.

    Args:
        node: the Reshape.
        target: an extent an axis, ``COPY`` or ``REST``.
        data: extents of its data.

    Returns:
        The shape; ``None`` where the elements do not fit.
    """
    copies = not node.attrs.get("allowzero", 0)
    shape = [
        data[axis] if wanted == COPY and copies and axis < len(data) else int(wanted)
        for axis, wanted in enumerate(target)
    ]
    known = prod(extent for extent in shape if extent != REST)
    if known <= 0 or prod(data) % known or (REST not in shape and known != prod(data)):
        return None
    return [prod(data) // known if extent == REST else extent for extent in shape]
