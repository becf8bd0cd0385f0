"""Operators that cut, put together and pad."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from math import prod
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs

from ..errors import DoesNotFitError, UnknownError
from ..seen import Seen, check_few, joined, mixed, moved, taken
from ..trace import Rule, Trace

_REPEATS = ("edge", "reflect", "wrap")
"""Modes of Pad that repeat what is inside; numpy has the same names."""


def slice_axes(node: gs.Node, trace: Trace) -> list[Seen]:
    """Slice, with steps."""
    data = trace[node.inputs[0]]
    starts, ends = trace.operand(node, "starts", 1), trace.operand(node, "ends", 2)
    if starts is None or ends is None:
        raise UnknownError("its bounds are not known")
    axes, steps = trace.operand(node, "axes", 3), trace.operand(node, "steps", 4)
    chosen = range(len(starts)) if axes is None else axes.tolist()
    strides = [1] * len(starts) if steps is None else steps.tolist()
    for axis, start, end, step in zip(chosen, starts.tolist(), ends.tolist(), strides, strict=True):
        place = int(axis) % len(data.shape)
        # An end far before the first element includes it where the step is negative.
        stop = None if step < 0 and end < -data.shape[place] else int(end)
        kept = range(data.shape[place])[slice(int(start), stop, int(step))]
        # Elements of a range are Python's, made one by one: of long axes, all the time goes there.
        index = partial(np.arange, kept.start, kept.stop, kept.step)
        picked = taken(data, place, len(kept), index)
        data = _marked(picked, data, place, index(), node.inputs[1:], trace)
    return [data]


def gather(node: gs.Node, trace: Trace) -> list[Seen]:
    """Gather by known indices, or from a table of known numbers."""
    if trace.is_known(node.inputs[0]) and trace.known(node.inputs[0]).ndim == 1:
        places = trace[node.inputs[1]]
        return [places if places.mark is None else joined([places], trace.salt(node))]
    if not trace.is_known(node.inputs[1]):
        raise UnknownError("its indices are computed from the image")
    data, index = trace[node.inputs[0]], trace.known(node.inputs[1])
    return [_gathered(node, data, index, int(node.attrs.get("axis", 0)) % len(data.shape), trace)]


def gather_nd(node: gs.Node, trace: Trace) -> list[Seen]:
    """GatherND by known indices along the first axis, as Gather picks them."""
    if not trace.is_known(node.inputs[1]):
        raise UnknownError("its indices are computed from the image")
    index = trace.known(node.inputs[1])
    if node.attrs.get("batch_dims", 0) or index.shape[-1] != 1:
        raise UnknownError("its indices are along more than one axis")
    return [_gathered(node, trace[node.inputs[0]], index[..., 0], 0, trace)]


def _gathered(node: gs.Node, data: Seen, index: np.ndarray, axis: int, trace: Trace) -> Seen:
    """What is picked along an axis by indices of any shape."""
    extent = data.shape[axis]
    if ((index < -extent) | (index >= extent)).any():
        raise DoesNotFitError("it picks what is not there")
    flat = index.ravel() % extent
    picked = taken(data, axis, index.size, lambda: flat)
    picked = _marked(picked, data, axis, flat, node.inputs[1:], trace)
    shape = (*data.shape[:axis], *index.shape, *data.shape[axis + 1 :])
    inner = index.shape if picked.first.shape[axis] > 1 else (1,) * index.ndim
    stored = (*picked.first.shape[:axis], *inner, *picked.first.shape[axis + 1 :])
    return moved(picked, shape, lambda array: array.reshape(stored))


def split(node: gs.Node, trace: Trace) -> list[Seen]:
    """Split into parts of given or of equal extents."""
    data = trace[node.inputs[0]]
    axis = int(node.attrs.get("axis", 0)) % len(data.shape)
    extent, lengths = data.shape[axis], trace.operand(node, "split", 1)
    if lengths is None:
        count = int(node.attrs.get("num_outputs", len(node.outputs)))
        each = -(-extent // count)
        lengths = np.array([*[each] * (count - 1), extent - each * (count - 1)])
    if lengths.sum() != extent:
        raise DoesNotFitError(f"it makes parts {lengths.tolist()} of {extent}")
    ends = np.cumsum(lengths)
    found = []
    for end, length in zip(ends.tolist(), lengths.tolist(), strict=True):
        index = partial(np.arange, end - length, end)
        picked = taken(data, axis, length, index)
        found.append(_marked(picked, data, axis, index(), node.inputs[1:], trace))
    return found


def _marked(
    picked: Seen,
    data: Seen,
    axis: int,
    index: np.ndarray,
    operands: Sequence[gs.Tensor],
    trace: Trace,
) -> Seen:
    """What was picked along an axis, with a mark of which positions where that is computed.

    Positions that are told apart have marks of their own. Of others, such as channels, a crop may
    pick different ones than the whole image.
    """
    told_apart = data.first.shape[axis] > 1 or data.shape[axis] == 1
    constant = all(trace.program.is_constant(tensor) for tensor in operands if tensor.name)
    if picked.mark is None or told_apart or constant:
        return picked
    which = int.from_bytes(blake2b(index.astype(np.int64).tobytes(), digest_size=7).digest())
    marks = mixed(picked.mark, which)
    return replace(picked, mark=marks if marks is None else np.where(picked.mark == 0, 0, marks))


def concat(node: gs.Node, trace: Trace) -> list[Seen]:
    """Tensors one behind the other."""
    tensors = [tensor for tensor in node.inputs if tensor.name]
    parts = trace.parts(node, tensors)
    axis = int(node.attrs["axis"]) % len(parts[0].shape)
    others = {(*part.shape[:axis], *part.shape[axis + 1 :]) for part in parts}
    if len(others) > 1:
        shapes = ", ".join(str(list(part.shape)) for part in parts)
        raise DoesNotFitError(f"it puts together {shapes}")
    extent = sum(part.shape[axis] for part in parts)
    shape = (*parts[0].shape[:axis], extent, *parts[0].shape[axis + 1 :])
    whole = frozenset().union(*(part.whole for part in parts))
    if all(_alike(parts[0], part) for part in parts) and parts[0].first.shape[axis] == 1:
        return [replace(parts[0], shape=shape, whole=whole)]
    if not trace.view.marked and all(_is_uniform(part, axis) for part in parts):
        # Channels, most likely: later layers mix them, so that the widest field counts.
        hull = joined([replace(part, shape=part.first.shape) for part in parts], 0)
        return [replace(hull, shape=shape)]
    stored = [
        max(part.first.shape[place] for part in parts) for place in range(len(parts[0].shape))
    ]
    check_few(prod(_with(stored, axis, replace(parts[0], shape=shape))))
    spread = [
        moved(part, part.shape, partial(np.broadcast_to, shape=_with(stored, axis, part)))
        for part in parts
    ]
    marks = [part.mark for part in spread if part.mark is not None]
    return [
        Seen(
            shape,
            np.concatenate([part.first for part in spread], axis),
            np.concatenate([part.last for part in spread], axis),
            np.concatenate(marks, axis) if len(marks) == len(parts) else None,
            whole,
        )
    ]


def _is_uniform(part: Seen, axis: int) -> bool:
    return part.shape[axis] > 1 and part.first.shape[axis] == 1


def _alike(left: Seen, right: Seen) -> bool:
    pairs = ((left.first, right.first), (left.last, right.last), (left.mark, right.mark))
    return all(
        a is None or b is None or (a.shape == b.shape and bool((a == b).all())) for a, b in pairs
    )


def _with(stored: Sequence[int], axis: int, part: Seen) -> list[int]:
    """Extents that all parts share, and a part's own along the axis."""
    return [part.shape[axis] if place == axis else extent for place, extent in enumerate(stored)]


def pad(node: gs.Node, trace: Trace) -> list[Seen]:
    """Pad by a constant, or by what is inside; negative pads cut off."""
    data = trace[node.inputs[0]]
    rank, mode = len(data.shape), node.attrs.get("mode", "constant")
    pads = trace.operand(node, "paddings" if "paddings" in node.attrs else "pads", 1)
    if pads is None or mode not in ("constant", *_REPEATS):
        raise UnknownError(f"its mode '{mode}' is not known")
    chosen = trace.operand(node, "axes", 3)
    axes = range(rank) if chosen is None else [int(axis) % rank for axis in chosen]
    fillers = [t for t in node.inputs[2:3] if t.name and trace.is_known(t)]
    number = float(np.ravel(trace.known(fillers[0]))[0]) if fillers else 0.0
    filler = int(np.array([number]).view(np.uint64)[0])
    for place, axis in enumerate(axes):
        before, behind = int(pads[place]), int(pads[place + len(axes)])
        extent = data.shape[axis]
        if mode == "reflect" and max(before, behind) >= extent:
            raise DoesNotFitError("it mirrors more than there is")
        index = partial(_padded, extent, before, behind, mode)
        data = taken(data, axis, extent + before + behind, index, filler)
    return [data]


def _padded(extent: int, before: int, behind: int, mode: Any) -> np.ndarray:
    """Which position each one of a padded axis is."""
    index = np.arange(max(0, -before), extent - max(0, -behind))
    added = (max(0, before), max(0, behind))
    if mode == "constant":
        return np.pad(index, added, constant_values=-1)
    return np.pad(index, added, mode=mode) if any(added) else index


RULES: dict[str, Rule] = {
    "Concat": concat,
    "Gather": gather,
    "GatherND": gather_nd,
    "Pad": pad,
    "Slice": slice_axes,
    "Split": split,
}
