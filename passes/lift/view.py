"""Nodes that only move data: on a window, part of a kernel's order; on a vector, new axes."""

from dataclasses import replace
from math import prod

import numpy as np
import onnx_graphsurgeon as gs

from ..operators import MOVES_DATA
from ..result import RefusalCode, Rewrite, node_name, refuse
from ..splice import Splice
from ..view_chain import moved, push, trains
from ..window import Scattered, Window, numbered, one_sample
from .head import Head
from .lifted import Cells, Edit, unchanged
from .single_sample import match_axes

_KEEPS = ("Dropout", "Identity")


def lift_view(node: gs.Node, head: Head) -> Edit:
    """Follow the elements of a window or of a vector through a node that moves them."""
    if trains(node, head.constants):
        raise refuse(
            RefusalCode.TRAINING_MODE,
            node,
            expected="Dropout at inference",
            found="training_mode set, or not constant",
            advice="Export the model in evaluation mode",
        )
    data, output = node.inputs[0], node.outputs[0]
    lifted = head.lifted.get(id(data))
    if isinstance(lifted, Scattered):
        samples = lifted.window.samples
        numbers = push(head.graph, node, output, lifted.numbers, head.shapes, samples)
        return _gather_samples(node, head, numbers, lifted.window)
    if isinstance(lifted, Window):
        for arranged in node.outputs[:1] if node.op == "Dropout" else node.outputs:
            head.lifted[id(arranged)] = moved(head.graph, node, arranged, lifted, head.shapes)
        return unchanged
    cells = head.cells(node, data)
    if node.op in _KEEPS:
        for kept in node.outputs:
            head.lifted[id(kept)] = replace(cells, tensor=kept)
        return unchanged
    window = head.window(node, data)
    numbers = push(head.graph, node, output, numbered(window), head.shapes, window.samples)
    if node.op == "Expand":
        return _expand(node, head, cells, numbers.shape)
    return _gather_samples(node, head, numbers, window)


def _gather_samples(node: gs.Node, head: Head, numbers: np.ndarray, window: Window) -> Edit:
    """Go on with one sample's elements, where the view leaves the samples apart."""
    output, order = node.outputs[0], one_sample(numbers, window)
    if order is None:
        head.lifted[id(output)] = Scattered(numbers, window, node)
    elif isinstance(window.origin, Cells):
        return _reshape(node, head, window.origin, order)
    else:
        head.lifted[id(output)] = replace(window, order=order)
    return unchanged


def _expand(node: gs.Node, head: Head, cells: Cells, shape: tuple[int, ...]) -> Edit:
    """A vector repeated along its feature axes of extent 1."""
    features = list(cells.features)
    fits = len(shape) == len(cells.axes)
    for axis, extent in zip(cells.axes, shape, strict=False):
        if axis:
            features[axis - 1] = extent
        elif axis is None and extent != 1:
            fits = False
    if not fits:
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="features repeated along their own axes",
            found=f"shape {list(shape)} for a vector with features {list(cells.features)}",
        )
    if tuple(features) == cells.features:
        head.lifted[id(node.outputs[0])] = cells
        return unchanged
    head.lifted[id(node.outputs[0])] = replace(
        cells, tensor=node.outputs[0], features=tuple(features)
    )

    def edit(splice: Splice) -> Rewrite:
        target = np.array([1, *features, *head.one_cell], np.int64)
        node.inputs = [cells.tensor, splice.constant(f"{node_name(node)}_shape", target)]
        return Rewrite(node=node_name(node), before="Expand", after=f"Expand to {target.tolist()}")

    return edit


def _reshape(node: gs.Node, head: Head, cells: Cells, order: np.ndarray) -> Edit:
    """A view of a vector that adds or drops axes of extent 1, splits features or merges them."""
    if not np.array_equal(order.ravel(), np.arange(prod(cells.features))):
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="features in the same order",
            found=f"{node.op}, which moves them",
        )
    axes, left = match_axes(cells.features, order.shape)
    if left is None:
        return _regroup(node, head, cells, order.shape)
    if left:
        return _squeeze(node, head, cells, axes, left)
    head.lifted[id(node.outputs[0])] = replace(cells, axes=axes)
    return unchanged


def _squeeze(
    node: gs.Node, head: Head, cells: Cells, axes: tuple[int | None, ...], left: list[int]
) -> Edit:
    """Feature axes of extent 1 go."""
    output = node.outputs[0]
    kept = [0, *(axis for axis in range(1, cells.rank) if axis not in left)]
    features = tuple(cells.features[axis - 1] for axis in kept[1:])
    renumbered = tuple(None if axis is None else kept.index(axis) for axis in axes)
    head.lifted[id(output)] = Cells(output, renumbered, features, cells.grid)

    def edit(splice: Splice) -> Rewrite:
        before, node.op = node.op, "Squeeze"
        node.attrs.clear()
        node.inputs = [cells.tensor]
        splice.set_axes(node, left)
        return Rewrite(node=node_name(node), before=before, after=f"Squeeze axes {left}")

    return edit


def _regroup(node: gs.Node, head: Head, cells: Cells, shape: tuple[int, ...]) -> Edit:
    """Split or merge feature axes: with the channels last, where a 0 keeps every other axis."""
    output = node.outputs[0]
    axes = (0, *range(1, len(shape) + 1))
    head.lifted[id(output)] = Cells(output, axes, shape, cells.grid)
    old, new, spatial = len(cells.features), len(shape), head.spatial_rank

    def edit(splice: Splice) -> Rewrite:
        name, before = node_name(node), f"{node.op} {list(cells.features)}"
        to_last = [0, *range(1 + old, 1 + old + spatial), *range(1, 1 + old)]
        to_first = [0, *range(1 + spatial, 1 + spatial + new), *range(1, 1 + spatial)]
        last = splice.transposed(node, cells.tensor, to_last)
        target = np.array([0] * (1 + spatial) + list(shape), np.int64)
        node.op = "Reshape"
        node.attrs.clear()
        node.inputs = [last, splice.constant(f"{output.name}_shape", target)]
        splice.behind(node, "Transpose", [], f"{output.name}_grouped", perm=to_first)
        return Rewrite(node=name, before=before, after=f"Reshape {list(shape)} between Transposes")

    return edit


RULES = dict.fromkeys(MOVES_DATA, lift_view)
