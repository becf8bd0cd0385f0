"""Pools and reductions over the whole map become pools over a window.

Whatever the spelling (a global pool, a pool whose kernel covers the map, a reduction over the
spatial axes, or over the positions that a Reshape has merged), the order of the elements says
whether every channel's whole window is reduced, and nothing else.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs
from onnx.helper import tensor_dtype_to_np_dtype

from ..evaluation import Constants
from ..kernels import kernels
from ..operators import GLOBAL_POOLS, POOLS, REDUCTIONS
from ..result import RefusalCode, Rewrite, node_name, refuse
from ..signatures import constant_operand
from ..splice import Splice
from ..use_def import is_standard
from ..window import Window, reduced
from .dense import channels_first_map
from .head import Head
from .lifted import Cells, Edit, unchanged
from .on_map import on_map

_POOL_OF = {
    "GlobalAveragePool": "AveragePool",
    "GlobalLpPool": "LpPool",
    "GlobalMaxPool": "MaxPool",
    "ReduceL1": "LpPool",
    "ReduceL2": "LpPool",
    "ReduceMax": "MaxPool",
    "ReduceMean": "AveragePool",
    "ReduceMin": "MaxPool",
    "ReduceSum": "AveragePool",
    "ReduceSumSquare": "AveragePool",
    **{pool: pool for pool in POOLS},
}
"""The pool that computes a reduction, perhaps with an operator before or after it."""

IDLE_ON_ONE = ("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum")
"""Reductions that leave a single element as it is."""

_NORM = {"ReduceL1": 1, "ReduceL2": 2}


def pooled_axes(
    node: gs.Node, rank: int, extents: Sequence[int], constants: Constants
) -> tuple[int, ...] | None:
    """Axes that a pool or a reduction reduces to one element each.

    Args:
        node: any node.
        rank: number of axes of its first input.
        extents: extents of its spatial axes, if it is a pool.
        constants: constant tensors of the graph.

    Returns:
        The axes, not negative; ``None`` where the node is no pool or reduction of whole axes.
    """
    if is_standard(node, *GLOBAL_POOLS):
        return tuple(range(2, rank))
    if is_standard(node, *POOLS):
        return tuple(range(2, rank)) if _covers(node, extents) else None
    if not is_standard(node, *REDUCTIONS):
        return None
    axes = constant_operand(node, "axes", 1, constants)
    if axes is None or not axes.size:
        return None
    return tuple(sorted(int(axis) % rank for axis in axes))


def _covers(pool: gs.Node, extents: Sequence[int]) -> bool:
    """Whether the first position of a pool's kernel sees the whole map, each element once."""
    found = kernels(pool, pool.attrs.get("kernel_shape", []))
    return len(found) == len(extents) and all(
        kernel.dilation == 1 and kernel.span - kernel.pads[0] >= extent
        for kernel, extent in zip(found, extents, strict=True)
    )


def pools_window(window: Window, axes: Sequence[int]) -> bool:
    """Whether reducing ``axes`` leaves one number a channel, made of all of its positions."""
    if not axes or 0 in axes:
        return False
    inner = [axis - 1 for axis in axes]
    if max(inner) >= window.order.ndim:
        return False
    kept = [axis for axis in range(window.order.ndim) if axis not in inner]
    rows = window.order.transpose([*kept, *inner]).reshape(
        -1, prod(window.order.shape[axis] for axis in inner)
    )
    expected = np.arange(window.size).reshape(window.channels, -1)
    return rows.shape == expected.shape and np.array_equal(np.sort(rows, axis=1), expected)


def lift_pool(node: gs.Node, head: Head) -> Edit:
    """A reduction of the whole map becomes a pool whose kernel is the window.

    One along some of its axes becomes a pool along these.

    Raises:
        Refused: it reduces something else than every channel's positions.
    """
    data, output = node.inputs[0], node.outputs[0]
    pooled = head.lifted.get(id(data))
    if isinstance(pooled, Cells) and pooled.is_vector and _is_idle(node):
        head.lifted[id(output)] = pooled
        return unchanged
    window = head.window(node, data)
    if node.op not in _POOL_OF:
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="a reduction of the whole map that a pool computes",
            found=f"{node.op}, for which there is no rule",
        )
    spatial = window.order.shape[1:] if node.op in POOLS else ()
    axes = pooled_axes(node, window.order.ndim + 1, spatial, head.constants)
    left = None
    if axes is not None and window.feature_map:
        left = reduced(window, axes, keeps=bool(node.attrs.get("keepdims", 1)))
    if axes is None or left is None:
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="a pool over all positions of every channel, or over all along an axis",
            found=f"{node.op}, which takes others together",
        )
    head.check_type(node, data, _POOL_OF[node.op])
    for spare in node.outputs[1:]:
        if spare.outputs:
            raise refuse(
                RefusalCode.NO_RULE, node, expected="one output", found=f"'{spare.name}' in use"
            )
    if not pools_window(window, axes):
        return _along_some_axes(node, head, window, left)
    head.lifted[id(output)] = _pooled_cells(node, head, window, axes)
    return _to_window_pool(node, head, window, window.extents)


def _along_some_axes(node: gs.Node, head: Head, window: Window, left: Window) -> Edit:
    """A pool along some spatial axes: it slides along them, the next one along the others.

    Args:
        node: the reduction.
        head: the head that it belongs to.
        window: the window that it reads.
        left: the window behind it.

    Raises:
        Refused: it takes one element each, and changes that.
    """
    output = node.outputs[0]
    if left.extents == window.extents and node.op in IDLE_ON_ONE:
        head.lifted[id(output)] = left
        return unchanged
    if left.extents == window.extents:
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="a pool along axes with more than one position",
            found=f"{node.op} of one element each",
        )
    head.lifted[id(output)] = replace(left, source=output)
    pairs = zip(window.extents, left.extents, strict=True)
    return _to_window_pool(node, head, window, [e if e != after else 1 for e, after in pairs])


def _pooled_cells(node: gs.Node, head: Head, window: Window, axes: Sequence[int]) -> Cells:
    """The map that a pool of the window becomes."""
    keeps = node.op in POOLS | GLOBAL_POOLS or bool(node.attrs.get("keepdims", 1))
    left = [axis for axis in range(1, window.order.ndim + 1) if axis not in axes]
    kept = [0, *(range(1, window.order.ndim + 1) if keeps else left)]
    channel = next((axis for axis in left if window.order.shape[axis - 1] != 1), left[0])
    mapped = tuple(0 if axis == 0 else 1 if axis == channel else None for axis in kept)
    return Cells(node.outputs[0], mapped, (window.channels,), head.grid(window))


def _to_window_pool(node: gs.Node, head: Head, window: Window, kernel: Sequence[int]) -> Edit:
    """The edit that turns a reduction of a window into a pool.

    Args:
        node: the reduction.
        head: the head that it belongs to.
        window: the window that it reads.
        kernel: extents of the pool's kernel: the window's, or 1 along axes that are left.
    """
    data, output = node.inputs[0], node.outputs[0]
    factor, name = _factor(node, head, window, kernel), node_name(node)
    whole = list(kernel) == list(window.extents)
    pairs = zip(kernel, window.strides(head.step), strict=True)
    strides = [stride if whole or extent != 1 else 1 for extent, stride in pairs]
    on_source = on_map(node, window, head.shapes.types)

    def edit(splice: Splice) -> Rewrite:
        before, text = node.op, _text(node.op, node.attrs.get("kernel_shape", ()))
        source = channels_first_map(splice, node, replace(window, source=on_source(splice)))
        if before == "ReduceMin":
            source = splice.before(node, "Neg", [source], f"{source.name}_neg")
        if before == "ReduceSumSquare":
            source = splice.before(node, "Mul", [source] * 2, f"{source.name}_mul")
        _to_pool(node, kernel, strides)
        node.inputs = [source]
        node.outputs = [output]
        if before == "ReduceMin":
            splice.behind(node, "Neg", [], f"{output.name}_pooled")
        if factor != 1.0:
            dtype = tensor_dtype_to_np_dtype(head.shapes.types[data.name])
            scale = splice.constant(f"{output.name}_factor", np.array(factor, dtype))
            splice.behind(node, "Mul", [scale], f"{output.name}_pooled")
        return Rewrite(
            node=name,
            before=text,
            after=_text(node.op, kernel),
            feature_map=window.feature_map,
            window=window.spans,
        )

    return edit


def _text(operator: str, kernel: Sequence[int]) -> str:
    return f"{operator} {'x'.join(map(str, kernel))}" if kernel else operator


def _is_idle(node: gs.Node) -> bool:
    """Whether a pool changes nothing on a single cell."""
    kernel = node.attrs.get("kernel_shape", [])
    plain = node.op in ("AveragePool", "MaxPool") and {
        *kernel,
        *node.attrs.get("dilations", []),
    } == {1}
    return node.op in ("GlobalAveragePool", "GlobalMaxPool") or (
        plain and not any(node.attrs.get("pads", []))
    )


def _to_pool(node: gs.Node, kernel: Sequence[int], strides: Sequence[int]) -> None:
    """Turn a node into the pool over a window that computes the same."""
    attributes: OrderedDict[str, Any] = OrderedDict(kernel_shape=list(kernel))
    attributes["strides"] = list(strides)
    if node.op in _NORM:
        attributes["p"] = _NORM[node.op]
    elif "p" in node.attrs:
        attributes["p"] = node.attrs["p"]
    node.op = _POOL_OF[node.op]
    node.attrs = attributes


def _factor(node: gs.Node, head: Head, window: Window, kernel: Sequence[int]) -> float:
    """What the mean over the window must be multiplied by."""
    if node.op in ("ReduceSum", "ReduceSumSquare"):
        return float(prod(kernel))
    if node.op != "AveragePool" or not node.attrs.get("count_include_pad", 0):
        return 1.0
    # Of what a kernel hangs over, only the pads count: neither ONNX Runtime nor an exporting
    # framework counts what ceil_mode adds behind them.
    extents = window.order.shape[1:]
    own = zip(kernels(node, node.attrs["kernel_shape"]), extents, strict=True)
    counted = [k.size if k.is_same else min(k.size, e + sum(k.pads)) for k, e in own]
    return prod(extents) / prod(counted)


POOLING = frozenset(_POOL_OF)
"""Operators that may reduce the whole map."""
