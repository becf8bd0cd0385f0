"""Operators along the features: the same along the feature axes of the map."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx_graphsurgeon as gs

from ..opsets import SOFTMAX_ON_ONE_AXIS
from ..result import RefusalCode, Rewrite, node_name, refuse
from ..splice import Splice
from ..window import Window
from .elementwise import affine
from .head import Head
from .lifted import Cells, Edit, unchanged


def lift_batch_normalization(node: gs.Node, head: Head) -> Edit:
    """BatchNormalization acts on axis 1 of vectors and of maps alike.

    On the flattened window it is a factor and a summand for the next dense layer.

    Raises:
        Refused: it normalises with the statistics of the batch at hand, or every position by its
            own numbers (``spatial=0``, before opset 9).
    """
    if node.attrs.get("training_mode", 0) or len(node.outputs) > 1:
        raise refuse(
            RefusalCode.TRAINING_MODE,
            node,
            expected="BatchNormalization at inference",
            found="its training form",
            advice="Export the model in evaluation mode",
        )
    if not node.attrs.get("spatial", 1):
        raise refuse(
            RefusalCode.NO_RULE, node, expected="spatial=1", found="spatial=0: one mean a position"
        )
    window, output = head.lifted.get(id(node.inputs[0])), node.outputs[0]
    if isinstance(window, Window) and window.order.ndim == 1:
        gamma, beta, mean, variance = (_numbers(node, head, index) for index in range(1, 5))
        factor = gamma / np.sqrt(variance + float(node.attrs.get("epsilon", 1e-5)))
        head.lifted[id(output)] = affine(window, factor, beta - mean * factor)
        return unchanged
    cells = head.vector(node, node.inputs[0])
    head.lifted[id(output)] = replace(cells, tensor=output)
    return unchanged


def _numbers(node: gs.Node, head: Head, index: int) -> np.ndarray:
    return head.required(node, index, "statistics").astype(np.float64)


def lift_softmax(node: gs.Node, head: Head) -> Edit:
    """Softmax, LogSoftmax and Hardmax over one feature axis, at every cell of its own.

    Before opset 13 they flatten all axes from theirs on, the cells too, so the features are moved
    to the end and back.

    Raises:
        Refused: the axis is that of the batch, or several feature axes are flattened into one.
    """
    cells = head.cells(node, node.inputs[0])
    flattens = head.opset < SOFTMAX_ON_ONE_AXIS
    axis = int(node.attrs.get("axis", 1 if flattens else -1))
    target = head.feature_axis(node, cells, axis)
    first = axis % len(cells.axes)
    if flattens and any(
        other and other != target and cells.features[other - 1] != 1 for other in cells.axes[first:]
    ):
        raise refuse(
            RefusalCode.WRONG_AXIS,
            node,
            expected="one axis of features",
            found=f"axis {axis}, from which on several are flattened",
        )
    output = node.outputs[0]
    head.lifted[id(output)] = replace(cells, tensor=output)
    if flattens:
        return _with_axis_last(node, head, cells, target, before=f"{node.op} axis {axis}")
    return along(node, axis, target)


def along(node: gs.Node, axis: int, target: int) -> Edit:
    """The same operator with another ``axis`` attribute."""

    def edit(splice: Splice) -> Rewrite | None:
        if node.attrs.get("axis") == target:
            return None
        node.attrs["axis"] = target
        return Rewrite(
            node=node_name(node), before=f"{node.op} axis {axis}", after=f"{node.op} axis {target}"
        )

    return edit


def along_axes(
    node: gs.Node, axes: Sequence[int], targets: Sequence[int], place: int | None
) -> Edit:
    """The same operator with other ``axes``.

    Args:
        node: the node.
        axes: its axes now.
        targets: its axes on the map.
        place: which input they are; ``None`` for an attribute.
    """

    def edit(splice: Splice) -> Rewrite | None:
        if list(targets) == list(axes):
            return None
        if place is None:
            node.attrs["axes"] = list(targets)
        else:
            given = splice.constant(f"{node_name(node)}_axes", np.array(targets, np.int64))
            node.inputs = [*node.inputs[:place], given, *node.inputs[place + 1 :]]
        return Rewrite(
            node=node_name(node),
            before=f"{node.op} axes {list(axes)}",
            after=f"{node.op} axes {list(targets)}",
        )

    return edit


def _with_axis_last(node: gs.Node, head: Head, cells: Cells, target: int, *, before: str) -> Edit:
    """The operator on the last axis, between a Transpose to it and one back."""
    rank = cells.rank + head.spatial_rank
    to_last = [*(axis for axis in range(rank) if axis != target), target]
    back = [to_last.index(axis) for axis in range(rank)]
    output, name = node.outputs[0], node_name(node)

    def edit(splice: Splice) -> Rewrite:
        node.inputs[0] = splice.transposed(node, cells.tensor, to_last)
        splice.behind(node, "Transpose", [], f"{output.name}_last", perm=back)
        node.attrs["axis"] = rank - 1
        return Rewrite(
            node=name,
            before=before,
            after=f"{node.op} between Transposes, axis {rank - 1}",
        )

    return edit


def lift_normalization(node: gs.Node, head: Head) -> Edit:
    """LayerNormalization and RMSNormalization over the features, which go last and back.

    Raises:
        Refused: other axes than the only one of the features are normalised.
    """
    cells = head.cells(node, node.inputs[0])
    axis = int(node.attrs.get("axis", -1))
    normalised = {mapped for mapped in cells.axes[axis % len(cells.axes) :] if mapped is not None}
    if normalised != {1} or cells.rank != 2 or any(out.outputs for out in node.outputs[1:]):
        raise refuse(
            RefusalCode.WRONG_AXIS,
            node,
            expected="normalisation over all features of a vector",
            found=f"axis {axis} of a tensor with features {list(cells.features)}",
        )
    for index in (1, 2):
        values = head.constant(node, index, "scale and bias")
        if values is not None and values.size not in (1, cells.features[0]):
            raise refuse(
                RefusalCode.BIAS_SHAPE,
                node,
                expected="one number per feature",
                found=f"'{node.inputs[index].name}' of shape {list(values.shape)}",
            )
    output = node.outputs[0]
    head.lifted[id(output)] = replace(cells, tensor=output)
    lift = _with_axis_last(node, head, cells, 1, before=f"{node.op} axis {axis}")

    def edit(splice: Splice) -> Rewrite | None:
        for index in range(1, len(node.inputs)):
            if node.inputs[index].name:
                flat = head.constants.values(node.inputs[index]).reshape(-1).shape
                node.inputs[index] = splice.weights.reshaped(node.inputs[index], flat)
        return lift(splice)

    return edit


def lift_kept_axis(node: gs.Node, head: Head) -> Edit:
    """TopK and LpNormalization: along one feature axis, which stays."""
    cells = head.cells(node, node.inputs[0])
    axis = int(node.attrs.get("axis", -1))
    target = head.feature_axis(node, cells, axis)
    features = cells.features
    if node.op == "TopK":
        extent = head.extent(node, node.outputs[0], axis)
        features = tuple(extent if i == target else e for i, e in enumerate(cells.features, 1))
    for output in node.outputs:
        head.lifted[id(output)] = replace(cells, tensor=output, features=features)
    return along(node, axis, target)


def lift_local_response(node: gs.Node, head: Head) -> Edit:
    """LRN divides by neighbouring channels at the same position: the same at every cell."""
    cells = head.vector(node, node.inputs[0])
    head.lifted[id(node.outputs[0])] = replace(cells, tensor=node.outputs[0])
    return unchanged


def lift_cumsum(node: gs.Node, head: Head) -> Edit:
    """CumSum, whose axis is an input."""
    cells, output = head.cells(node, node.inputs[0]), node.outputs[0]
    axis = int(head.required(node, 1, "axis").flat[0])
    target = head.feature_axis(node, cells, axis)
    head.lifted[id(output)] = replace(cells, tensor=output)

    def edit(splice: Splice) -> Rewrite | None:
        if axis == target:
            return None
        node.inputs[1] = splice.constant(f"{node_name(node)}_axis", np.array(target, np.int64))
        return Rewrite(
            node=node_name(node), before=f"CumSum axis {axis}", after=f"CumSum axis {target}"
        )

    return edit


def lift_arg(node: gs.Node, head: Head) -> Edit:
    """ArgMax and ArgMin over one feature axis."""
    cells = head.cells(node, node.inputs[0])
    axis = int(node.attrs.get("axis", 0))
    target = head.feature_axis(node, cells, axis)
    keeps = bool(node.attrs.get("keepdims", 1))
    head.lifted[id(node.outputs[0])] = reduced(node, cells, [axis], keeps)
    return along(node, axis, target)


def reduced(node: gs.Node, cells: Cells, axes: Sequence[int], keeps: bool) -> Cells:
    """What a vector becomes when some of its axes are reduced to one element."""
    gone = {axis % len(cells.axes) for axis in axes}
    targets = [cells.axes[axis] for axis in gone]
    if keeps:
        features = tuple(1 if i in targets else e for i, e in enumerate(cells.features, 1))
        return replace(cells, tensor=node.outputs[0], features=features)
    left = [0, *(axis for axis in range(1, cells.rank) if axis not in targets)]
    axes_left = tuple(
        None if mapped is None else left.index(mapped)
        for axis, mapped in enumerate(cells.axes)
        if axis not in gone
    )
    features = tuple(cells.features[axis - 1] for axis in left[1:])
    return Cells(node.outputs[0], axes_left, features, cells.grid)


RULES = {
    "ArgMax": lift_arg,
    "ArgMin": lift_arg,
    "BatchNormalization": lift_batch_normalization,
    "CumSum": lift_cumsum,
    "Hardmax": lift_softmax,
    "LRN": lift_local_response,
    "LayerNormalization": lift_normalization,
    "LogSoftmax": lift_softmax,
    "LpNormalization": lift_kept_axis,
    "RMSNormalization": lift_normalization,
    "Softmax": lift_softmax,
    "TopK": lift_kept_axis,
}
