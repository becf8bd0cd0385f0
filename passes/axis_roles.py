"""Which axis of a tensor is the batch, which the channels, and which are spatial.

Convolutions and pools fix the meaning of their inputs' and outputs' axes; elementwise operators
keep it and Transpose permutes it. The image's own layout follows from its first such consumer.
"""

from collections.abc import Mapping

import onnx_graphsurgeon as gs

from .operators import CHANNELS_FIRST, ELEMENTWISE, KEEPS_AXES
from .static_shapes import Shape
from .use_def import is_standard

Roles = tuple[int, ...]
"""Role of each axis: 0 the batch, 1 the channels, 2 and up the spatial axes in image order."""


def channels_first(rank: int) -> Roles:
    """Roles of a tensor ``[N, C, *s]`` of the given rank."""
    return tuple(range(rank))


def _keeps_axes(node: gs.Node) -> bool:
    return is_standard(node, *ELEMENTWISE) or is_standard(node, *KEEPS_AXES)


def image_inputs(graph: gs.Graph, shapes: Mapping[str, Shape]) -> list[gs.Tensor]:
    """Graph inputs that have spatial axes: those of rank 3 and more."""
    return [tensor for tensor in graph.inputs if len(shapes.get(tensor.name, ())) >= 3]


def image_roles(image: gs.Tensor, rank: int) -> Roles:
    """Roles of an image's axes, read off its first convolution or pool.

    Where no such operator is reached (a dense layer directly on the image), channels come first.
    """
    pending = [(image, channels_first(rank))]
    seen = {id(image)}
    while pending:
        tensor, order = pending.pop(0)
        for node in tensor.outputs:
            after = order
            if is_standard(node, *CHANNELS_FIRST) and node.inputs[0] is tensor:
                return tuple(order.index(axis) for axis in range(rank))
            if is_standard(node, "Transpose"):
                after = tuple(order[axis] for axis in _permutation(node, rank))
            elif not _keeps_axes(node):
                continue
            for output in node.outputs:
                if id(output) not in seen:
                    seen.add(id(output))
                    pending.append((output, after))
    return channels_first(rank)


def _permutation(node: gs.Node, rank: int) -> Roles:
    return tuple(node.attrs.get("perm", range(rank - 1, -1, -1)))


def axis_roles(graph: gs.Graph, shapes: Mapping[str, Shape]) -> dict[int, Roles]:
    """Roles of the axes of every tensor whose layout is known, by ``id`` of the tensor."""
    roles: dict[int, Roles] = {}
    for image in image_inputs(graph, shapes):
        roles[id(image)] = image_roles(image, len(shapes[image.name]))
    for node in graph.nodes:
        for output in node.outputs:
            found = _output_roles(node, roles, len(shapes.get(output.name, ())))
            if found is not None:
                roles[id(output)] = found
    return roles


def _output_roles(node: gs.Node, roles: Mapping[int, Roles], rank: int) -> Roles | None:
    if is_standard(node, *CHANNELS_FIRST) and rank >= 3:
        return channels_first(rank)
    known = [roles[id(tensor)] for tensor in node.inputs if id(tensor) in roles]
    if not known:
        return None
    if is_standard(node, "Transpose"):
        return tuple(known[0][axis] for axis in _permutation(node, rank))
    same_rank = {candidate for candidate in known if len(candidate) == rank}
    return same_rank.pop() if _keeps_axes(node) and len(same_rank) == 1 else None
