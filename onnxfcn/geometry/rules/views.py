"""Operators that only rename positions."""

from math import prod

import numpy as np
import onnx_graphsurgeon as gs

from passes import signatures
from passes.layouts import permutation

from ..errors import DoesNotFitError
from ..reshaping import reshaped
from ..seen import Seen, Shape, joined, moved
from ..trace import Rule, Trace


def flatten(node: gs.Node, trace: Trace) -> list[Seen]:
    """Flatten to two axes."""
    data = trace[node.inputs[0]]
    axis = int(node.attrs.get("axis", 1))
    axis += len(data.shape) if axis < 0 else 0
    return [reshaped(data, (prod(data.shape[:axis]), prod(data.shape[axis:])))]


def reshape(node: gs.Node, trace: Trace) -> list[Seen]:
    """Reshape, with 0 for an extent that is copied and -1 for what is left."""
    data = trace[node.inputs[0]]
    wanted = trace.operand(node, "shape", 1)
    target = [] if wanted is None else [int(extent) for extent in wanted]
    shape = signatures.reshaped(node, target, data.shape)
    if shape is None:
        raise DoesNotFitError(f"{list(data.shape)} does not reshape to {target}")
    return [reshaped(data, tuple(shape))]


def squeeze(node: gs.Node, trace: Trace) -> list[Seen]:
    """Axes of extent 1 vanish."""
    data = trace[node.inputs[0]]
    rank, chosen = len(data.shape), trace.operand(node, "axes", 1)
    axes = (
        {axis for axis, extent in enumerate(data.shape) if extent == 1}
        if chosen is None
        else {int(axis) % rank for axis in chosen}
    )
    return [reshaped(data, tuple(e for axis, e in enumerate(data.shape) if axis not in axes))]


def unsqueeze(node: gs.Node, trace: Trace) -> list[Seen]:
    """New axes of extent 1."""
    data = trace[node.inputs[0]]
    chosen = trace.operand(node, "axes", 1)
    shape = signatures.unsqueezed(data.shape, [] if chosen is None else chosen, 1)
    return [reshaped(data, tuple(shape))]


def transpose(node: gs.Node, trace: Trace) -> list[Seen]:
    """Axes in another order."""
    return [_transposed(trace[node.inputs[0]], permutation(node, len(trace.shape(node.inputs[0]))))]


def _transposed(seen: Seen, order: Shape) -> Seen:
    shape = tuple(seen.shape[axis] for axis in order)
    return moved(seen, shape, lambda array: array.transpose(order))


def depth_to_space(node: gs.Node, trace: Trace) -> list[Seen]:
    """Channels become blocks of positions."""
    data = trace[node.inputs[0]]
    batch, channels, height, width = data.shape
    block = int(node.attrs["blocksize"])
    inner = channels // block**2
    if node.attrs.get("mode", "DCR") == "DCR":
        split = reshaped(data, (batch, block, block, inner, height, width))
        order = (0, 3, 4, 1, 5, 2)
    else:
        split = reshaped(data, (batch, inner, block, block, height, width))
        order = (0, 1, 4, 2, 5, 3)
    return [reshaped(_transposed(split, order), (batch, inner, height * block, width * block))]


def space_to_depth(node: gs.Node, trace: Trace) -> list[Seen]:
    """Blocks of positions become channels."""
    data = trace[node.inputs[0]]
    batch, channels, height, width = data.shape
    block = int(node.attrs["blocksize"])
    if height % block or width % block:
        raise DoesNotFitError(f"{height}x{width} is not made of blocks of {block}")
    rows, columns = height // block, width // block
    split = reshaped(data, (batch, channels, rows, block, columns, block))
    turned = _transposed(split, (0, 3, 5, 1, 2, 4))
    return [reshaped(turned, (batch, channels * block**2, rows, columns))]


def expand(node: gs.Node, trace: Trace) -> list[Seen]:
    """Axes of extent 1 are repeated."""
    shape = trace.known(node.inputs[1])
    wider = trace.nothing(tuple(int(extent) for extent in shape), 0)
    return [joined([trace[node.inputs[0]], wider], trace.salt(node))]


def constant_of_shape(node: gs.Node, trace: Trace) -> list[Seen]:
    """One number everywhere."""
    shape = tuple(int(extent) for extent in trace.known(node.inputs[0]))
    return [trace.nothing(shape, trace.salt(node))]


def tile(node: gs.Node, trace: Trace) -> list[Seen]:
    """Every axis is repeated as a whole."""
    data = trace[node.inputs[0]]
    times = [int(count) for count in trace.known(node.inputs[1])]
    shape = tuple(extent * count for extent, count in zip(data.shape, times, strict=True))
    repeats = [
        count if stored > 1 else 1 for stored, count in zip(data.first.shape, times, strict=True)
    ]
    return [moved(data, shape, lambda array: np.tile(array, repeats))]


RULES: dict[str, Rule] = {
    "ConstantOfShape": constant_of_shape,
    "DepthToSpace": depth_to_space,
    "Expand": expand,
    "Flatten": flatten,
    "Reshape": reshape,
    "SpaceToDepth": space_to_depth,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
