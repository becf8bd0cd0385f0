"""Parameters of a model, and what it multiplies at an image size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import onnx_graphsurgeon as gs
from onnx import TensorProto

from passes.evaluation import Constants
from passes.images import Image
from passes.shapes import Shape
from passes.static_shapes import static_shapes
from passes.use_def import downstream, is_standard

from .errors import UsageError
from .geometry import Geometry
from .sizes import Size, known_size, size_text

_FLOATS = frozenset(
    {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16}
)


@dataclass(frozen=True)
class Cost:
    """Multiply-accumulates of one image, in one pass and by crops.

    Attributes:
        size: the image in pixels.
        map_size: cells of the map.
        one_pass: multiply-accumulates of the fully convolutional model on the image.
        by_crops: those of the original on a crop for each cell; ``None`` where its answer on a crop
            is no cell, but a map.
    """

    size: Size
    map_size: Size
    one_pass: int
    by_crops: int | None

    @property
    def saved(self) -> float | None:
        """How many times fewer one pass needs; ``None`` where crops are not counted."""
        if self.by_crops is None:
            return None
        return self.by_crops / self.one_pass if self.one_pass else 0.0


def count_parameters(graph: gs.Graph, image: Image) -> int:
    """Elements of the floating point constants that nodes behind an image read."""
    constants, shapes = Constants(graph), static_shapes(graph)
    seen: dict[int, int] = {}
    for node in _behind(graph, image):
        for tensor in node.inputs:
            is_float = shapes.types.get(tensor.name) in _FLOATS
            if tensor.name and tensor in constants and is_float:
                shape = [n for n in shapes.get(tensor.name, ()) if isinstance(n, int)]
                seen[id(tensor)] = prod(shape)
    return sum(seen.values())


def count_products(graph: gs.Graph, image: Image, size: Size) -> int | None:
    """Multiply-accumulates of convolutions and matrix products for one image.

    Args:
        graph: the graph.
        image: its image.
        size: extents of the image in pixels.

    Returns:
        Their number; ``None`` where a shape is not known.
    """
    sized = list(image.tensor.shape)
    for axis, extent in zip(image.spatial_axes, size, strict=True):
        sized[axis] = extent
    samples = 1
    if 0 in image.roles:
        batch = image.roles.index(0)
        samples = sized[batch] if isinstance(sized[batch], int) else 1
        sized[batch] = samples
    shapes = static_shapes(graph, {image.tensor.name: sized})
    total = 0
    for node in _behind(graph, image):
        found = _products(node, shapes)
        if found is None:
            return None
        total += found
    return total // samples


def count_costs(
    original: gs.Graph, rewritten: gs.Graph, image: Image, geometry: Geometry, sizes: Sequence[Size]
) -> list[Cost]:
    """Costs at some image sizes, those left out at which a shape is not known.

    Args:
        original: the graph of the original.
        rewritten: that of the fully convolutional model.
        image: the original's image.
        geometry: where the cells of a map of the rewritten model lie.
        sizes: extents of the image in pixels.

    Raises:
        SizeNotAcceptedError: the model takes no images of a size.
        UsageError: a size has another number of axes.
    """
    own = geometry.original_size
    if any(len(size) != len(own) for size in sizes):
        raise UsageError(f"give sizes with {len(own)} numbers, such as {size_text(own)}")
    maps = {tuple(size): geometry.map_size(*size) for size in sizes}
    crop = count_products(original, image, own)
    found = []
    for size, cells in maps.items():
        one_pass = count_products(rewritten, image, size)
        if one_pass is not None and crop is not None:
            by_crops = None if geometry.answers_maps else prod(cells) * crop
            found.append(Cost(size, cells, one_pass, by_crops))
    return found


def _behind(graph: gs.Graph, image: Image) -> list[gs.Node]:
    return downstream(graph, [t for t in graph.inputs if t.name == image.tensor.name])


def _products(node: gs.Node, shapes: Mapping[str, Shape]) -> int | None:
    """Multiply-accumulates of a node: elements of the result times terms of each."""
    if not is_standard(
        node, "Conv", "ConvInteger", "ConvTranspose", "QLinearConv", "Gemm", "MatMul"
    ):
        return 0
    weight = known_size(shapes.get(node.inputs[3 if node.op == "QLinearConv" else 1].name))
    data, result = (known_size(shapes.get(t.name)) for t in (node.inputs[0], node.outputs[0]))
    if weight is None or data is None or result is None:
        return None
    if node.op in ("Gemm", "MatMul"):
        return prod(result) * data[-2 if node.attrs.get("transA", 0) else -1]
    # A ConvTranspose spreads every element of its data, a Conv gathers for every one of its result.
    return prod(data if node.op == "ConvTranspose" else result) * prod(weight[1:])


def preferred(maps: Sequence[Geometry]) -> Geometry:
    """The first map of which a cell is an answer of the original, or else the first one."""
    return min(maps, key=lambda geometry: geometry.answers_maps)


def default_sizes(geometry: Geometry) -> list[Size]:
    """The original size, and about two and four times as many pixels an axis."""
    return [
        tuple(a.original + a.period * (-(-times * a.original // a.period)) for a in geometry.axes)
        for times in (0, 1, 3)
    ]
