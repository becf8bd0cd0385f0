"""Free the spatial axes of the image and of everything that is computed from it.

Makes the spatial axes of the graph's inputs and outputs symbolic, and clears the fixed extents
between them. Every node that sees an axis grow must be one that works at any size; a node with
the original size baked into it is refused by name.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import onnx_graphsurgeon as gs

from .axis_roles import Roles, image_inputs, image_roles
from .evaluation import Constants
from .image_size import input_shapes
from .result import PassResult, RefusalCode, Refused, Rewrite, refuse
from .size_free import TwoSizes, check_size_free
from .static_shapes import Dim, Shape, static_shapes
from .use_def import downstream, is_graph_output

NAME = "dynamic_spatial_axes"

_AXIS_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
_BATCH = "batch"
_PROBE_SCALES = (2, 3, 5)
"""The graph is inferred once more at these multiples of its size, an axis each: multiples, so
that branches which must meet at one size still do; different ones, so that axes cannot be
mistaken for one another."""


def apply(
    graph: gs.Graph,
    *,
    batch: Literal["keep", "free"] = "keep",
    input_size: Sequence[int] | None = None,
) -> PassResult:
    """Make the spatial axes of a graph symbolic, in place.

    Args:
        graph: any graph in topological order; changed only where nothing is refused.
        batch: ``keep`` leaves the batch axis as it is, ``free`` makes it symbolic too.
        input_size: the image size that the model was made for, in pixels, an axis each; needed
            where the spatial axes are symbolic already.

    Returns:
        One rewrite for each freed input or output, or the refusals; neither where the graph has
        no input with spatial axes.
    """
    try:
        sized = input_shapes(graph, input_size)
        shapes = static_shapes(graph, sized)
        images = image_inputs(graph, shapes)
        if not images:
            return PassResult(name=NAME)
        roles = {image.name: image_roles(image, len(shapes[image.name])) for image in images}
        original = {image.name: shapes[image.name] for image in images}
        grown = _grown(graph, original, roles, batch == "free")
        sizes = TwoSizes(int(graph.opset), Constants(graph), shapes, grown)
        check_size_free(graph, downstream(graph, images), sizes)
    except Refused as refused:
        return PassResult(name=NAME, refusals=(refused.refusal,))
    return PassResult(name=NAME, rewrites=tuple(_free(graph, images, roles, sizes)))


def _grown(
    graph: gs.Graph,
    original: Mapping[str, Shape],
    roles: Mapping[str, Roles],
    free_batch: bool,
) -> dict[str, Shape]:
    """Static shapes with larger images, and with another batch where that is to be freed."""
    larger: dict[str, tuple[Dim, ...]] = {}
    for name, shape in original.items():
        extents: list[Dim] = list(shape)
        for axis, role in enumerate(roles[name]):
            extent = shape[axis]
            if role == 0 and free_batch and isinstance(extent, int):
                extents[axis] = extent + 1
            elif role >= 2:
                if not isinstance(extent, int):
                    raise refuse(
                        RefusalCode.INPUT_SIZE_NEEDED,
                        None,
                        expected=f"a known size of the input '{name}'",
                        found=f"shape {list(shape)}",
                        advice="Say what image size the model was made for: --input-size HxW",
                    )
                extents[axis] = extent * _PROBE_SCALES[(role - 2) % len(_PROBE_SCALES)]
        larger[name] = tuple(extents)
    return static_shapes(graph, larger)


def _free(
    graph: gs.Graph, images: Sequence[gs.Tensor], roles: Mapping[str, Roles], sizes: TwoSizes
) -> list[Rewrite]:
    rewrites = []
    inner = [output for node in downstream(graph, images) for output in node.outputs if output.name]
    for image in images:
        before = list(image.shape)
        image.shape = _symbolic_image(image, roles[image.name], sizes)
        rewrites.append(_reshaped("input", image, before))
    for tensor in inner:
        inferred = sizes.small.get(tensor.name)
        if tensor.shape is None or inferred is None:
            tensor.shape = None
            continue
        # A declared rank other than the inferred one was stale before this pass came.
        before = list(tensor.shape if len(tensor.shape) == len(inferred) else inferred)
        growing = sizes.growing(tensor)
        is_output = is_graph_output(graph, tensor)
        prefix = "map" if len(graph.outputs) == 1 else tensor.name
        names = _output_axis_names(prefix, growing) if is_output else {}
        tensor.shape = [
            names.get(axis) if axis in growing else extent for axis, extent in enumerate(before)
        ]
        if is_output and growing:
            rewrites.append(_reshaped("output", tensor, before))
    return rewrites


def _symbolic_image(image: gs.Tensor, roles: Roles, sizes: TwoSizes) -> list[Dim]:
    """Shape of the image with a name for every fixed extent that is to grow."""
    names = _AXIS_NAMES.get(len(roles) - 2, tuple(f"size_{i}" for i in range(len(roles) - 2)))
    shape: list[Dim] = list(image.shape)
    for axis in sizes.growing(image):
        if not isinstance(shape[axis], str):
            shape[axis] = names[roles[axis] - 2] if roles[axis] >= 2 else _BATCH
    return shape


def _output_axis_names(prefix: str, growing: set[int]) -> dict[int, str]:
    """Names of an output's growing axes: other ones than the image's, for it is smaller."""
    spatial = sorted(growing - {0})
    names = _AXIS_NAMES.get(len(spatial), tuple(f"size_{axis}" for axis in spatial))
    named = {axis: f"{prefix}_{name}" for axis, name in zip(spatial, names, strict=True)}
    return named | ({0: _BATCH} if 0 in growing else {})


def _reshaped(kind: str, tensor: gs.Tensor, before: Sequence[Dim]) -> Rewrite:
    return Rewrite(
        node=tensor.name, before=f"{kind} {_text(before)}", after=f"{kind} {_text(tensor.shape)}"
    )


def _text(shape: Sequence[Dim]) -> str:
    return f"[{', '.join('?' if extent is None else str(extent) for extent in shape)}]"
