"""Operators along the features: the same along the channels of the map."""

import onnx_graphsurgeon as gs

from ..result import RefusalCode, Rewrite, node_name, refuse
from ..splice import Splice
from .head import Cells, Edit, Head

_ONE_AXIS_OPSET = 13
"""From this opset on, Softmax and LogSoftmax act on one axis; before, they flatten everything
from their axis on into one."""


def lift_batch_normalization(node: gs.Node, head: Head) -> Edit:
    """BatchNormalization acts on axis 1 of vectors and of maps alike.

    Raises:
        Refused: it normalises with the statistics of the batch at hand, or every position by its
            own numbers (``spatial=0``, before opset 9).
    """
    head.features(node, node.inputs[0])
    head.cells(node, node.inputs[0])
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
    head.lifted[id(node.outputs[0])] = Cells(node.outputs[0])
    return lambda splice: None


def lift_softmax(node: gs.Node, head: Head) -> Edit:
    """Softmax and LogSoftmax over the features, at every cell of its own.

    Before opset 13 they flatten all axes from theirs on, the cells too, so the channels are moved
    to the end and back.

    Raises:
        Refused: the axis is not that of the features.
    """
    head.features(node, node.inputs[0])
    head.cells(node, node.inputs[0])
    rank = len(head.static_shape(node, node.inputs[0]))
    flattens = head.opset < _ONE_AXIS_OPSET
    axis = int(node.attrs.get("axis", 1 if flattens else -1))
    if axis % rank != 1:
        raise refuse(
            RefusalCode.WRONG_AXIS,
            node,
            expected="the axis of the features, 1",
            found=f"axis {axis} of a tensor of rank {rank}",
        )
    output = node.outputs[0]
    head.lifted[id(output)] = Cells(output)
    lifted_rank = 2 + head.spatial_rank

    def edit(splice: Splice) -> Rewrite | None:
        if not flattens and axis == 1:
            return None
        if flattens:
            _wrap_channels_last(node, splice, lifted_rank)
            node.attrs["axis"] = lifted_rank - 1
            after = f"{node.op} between Transposes, axis {lifted_rank - 1}"
        else:
            node.attrs["axis"] = 1
            after = f"{node.op} axis 1"
        return Rewrite(node=node_name(node), before=f"{node.op} axis {axis}", after=after)

    return edit


def _wrap_channels_last(node: gs.Node, splice: Splice, rank: int) -> None:
    """Put a Transpose to ``[N, *o, F]`` before a node, and one back to ``[N, F, *o]`` after it."""
    name = node_name(node)
    source, result = node.inputs[0], node.outputs[0]
    last = gs.Variable(splice.names(f"{source.name}_channels_last"), dtype=source.dtype)
    inner = gs.Variable(splice.names(f"{result.name}_channels_last"), dtype=result.dtype)
    node.inputs[0] = last
    node.outputs[0] = inner
    to_last = gs.Node(
        "Transpose",
        name=splice.names(f"{name}_to_channels_last"),
        attrs={"perm": [0, *range(2, rank), 1]},
        inputs=[source],
        outputs=[last],
    )
    to_first = gs.Node(
        "Transpose",
        name=splice.names(f"{name}_to_channels_first"),
        attrs={"perm": [0, rank - 1, *range(1, rank - 1)]},
        inputs=[inner],
        outputs=[result],
    )
    splice.insert_before(node, to_last)
    splice.insert_after(node, to_first)


RULES = {
    "BatchNormalization": lift_batch_normalization,
    "LogSoftmax": lift_softmax,
    "Softmax": lift_softmax,
}
