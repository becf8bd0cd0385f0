"""Which axis of a tensor is the batch, which the channels, and which are spatial.

Convolutions and pools fix the meaning of their inputs' and outputs' axes; elementwise operators
keep it and Transpose permutes it.
"""

from collections.abc import Mapping, Sequence

import onnx_graphsurgeon as gs

from .images import Image, Roles, spatial_axes
from .layouts import keeps_axes, permutation
from .operators import CHANNELS_FIRST, NORMALIZATIONS, REDUCTIONS
from .shapes import Shape
from .trunk.positions import Positions
from .use_def import is_standard


def channels_first(rank: int) -> Roles:
    """Roles of a tensor ``[N, C, *s]`` of the given rank."""
    return tuple(range(rank))


def axis_roles(
    graph: gs.Graph,
    shapes: Mapping[str, Shape],
    images: Sequence[Image],
    positions: Positions,
) -> dict[int, Roles]:
    """Roles of the axes of every tensor whose layout its operators tell, by ``id`` of the tensor.

    Args:
        graph: the graph.
        shapes: static shapes at the original image size, by tensor name.
        images: its images.
        positions: where their axes are, as far as they could be followed.
    """
    roles: dict[int, Roles] = {id(image.tensor): image.roles for image in images}

    def note(tensor: gs.Tensor, found: Roles | None) -> None:
        # Positions that a view has merged are one axis: such a tensor is no map, whoever reads it.
        if found is not None and positions.merged(tensor).isdisjoint(spatial_axes(found)):
            # A convolution of a transposed map does not know that its rows are columns.
            roles[id(tensor)] = positions.roles(tensor) or found

    ranks = {2 + len(image.spatial_axes) for image in images}
    for node in graph.nodes:
        fixes = is_standard(node, *CHANNELS_FIRST, *NORMALIZATIONS)
        if fixes and id(node.inputs[0]) not in roles:
            rank = len(shapes.get(node.inputs[0].name, ()))
            note(node.inputs[0], channels_first(rank) if rank in ranks else None)
        for output in node.outputs:
            note(output, _output_roles(node, roles, len(shapes.get(output.name, ()))))
    return roles


def _output_roles(node: gs.Node, roles: Mapping[int, Roles], rank: int) -> Roles | None:
    if is_standard(node, *CHANNELS_FIRST) and rank >= 3:
        return channels_first(rank)
    known = [roles[id(tensor)] for tensor in node.inputs if id(tensor) in roles]
    if not known:
        return None
    if is_standard(node, "Transpose"):
        return tuple(known[0][axis] for axis in permutation(node, rank))
    keeps = keeps_axes(node) or is_standard(node, *REDUCTIONS)
    same_rank = {candidate for candidate in known if len(candidate) == rank}
    return same_rank.pop() if keeps and len(same_rank) == 1 else None
