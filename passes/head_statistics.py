"""Tell heads that would need a statistic of their own window of the map."""

from collections.abc import Callable, Sequence

import onnx_graphsurgeon as gs

from .collapse import Collapse
from .growth import Growth
from .images import Roles
from .lift.pooling import POOLING
from .operators import MIXES
from .result import RefusalCode, node_name, refuse
from .use_def import is_standard, producer


def check_statistics(
    graph: gs.Graph, collapses: Sequence[Collapse], is_statistic: Callable[[gs.Node], bool]
) -> None:
    """Refuse a statistic of the whole map that a head pools together with the map.

    Deviations and the like: left as they are, the statistic would be that
    of the whole large image and not of a window. A gate with dense layers of its own, and a
    map that goes through a convolution before it is pooled, are trunk.

    Args:
        graph: the graph, in topological order; not changed.
        collapses: where its heads begin.
        is_statistic: whether what a node makes of a position depends on the whole map.

    Raises:
        Refused: a head does; names the statistic.
    """
    pools = {id(c.node) for c in collapses if is_standard(c.node, *POOLING)}
    lifted = {id(node) for collapse in collapses for node in collapse.chain}
    pooled_by: dict[int, gs.Node] = {}
    for node in reversed(graph.nodes):
        pool = next((pooled_by[id(o)] for o in node.outputs if id(o) in pooled_by), None)
        if id(node) in pools:
            pool = node
        elif pool is None or is_standard(node, "Shape", *MIXES):
            continue
        elif id(node) not in lifted and is_statistic(node):
            raise refuse(
                RefusalCode.GLOBAL_STATISTIC,
                node,
                expected="pools of the map alone",
                found=f"a statistic of the whole map that '{node_name(pool)}' pools again",
            )
        pooled_by.update((id(tensor), pool) for tensor in node.inputs)


def check_tokens(
    collapses: Sequence[Collapse],
    growth: Growth,
    roles: Callable[[gs.Tensor], Roles | None],
) -> None:
    """Refuse a statistic that tokens met which a head reads at once.

    Only of maps, and of what a layer makes of tokens, is it known that the statistic is trunk.

    Args:
        collapses: where the heads begin.
        growth: what grows with the image.
        roles: the roles of a tensor's axes, where they are known: it is a map.

    Raises:
        Refused: a head does; names the statistic.
    """
    heads = [c for c in collapses if not any(is_standard(node, *MIXES) for node in c.chain)]
    pending = [c.window.source for c in heads if c.window.tokens is not None]
    seen: set[int] = set()
    while pending:
        node = producer(pending.pop())
        if node is None or id(node) in seen or is_standard(node, "Shape"):
            continue
        seen.add(id(node))
        if growth.is_statistic(node):
            raise refuse(
                RefusalCode.GLOBAL_STATISTIC,
                node,
                expected="a map [N, C, ...] or a layer between a statistic of the whole map and"
                " the head",
                found="that what it meets still has all positions on one axis in the head",
            )
        if not (is_standard(node, *MIXES) and growth.axes(node.outputs[0])):
            pending += [tensor for tensor in node.inputs if roles(tensor) is None]
