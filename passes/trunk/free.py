"""Make the changes that following a trunk has asked for."""

from itertools import chain

import numpy as np
import onnx_graphsurgeon as gs

from ..result import Rewrite, node_name
from ..splice import Splice
from .extents import grows
from .sources import Sources
from .trunk import Filler, Trunk, baked


def free(trunk: Trunk) -> list[Rewrite]:
    """Free the nodes that hold the original size, in place.

    Args:
        trunk: a followed trunk; its graph is changed only where nothing is refused.

    Returns:
        What was changed, in graph order.

    Raises:
        Refused: an extent is needed where no tensor before has it.
    """
    splice = Splice(trunk.graph, trunk.constants)
    sources = Sources(trunk, splice)
    for node in trunk.graph.nodes:
        filled = [trunk.found(f.constant) or () for f in trunk.fillers.get(id(node), ())]
        for extent in (*trunk.needs.get(id(node), ()), *chain.from_iterable(filled)):
            if not sources.can_give(extent, node):
                raise baked(node, f"an extent {trunk.text((extent,))} that nothing before it has")
    rewrites: list[Rewrite] = []
    detached: list[gs.Tensor] = []
    for node in list(trunk.graph.nodes):
        sources.anchor = node
        before = list(node.inputs)
        for filler in trunk.fillers.get(id(node), ()):
            rewrites.append(_fill(filler, trunk, sources))
        if id(node) in trunk.edits:
            rewrites.append(trunk.edits[id(node)](sources))
        detached += [tensor for tensor in before if all(tensor is not t for t in node.inputs)]
    splice.finish(detached)
    return rewrites


def _fill(filler: Filler, trunk: Trunk, sources: Sources) -> Rewrite:
    """Put one element of a uniform constant, expanded, in the place of as many as were baked."""
    node, constant = filler.reader, filler.constant
    axes = trunk.found(constant) or ()
    values = np.asarray(trunk.constants.values(constant))
    before = list(values.shape)
    for axis in range(values.ndim):
        if trunk.wants(constant, axis) is not None:
            values = values.take([0], axis=axis)
    one: gs.Tensor = sources.splice.constant(f"{constant.name}_element", values)
    if any(map(grows, axes)):
        one = sources.apply("Expand", [one, sources.vector(axes)])
    node.inputs = [one if tensor is constant else tensor for tensor in node.inputs]
    return Rewrite(
        node=node_name(node),
        before=f"constant {before}",
        after=f"constant expanded to {trunk.text(axes)}",
    )
