"""Turn the dense layers of a head into convolutions that slide over the feature map.

Finds the dense layers that read the flattened feature map, puts Conv nodes with the same weights,
reshaped, in their place, and lifts everything after them to maps. A head is rewritten whole or
not at all. The input size stays what it was: dynamic_spatial_axes frees it.
"""

from collections.abc import Sequence

import onnx_graphsurgeon as gs

from .evaluation import Constants
from .heads import Collapse, find_collapses, head_nodes
from .image_size import input_shapes
from .lift import RULES, Rule
from .lift.head import Cells, Edit, Head
from .per_axis import per_axis
from .result import PassResult, Refusal, RefusalCode, Refused, Rewrite, refuse
from .splice import Splice
from .static_shapes import static_shapes
from .use_def import has_subgraph, is_standard

NAME = "flatten_gemm_to_conv"


def apply(
    graph: gs.Graph,
    *,
    input_size: Sequence[int] | None = None,
    window_step: int | Sequence[int] = 1,
) -> PassResult:
    """Rewrite the heads of a graph in place.

    Args:
        graph: any graph in topological order; changed only where nothing is refused.
        input_size: the image size that the model was made for, in pixels, an axis each (height,
            width); needed where the model's own spatial axes are symbolic.
        window_step: cells from one window to the next, one number or an axis each; at least 1.

    Returns:
        One rewrite for each changed node, or the refusals; neither where the graph has no dense
        layer behind a feature map.

    Raises:
        ValueError: ``window_step`` is not positive, or has another number of axes than the map.
    """
    try:
        shapes = static_shapes(graph, input_shapes(graph, input_size))
        constants = Constants(graph)
        collapses = find_collapses(graph, shapes, constants)
    except Refused as refused:
        return PassResult(name=NAME, refusals=(refused.refusal,))
    if not collapses:
        return PassResult(name=NAME)
    step = per_axis("window_step", window_step, len(collapses[0].window.extents))
    head = Head(graph, shapes, constants, step)
    edits, refusals = _match(head, collapses)
    if refusals:
        return PassResult(name=NAME, refusals=tuple(refusals))
    return PassResult(name=NAME, rewrites=tuple(_rewrite(head, edits)))


def _match(
    head: Head, collapses: Sequence[Collapse]
) -> tuple[list[tuple[gs.Node, Edit]], list[Refusal]]:
    """An edit for every node of every head, in graph order, or the refusal; changes nothing."""
    region: set[int] = set()
    for collapse in collapses:
        region.update(id(node) for node in head_nodes(head.graph, collapse))
        head.lifted[id(collapse.window.source)] = collapse.window
    edits: list[tuple[gs.Node, Edit]] = []
    for node in head.graph.nodes:
        if id(node) not in region:
            continue
        try:
            edits.append((node, _rule(node)(node, head)))
        except Refused as refused:
            # Whatever follows would be refused only for want of this node.
            return [], [refused.refusal]
    return edits, []


def _rule(node: gs.Node) -> Rule:
    if has_subgraph(node):
        raise refuse(
            RefusalCode.CONTROL_FLOW,
            node,
            expected="a head without branches and loops",
            found=f"{node.op} with a subgraph",
        )
    if not is_standard(node):
        raise refuse(
            RefusalCode.CUSTOM_OPERATOR,
            node,
            expected="operators of ai.onnx",
            found=f"{node.domain}.{node.op}, whose meaning is unknown",
        )
    if node.op not in RULES:
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="an operator that can act at every cell of a map",
            found=f"{node.op}, for which there is no rule",
        )
    return RULES[node.op]


def _rewrite(head: Head, edits: Sequence[tuple[gs.Node, Edit]]) -> list[Rewrite]:
    """Make the edits, in graph order."""
    splice = Splice(head.graph, head.constants)
    detached = [tensor for node, _ in edits for tensor in node.inputs]
    cells = [
        tensor
        for node, _ in edits
        for tensor in node.outputs
        if isinstance(head.lifted.get(id(tensor)), Cells)
    ]
    rewrites = []
    for node, edit in edits:
        for index, tensor in enumerate(node.inputs):
            lifted = head.lifted.get(id(tensor))
            if isinstance(lifted, Cells) and lifted.tensor is not tensor:
                node.inputs[index] = lifted.tensor
        rewrite = edit(splice)
        if rewrite is not None:
            rewrites.append(rewrite)
    splice.finish(detached)
    for tensor in cells:
        if tensor.shape is not None:
            # At the original size every map is one cell.
            tensor.shape = [*tensor.shape[:2], *[1] * head.spatial_rank]
    return rewrites
