"""Find where the spatial axes disappear, and the region of the graph that follows."""

from collections.abc import Mapping
from dataclasses import dataclass

import onnx_graphsurgeon as gs

from .axis_roles import Roles, axis_roles, channels_first, image_inputs
from .evaluation import Constants
from .operators import GLOBAL_POOLS
from .result import RefusalCode, refuse
from .static_shapes import Shape
from .use_def import downstream, is_standard, outer_inputs, producer
from .view_chain import Window, walk_to_source


@dataclass(frozen=True)
class Collapse:
    """A dense layer that reads a window of a feature map.

    Attributes:
        dense: the Gemm or MatMul.
        window: the window that it reads.
        chain: the nodes of the view chain between the two, first to last.
    """

    dense: gs.Node
    window: Window
    chain: tuple[gs.Node, ...]


def find_collapses(
    graph: gs.Graph, shapes: Mapping[str, Shape], constants: Constants
) -> list[Collapse]:
    """Collapses that belong to a head, in graph order.

    A dense layer whose result meets a spatial tensor again (the gate of squeeze-and-excite) is
    part of the trunk and is left out.

    Raises:
        Refused: a dense layer reads the image through axes of unknown meaning, or through more
            than one image.
    """
    images = image_inputs(graph, shapes)
    roles = axis_roles(graph, shapes)
    from_image = {id(image) for image in images}
    for node in downstream(graph, images):
        from_image.update(id(output) for output in node.outputs)
    found: list[Collapse] = []
    inside: set[int] = set()
    for node in graph.nodes:
        if any(id(tensor) in inside for tensor in node.inputs):
            inside.update(id(output) for output in node.outputs)
            continue
        if not _is_dense(node, shapes, constants) or id(node.inputs[0]) not in from_image:
            continue
        source, chain = walk_to_source(node.inputs[0], set(roles), constants)
        _refuse_global_pool(source)
        window = _window(node, source, shapes, roles.get(id(source)))
        collapse = Collapse(node, window, tuple(chain))
        if not _is_gate(graph, collapse, constants, shapes, from_image):
            found.append(collapse)
            inside.update(id(output) for output in node.outputs)
    if found:
        _check_single_image(graph, found, images)
    return found


def _is_dense(node: gs.Node, shapes: Mapping[str, Shape], constants: Constants) -> bool:
    """Whether a node multiplies a matrix ``[N, F]`` that is not itself constant."""
    return (
        is_standard(node, "Gemm", "MatMul")
        and node.inputs[0] not in constants
        and len(shapes.get(node.inputs[0].name, (None, None))) == 2
        and len(shapes.get(node.outputs[0].name, (None, None))) == 2
    )


def _refuse_global_pool(source: gs.Tensor) -> None:
    pool = producer(source)
    if pool is not None and is_standard(pool, *GLOBAL_POOLS):
        raise refuse(
            RefusalCode.NO_RULE,
            pool,
            expected="a dense layer on the flattened feature map",
            found="one behind a pool over the whole map",
        )


def _window(
    dense: gs.Node, source: gs.Tensor, shapes: Mapping[str, Shape], roles: Roles | None
) -> Window:
    if roles is None or roles != channels_first(len(roles)):
        raise refuse(
            RefusalCode.LAYOUT_UNKNOWN,
            dense,
            expected="a view chain that starts at a map [N, C, *s]",
            found=f"that it starts at '{source.name}', whose axes have no known meaning",
        )
    shape = shapes[source.name]
    batch, *extents = shape
    if not all(isinstance(extent, int) for extent in extents):
        raise refuse(
            RefusalCode.INPUT_SIZE_NEEDED,
            dense,
            expected="a known size of the feature map",
            found=f"'{source.name}' of shape {list(shape)}",
            advice="Say what image size the model was made for: --input-size HxW",
        )
    channels, *spatial = (extent for extent in extents if isinstance(extent, int))
    return Window(
        source=source,
        batch=batch if isinstance(batch, int) else None,
        channels=channels,
        extents=tuple(spatial),
    )


def head_nodes(graph: gs.Graph, collapse: Collapse) -> list[gs.Node]:
    """All nodes that depend on a collapse, its view chain included, in graph order."""
    first = collapse.chain[0]
    return [first, *(node for node in downstream(graph, first.outputs) if node is not first)]


def _is_gate(
    graph: gs.Graph,
    collapse: Collapse,
    constants: Constants,
    shapes: Mapping[str, Shape],
    from_image: set[int],
) -> bool:
    """Whether the result of a collapse meets a spatial tensor again."""
    nodes = head_nodes(graph, collapse)
    own = {id(output) for node in nodes for output in node.outputs}
    for node in nodes[1:]:
        for tensor in outer_inputs(node):
            spatial = [e for e in shapes.get(tensor.name, ())[2:] if e != 1]
            if spatial and id(tensor) in from_image and id(tensor) not in own:
                return True
    return False


def _check_single_image(
    graph: gs.Graph, collapses: list[Collapse], images: list[gs.Tensor]
) -> None:
    sources = {id(collapse.window.source) for collapse in collapses}
    reaching = [
        image.name
        for image in images
        if id(image) in sources
        or any(
            id(output) in sources for node in downstream(graph, [image]) for output in node.outputs
        )
    ]
    if len(reaching) > 1:
        raise refuse(
            RefusalCode.SECOND_IMAGE,
            collapses[0].dense,
            expected="one image behind the head",
            found=f"{len(reaching)} inputs with spatial axes: {', '.join(reaching)}",
        )
