"""Operators that cut, pick and join features."""

from dataclasses import replace

import onnx_graphsurgeon as gs

from ..result import RefusalCode, Rewrite, node_name, refuse
from ..splice import Splice
from ..window import Scattered, Window
from .alignment import aligned, with_ones
from .axis import along, along_axes
from .head import Head
from .lifted import Cells, Edit, unchanged
from .view import lift_view


def lift_concat(node: gs.Node, head: Head) -> Edit:
    """Vectors joined along a feature axis, which may be a new one: that of a stack.

    Raises:
        Refused: they are joined along the batch, or stand for different windows.
    """
    vectors = {index: head.cells(node, operand) for index, operand in enumerate(node.inputs)}
    first, axis = vectors[0], int(node.attrs.get("axis", 1))
    for vector in vectors.values():
        if vector.axes[axis % len(vector.axes)] == 0:
            head.feature_axis(node, vector, axis)
    whole, missing = aligned(node, vectors, joined=axis % len(first.axes))
    target = head.feature_axis(node, whole, axis)
    extents = [with_ones(vector.features, missing[index]) for index, vector in vectors.items()]
    joined = sum(extent[target - 1] for extent in extents)
    features = tuple(joined if i == target else e for i, e in enumerate(extents[0], 1))
    grid = head.same_grid(node, list(vectors.values()))
    head.lifted[id(node.outputs[0])] = Cells(node.outputs[0], whole.axes, features, grid)
    join = along(node, axis, target)

    def edit(splice: Splice) -> Rewrite | None:
        for index, lacking in missing.items():
            if lacking:
                node.inputs[index] = splice.unsqueezed(node, node.inputs[index], lacking)
        return join(splice)

    return edit


def lift_split(node: gs.Node, head: Head) -> Edit:
    """A vector cut along a feature axis."""
    if isinstance(head.lifted.get(id(node.inputs[0])), Window | Scattered):
        return lift_view(node, head)
    cells = head.cells(node, node.inputs[0])
    axis = int(node.attrs.get("axis", 0))
    target = head.feature_axis(node, cells, axis)
    for output in node.outputs:
        extent = head.extent(node, output, axis)
        features = tuple(extent if i == target else e for i, e in enumerate(cells.features, 1))
        head.lifted[id(output)] = replace(cells, tensor=output, features=features)
    return along(node, axis, target)


def lift_gather(node: gs.Node, head: Head) -> Edit:
    """Features picked by constant indices.

    Raises:
        Refused: the indices are computed, or they pick some of several samples.
    """
    if isinstance(head.lifted.get(id(node.inputs[0])), Window | Scattered):
        return lift_view(node, head)
    if _looks_up(node, head):
        return _lift_table(node, head)
    cells = head.cells(node, node.inputs[0])
    axis = int(node.attrs.get("axis", 0))
    if cells.axes[axis] is None or (head.samples == 1 and cells.axes[axis] == 0):
        return lift_view(node, head)
    indices = head.required(node, 1, "indices")
    target = head.feature_axis(node, cells, axis)
    place = axis % len(cells.axes)
    grown = indices.ndim - 1
    picked = [target + i for i in range(indices.ndim)]
    shifted = [m if m is None or m < target else m + grown for m in cells.axes]
    axes = (*shifted[:place], *picked, *shifted[place + 1 :])
    features = (*cells.features[: target - 1], *indices.shape, *cells.features[target:])
    head.lifted[id(node.outputs[0])] = Cells(node.outputs[0], axes, features, cells.grid)
    return along(node, axis, target)


def lift_gather_nd(node: gs.Node, head: Head) -> Edit:
    """A view, or a table that vectors of places look up: then a Gather."""
    return _lift_table(node, head) if _looks_up(node, head) else lift_view(node, head)


def _looks_up(node: gs.Node, head: Head) -> bool:
    """Whether a Gather or GatherND picks from a constant by what is computed."""
    data, indices = node.inputs
    return data in head.constants and indices not in head.constants


def _lift_table(node: gs.Node, head: Head) -> Edit:
    """A table with one number a class, looked up at every cell.

    Raises:
        Refused: the table has several axes.
    """
    table, output = node.inputs[0], node.outputs[0]
    cells = head.cells(node, node.inputs[1])
    nested = node.op == "GatherND"
    fits = cells.axes[-1:] == (None,) and not node.attrs.get("batch_dims", 0) if nested else True
    if len(head.constant_shape(node, table)) != 1 or not fits:
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="a table with one number a class",
            found=f"'{table.name}' of shape {list(head.constant_shape(node, table))}",
        )
    axes = cells.axes[:-1] if nested else cells.axes
    head.lifted[id(output)] = replace(cells, tensor=output, axes=axes)

    def edit(splice: Splice) -> Rewrite | None:
        if not nested:
            return None
        node.op = "Gather"
        node.attrs.clear()
        return Rewrite(node=node_name(node), before="GatherND", after="Gather")

    return edit


def lift_slice(node: gs.Node, head: Head) -> Edit:
    """Features cut out by constant bounds.

    Raises:
        Refused: the bounds are computed, or they cut samples.
    """
    if isinstance(head.lifted.get(id(node.inputs[0])), Window | Scattered):
        return lift_view(node, head)
    cells, output = head.cells(node, node.inputs[0]), node.outputs[0]
    axes = _slice_axes(node, head)
    if all(cells.axes[axis] is None for axis in axes):
        return lift_view(node, head)
    targets = [head.feature_axis(node, cells, axis) for axis in axes]
    features = list(cells.features)
    for axis, target in zip(axes, targets, strict=True):
        features[target - 1] = head.extent(node, output, axis)
    head.lifted[id(output)] = replace(cells, tensor=output, features=tuple(features))
    return along_axes(node, axes, targets, None if "starts" in node.attrs else 3)


def _slice_axes(node: gs.Node, head: Head) -> list[int]:
    """Axes that a Slice cuts, once its bounds and steps are known to be constant."""
    starts = head.operand(node, "starts", 1)
    head.operand(node, "ends", 2)
    head.operand(node, "steps", 4)
    axes = head.operand(node, "axes", 3)
    if axes is None:
        return list(range(0 if starts is None else starts.size))
    return [int(axis) for axis in axes]


def lift_transpose(node: gs.Node, head: Head) -> Edit:
    """Another order of a window's axes, of a vector's features, or of features and batch."""
    if isinstance(head.lifted.get(id(node.inputs[0])), Window | Scattered):
        return lift_view(node, head)
    cells = head.cells(node, node.inputs[0])
    rank = len(cells.axes)
    perm = list(node.attrs.get("perm", range(rank - 1, -1, -1)))
    axes = tuple(cells.axes[axis] for axis in perm)
    mapped = [axis for axis in axes if axis is not None]
    if mapped[:1] != [0] or mapped == sorted(mapped):
        # The map stays as it is: only what its axes stand for moves.
        head.lifted[id(node.outputs[0])] = replace(cells, axes=axes)
        return unchanged
    features = tuple(cells.features[axis - 1] for axis in mapped[1:])
    in_order = tuple(None if axis is None else mapped.index(axis) for axis in axes)
    head.lifted[id(node.outputs[0])] = Cells(node.outputs[0], in_order, features, cells.grid)
    spatial = range(cells.rank, cells.rank + head.spatial_rank)

    def edit(splice: Splice) -> Rewrite:
        node.attrs["perm"] = [*mapped, *spatial]
        return Rewrite(
            node=node_name(node),
            before=f"Transpose {perm}",
            after=f"Transpose {node.attrs['perm']}",
        )

    return edit


def lift_conv(node: gs.Node, head: Head) -> Edit:
    """A convolution of a vector ``[N, F, 1, 1]``: it acts at every cell.

    Raises:
        Refused: its kernel is larger than one cell.
    """
    cells, output = head.vector(node, node.inputs[0]), node.outputs[0]
    kernel = head.constant_shape(node, node.inputs[1])
    if any(extent != 1 for extent in kernel[2:]) or any(node.attrs.get("pads", [])):
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="a 1x1 convolution of a vector",
            found=f"a kernel {list(kernel[2:])} with pads {node.attrs.get('pads', [])}",
        )
    if len(kernel) != 2 + head.spatial_rank:
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected=f"a convolution with {head.spatial_rank} spatial axes",
            found=f"a kernel of shape {list(kernel)}",
        )
    head.lifted[id(output)] = replace(cells, tensor=output, features=(kernel[0],))

    def edit(splice: Splice) -> Rewrite | None:
        # On one cell a stride has no effect, on a map it would skip cells.
        if all(stride == 1 for stride in node.attrs.get("strides", [])):
            return None
        strides = node.attrs.pop("strides")
        return Rewrite(node=node_name(node), before=f"Conv strides {strides}", after="Conv")

    return edit


RULES = {
    "Concat": lift_concat,
    "Conv": lift_conv,
    "Gather": lift_gather,
    "GatherND": lift_gather_nd,
    "Slice": lift_slice,
    "Split": lift_split,
    "Transpose": lift_transpose,
}
