"""Make the edits of a matched head, and leave the graph tidy."""

from collections.abc import Sequence
from typing import Literal

import onnx_graphsurgeon as gs

from ..result import Rewrite, reshaped
from ..splice import Splice
from ..use_def import producer
from ..window import Scattered, Window
from .head import Head
from .lifted import Cells, Edit


def make_edits(
    head: Head,
    edits: Sequence[tuple[gs.Node, Edit]],
    output_layout: Literal["input", "nchw", "nhwc"],
    image_layout: Literal["nchw", "nhwc"],
) -> list[Rewrite]:
    """Lift the nodes of a head in place.

    Args:
        head: the head, every node of which has been matched.
        edits: its nodes, in graph order, each with what lifts it.
        output_layout: layout of the outputs' maps; ``input`` takes an output's own, where it has
            1-sized spatial axes, else the image's.
        image_layout: the image's layout.

    Returns:
        What changed, in graph order.
    """
    splice = Splice(head.graph, head.constants)
    read = [tensor for node, _ in edits for tensor in node.inputs]
    computed = [tensor for node, _ in edits for tensor in node.outputs]
    rewrites = []
    for make in head.entries:
        make(splice)
    for node, edit in edits:
        for index, tensor in enumerate(node.inputs):
            lifted = head.lifted.get(id(tensor))
            if isinstance(lifted, Cells) and lifted.tensor is not tensor:
                node.inputs[index] = lifted.tensor
        rewrite = edit(splice)
        if rewrite is not None:
            rewrites.append(rewrite)
    declared = {id(output): output.shape for output in head.graph.outputs}
    for tensor in computed:
        _declare_shape(head, tensor)
    maps = [
        (output, node, cells)
        for output in head.graph.outputs
        if (node := producer(output)) and isinstance(cells := head.lifted.get(id(output)), Cells)
    ]
    # All names first: one output may be another one by a second name.
    for output, node, cells in maps:
        _keep_name(node, cells, output)
    for output, node, cells in maps:
        order = _axis_order(cells, head.spatial_rank, output_layout, image_layout)
        if order != sorted(order):
            _transpose_output(splice, node, output, order)
        before = declared[id(output)]
        if before is not None and output.shape is not None:
            rewrites += reshaped("output", output, before)
    splice.finish(read)
    return rewrites


def _declare_shape(head: Head, tensor: gs.Tensor) -> None:
    """Bring a declared shape up to date: at the original size every map is one cell."""
    lifted = head.lifted.get(id(tensor))
    if tensor.shape is None:
        return
    if isinstance(lifted, Window | Scattered):
        tensor.shape = None
    elif isinstance(lifted, Cells) and len(tensor.shape) != len(lifted.axes):
        tensor.shape = None  # it was stale before
    elif isinstance(lifted, Cells):
        batch = tensor.shape[lifted.axes.index(0)] if 0 in lifted.axes else 1
        tensor.shape = [batch, *lifted.features, *head.one_cell]


def _keep_name(node: gs.Node, cells: Cells, output: gs.Tensor) -> None:
    """An output that a view only renamed is computed by an Identity in the view's place."""
    if cells.tensor is not output:
        node.op, node.inputs = "Identity", [cells.tensor]
        node.attrs.clear()


def _axis_order(
    cells: Cells,
    spatial_rank: int,
    output_layout: Literal["input", "nchw", "nhwc"],
    image_layout: Literal["nchw", "nhwc"],
) -> list[int]:
    """Axes of a map in the order that its output should have them."""
    spatial = list(range(cells.rank, cells.rank + spatial_rank))
    missing = [axis for axis in range(cells.rank) if axis not in cells.axes]
    named = [*missing, *(axis for axis in cells.axes if axis is not None)]
    if output_layout == "input" and cells.axes.count(None) == spatial_rank:
        places = iter(spatial)
        return [*missing, *(next(places) if axis is None else axis for axis in cells.axes)]
    layout = image_layout if output_layout == "input" else output_layout
    return [*named, *spatial] if layout == "nchw" else [named[0], *spatial, *named[1:]]


def _transpose_output(
    splice: Splice, node: gs.Node, output: gs.Tensor, order: Sequence[int]
) -> None:
    """Compute an output of a node by a Transpose; whatever read it before reads what it was."""
    inner = gs.Variable(splice.names(f"{output.name}_map"), dtype=output.dtype)
    for consumer in list(output.outputs):
        consumer.inputs = [inner if tensor is output else tensor for tensor in consumer.inputs]
    node.outputs = [inner if tensor is output else tensor for tensor in node.outputs]
    splice.after(node, "Transpose", [inner], output, perm=list(order))
    if output.shape is not None:
        output.shape = [output.shape[axis] for axis in order]
