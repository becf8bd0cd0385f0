"""Free the spatial axes of the image and of everything that is computed from it.

Makes the spatial axes of the graph's inputs and outputs symbolic. Every axis is followed from the
image through the graph: where a constant stands for the original size (in a Reshape, a Resize, a
Slice, a gate's pool, a 1/(H*W)), what it stood for takes its place. A node that cannot work at any
size is refused by name.
"""

from collections.abc import Sequence
from typing import Literal

import onnx_graphsurgeon as gs
from onnx.helper import tensor_dtype_to_np_dtype

from .evaluation import Constants
from .images import AXIS_NAMES, Image, check_sized, find_images, original_shapes
from .options import one_of
from .result import PassResult, Refused, Rewrite, reshaped
from .shapes import LARGEST_EXTENT, Dim
from .trunk.counts import free_counts
from .trunk.extents import Extent, grows, small
from .trunk.follow import follow
from .trunk.free import free
from .trunk.trunk import Trunk, smalls
from .use_def import downstream, is_graph_output

NAME = "dynamic_spatial_axes"

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
        input_size: the image size that the model was made for, in pixels, one per axis; needed
            where the spatial axes are symbolic already.
        input_layout: one letter per axis, such as ``nchw``, for an image that reaches no
            convolution or pool; without it, such an input is left alone.

    Returns:
        One rewrite for each node that was freed, and each input and output; or the refusals;
        neither where the graph has no input with spatial axes.
    """
    one_of("batch", batch, ("keep", "free"))
    try:
        images = find_images(graph, input_size, input_layout)
        if not images:
            return PassResult(name=NAME)
        check_sized(images)
        shapes = original_shapes(graph, images)
        constants = Constants(graph)
        trunk = follow(graph, images, shapes, constants, batch_grows=batch == "free")
        nodes = downstream(graph, [image.tensor for image in images])
        free_counts(trunk, nodes)
        freed = free(trunk)
    except Refused as refused:
        return PassResult(name=NAME, refusals=(refused.refusal,))
    return PassResult(name=NAME, rewrites=(*freed, *_open(graph, images, trunk)))


def _open(graph: gs.Graph, images: Sequence[Image], trunk: Trunk) -> list[Rewrite]:
    """Make the axes that grow symbolic, and tell the shapes of all tensors that have them."""
    rewrites = []
    taken = {extent for tensor in (*graph.inputs, *graph.outputs) for extent in tensor.shape or ()}
    names = _Names(trunk, taken)
    for image in images:
        before = list(image.tensor.shape)
        own = _axis_names(len(image.spatial_axes), "", taken)
        taken.update(own)
        own_by_axis = dict(zip(image.spatial_axes, own, strict=True))
        for axis in _growing(trunk, image.tensor):
            if not isinstance(image.tensor.shape[axis], str):
                image.tensor.shape[axis] = own_by_axis.get(axis, _BATCH)
        names.adopt(image.tensor)
        rewrites += reshaped("input", image.tensor, before)
    for node in graph.nodes:
        for tensor in node.outputs:
            if trunk.is_followed(tensor) and is_graph_output(graph, tensor):
                rewrites += _open_output(graph, images, tensor, trunk, taken)
            elif trunk.is_followed(tensor):
                _open_inner(tensor, trunk, names)
    return rewrites


class _Names:
    """A name for every growing extent, the same for the same extent and no other.

    Runtimes take axes of one name for equal, and share buffers between them.
    """

    def __init__(self, trunk: Trunk, taken: set[Dim]) -> None:
        self._trunk = trunk
        self._taken = set(taken)
        self._names: dict[Extent, str] = {}

    def adopt(self, tensor: gs.Tensor) -> None:
        """Take the names that an input has."""
        for extent, name in zip(self._trunk.found(tensor) or (), tensor.shape, strict=True):
            if isinstance(name, str) and name not in self._names.values():
                self._names.setdefault(extent, name)
                self._taken.add(name)

    def of(self, extent: Extent) -> str:
        """The name of an extent, such as ``height/4``."""
        if extent not in self._names:
            self._names[extent] = _free_name(self._trunk.text((extent,))[1:-1], self._taken)
            self._taken.add(self._names[extent])
        return self._names[extent]


def _growing(trunk: Trunk, tensor: gs.Tensor) -> set[int]:
    return {axis for axis, extent in enumerate(trunk.found(tensor) or ()) if grows(extent)}


def _open_inner(tensor: gs.Tensor, trunk: Trunk, names: _Names) -> None:
    """Say what is known of an inner tensor's shape; what is not known stays unsaid."""
    axes, inferred = trunk.found(tensor), trunk.shapes.types.get(tensor.name, 0)
    tensor.shape = None
    if tensor.dtype is None and inferred:
        dtype = tensor_dtype_to_np_dtype(inferred)
        tensor.dtype = dtype if dtype.kind in "biuf" else None
    if axes is None or max(map(small, axes), default=0) > LARGEST_EXTENT:
        return
    if tensor.dtype is not None:
        tensor.shape = [names.of(extent) if grows(extent) else small(extent) for extent in axes]


def _open_output(
    graph: gs.Graph,
    images: Sequence[Image],
    tensor: gs.Tensor,
    trunk: Trunk,
    taken: set[Dim],
) -> list[Rewrite]:
    """Give the growing axes of an output names."""
    axes = trunk.found(tensor)
    if axes is None:
        tensor.shape = None
        return []
    # A declared rank other than the one that was found was stale before this pass came.
    stale = tensor.shape is None or len(tensor.shape) != len(axes)
    before = smalls(axes) if stale else list(tensor.shape)
    taken_by_images = {extent for image in images for extent in image.tensor.shape}
    named = {
        axis
        for axis, extent in enumerate(before)
        if isinstance(extent, str) and (axis == 0 or extent not in taken_by_images)
    }
    growing = _growing(trunk, tensor) - named
    # Other names than the image's, for a map is smaller; an output's own, for maps may differ.
    prefix = "map_" if len(graph.outputs) == 1 else f"{tensor.name}_"
    spatial = sorted(growing - {0})
    names = {0: _BATCH} | dict(zip(spatial, _axis_names(len(spatial), prefix, taken), strict=True))
    tensor.shape = [names[a] if a in growing else extent for a, extent in enumerate(before)]
    return reshaped("output", tensor, before)


def _axis_names(count: int, prefix: str, taken: set[Dim]) -> list[str]:
    """Names for spatial axes that the model does not use for others."""
    names = AXIS_NAMES.get(count, tuple(f"size_{axis}" for axis in range(count)))
    return [_free_name(f"{prefix}{name}", taken) for name in names]


def _free_name(name: str, taken: set[Dim]) -> str:
    return _free_name(f"{name}_", taken) if name in taken else name
