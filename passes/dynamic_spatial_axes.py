"""Free the spatial axes of the image and of everything that is computed from it.

Makes the spatial axes of the graph's inputs and outputs symbolic, and clears the fixed extents
between them. Every node that sees an axis grow must be one that works at any size; a node with
the original size baked into it is refused by name.
"""

from collections.abc import Sequence
from typing import Literal

import onnx_graphsurgeon as gs

from .evaluation import Constants
from .images import Image, find_images, grown_shapes, original_shapes
from .options import one_of
from .result import PassResult, Refused, Rewrite
from .size_free import check_size_free
from .skeleton import Dim
from .two_sizes import TwoSizes
from .use_def import downstream, is_graph_output

NAME = "dynamic_spatial_axes"

_AXIS_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
_BATCH = "batch"


def apply(
    graph: gs.Graph,
    *,
    batch: Literal["keep", "free"] = "keep",
    input_size: Sequence[int] | None = None,
    input_layout: str | None = None,
) -> PassResult:
    """Make the spatial axes of a graph symbolic, in place.

    Args:
        graph: any graph in topological order; changed only where nothing is refused.
        batch: ``keep`` leaves the batch axis as it is, ``free`` makes it symbolic too.
        input_size: the image size that the model was made for, in pixels, an axis each; needed
            where the spatial axes are symbolic already.
        input_layout: one letter an axis, such as ``nchw``, for an image that reaches no
            convolution or pool; without it, such an input is left alone.

    Returns:
        One rewrite for each freed input or output, or the refusals; neither where the graph has
        no input with spatial axes.
    """
    one_of("batch", batch, ("keep", "free"))
    try:
        images = find_images(graph, input_size, input_layout)
        if not images:
            return PassResult(name=NAME)
        shapes = original_shapes(graph, images)
        grown = grown_shapes(graph, images, free_batch=batch == "free")
        sizes = TwoSizes(int(graph.opset), Constants(graph), shapes, grown)
        check_size_free(graph, downstream(graph, [image.tensor for image in images]), sizes)
    except Refused as refused:
        return PassResult(name=NAME, refusals=(refused.refusal,))
    return PassResult(name=NAME, rewrites=tuple(_free(graph, images, sizes)))


def _free(graph: gs.Graph, images: Sequence[Image], sizes: TwoSizes) -> list[Rewrite]:
    rewrites = []
    taken = {extent for tensor in (*graph.inputs, *graph.outputs) for extent in tensor.shape or ()}
    for image in images:
        before = list(image.tensor.shape)
        names = _axis_names(sum(role >= 2 for role in image.roles), "", taken)
        for axis in sizes.growing(image.tensor):
            if not isinstance(image.tensor.shape[axis], str):
                role = image.roles[axis]
                image.tensor.shape[axis] = names[role - 2] if role >= 2 else _BATCH
        rewrites.append(_reshaped("input", image.tensor, before))
    for node in downstream(graph, [image.tensor for image in images]):
        for tensor in node.outputs:
            rewrites += _open_axes(graph, tensor, sizes, taken)
    return rewrites


def _open_axes(
    graph: gs.Graph, tensor: gs.Tensor, sizes: TwoSizes, taken: set[Dim]
) -> list[Rewrite]:
    """Clear the extents of a computed tensor that grow; give those of an output names."""
    inferred = sizes.small.get(tensor.name)
    if tensor.shape is None or inferred is None:
        tensor.shape = None
        return []
    # A declared rank other than the inferred one was stale before this pass came.
    before = list(tensor.shape if len(tensor.shape) == len(inferred) else inferred)
    growing = sizes.growing(tensor)
    names: dict[int, str] = {0: _BATCH}
    is_output = is_graph_output(graph, tensor)
    if is_output:
        # Other names than the image's, for a map is smaller; an output's own, for maps may differ.
        prefix = "map_" if len(graph.outputs) == 1 else f"{tensor.name}_"
        spatial = sorted(growing - {0})
        names |= zip(spatial, _axis_names(len(spatial), prefix, taken), strict=True)
    tensor.shape = [
        (names[axis] if is_output else None) if axis in growing else extent
        for axis, extent in enumerate(before)
    ]
    return [_reshaped("output", tensor, before)] if is_output and growing else []


def _axis_names(count: int, prefix: str, taken: set[Dim]) -> list[str]:
    """Names for spatial axes that the model does not use for others."""
    names = _AXIS_NAMES.get(count, tuple(f"size_{axis}" for axis in range(count)))
    return [_free_name(f"{prefix}{name}", taken) for name in names]


def _free_name(name: str, taken: set[Dim]) -> str:
    return _free_name(f"{name}_", taken) if name in taken else name


def _reshaped(kind: str, tensor: gs.Tensor, before: Sequence[Dim]) -> Rewrite:
    return Rewrite(
        node=tensor.name, before=f"{kind} {_text(before)}", after=f"{kind} {_text(tensor.shape)}"
    )


def _text(shape: Sequence[Dim]) -> str:
    return f"[{', '.join('?' if extent is None else str(extent) for extent in shape)}]"
