"""Nodes that only move data: part of a dense layer's view chain, or without effect on cells."""

import numpy as np
import onnx_graphsurgeon as gs

from ..operators import MOVES_DATA
from ..result import RefusalCode, Rewrite, node_name, refuse
from ..splice import Splice
from ..use_def import is_graph_output
from ..view_chain import Window, probe, trains
from .head import Cells, Edit, Head


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
    data = node.inputs[0]
    window = head.window(node, data)
    lifted = head.lifted.get(id(data))
    if isinstance(lifted, Cells) and _keeps_features(node, head, window):
        return _lift_identity(node, head, lifted)
    for output in node.outputs:
        head.lifted[id(output)] = window
        if is_graph_output(head.graph, output):
            raise refuse(
                RefusalCode.INTERNAL_OUTPUT,
                node,
                expected="a dense layer behind the flattened window",
                found=f"that '{output.name}', the window itself, is an output of the model",
            )
    return lambda splice: None


def _keeps_features(node: gs.Node, head: Head, window: Window) -> bool:
    """Whether a view of a vector ``[N, F]`` is that vector again, perhaps with 1-sized axes."""
    order = probe(head.graph, node, node.outputs[0], window, head.shapes)
    features = window.channels
    return order.shape[:1] == (features,) and np.array_equal(order.ravel(), np.arange(features))


def _lift_identity(node: gs.Node, head: Head, lifted: Cells) -> Edit:
    """A view that changes nothing: consumers read what it reads, so that it falls away."""
    needed = any(is_graph_output(head.graph, output) for output in node.outputs)
    keeps = needed or node.op in ("Dropout", "Identity")
    for output in node.outputs:
        head.lifted[id(output)] = Cells(output) if keeps else lifted

    def edit(splice: Splice) -> Rewrite | None:
        if not keeps or node.op in ("Dropout", "Identity"):
            return None
        before = node.op
        node.op = "Identity"
        node.attrs.clear()
        del node.inputs[1:]
        return Rewrite(node=node_name(node), before=before, after="Identity")

    return edit


RULES = dict.fromkeys(MOVES_DATA, lift_view)
