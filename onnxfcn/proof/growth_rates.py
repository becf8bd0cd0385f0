"""How the tensors of a model grow with its image: which axis of theirs, and how fast."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from onnx import NodeProto

from passes.shapes import Shape
from passes.static_shapes import StaticShapes, static_shapes

from ..files.operands import MEASURES, operands
from ..sizes import Size, known_size
from .image import ImageInput

GROWTH = 6720
"""Pixels; a multiple of most strides that networks have, so that every map grows evenly by it. No
more than that: inference makes some of the tensors."""

AxisIndices = tuple[int, ...]
"""Axes of a tensor, by their index."""


@dataclass(frozen=True)
class GrowthRates:
    """What becomes of a model's tensors when the image grows along one axis after the other.

    Attributes:
        shapes: static shapes at the original image size, with numbers for symbolic batches.
        rates: for each spatial axis of the image, by tensor name: the axes of the tensor that
            grow with it, and by how many cells a pixel.
        ranks: ranks of tensors that may have the axes of the image.
        has_batch: whether the first axis of the image is the batch.
    """

    shapes: StaticShapes
    rates: tuple[Mapping[str, Mapping[int, Fraction]], ...]
    ranks: frozenset[int]
    has_batch: bool

    def follows(self, name: str) -> set[int]:
        """Spatial axes of the image, by their index, that a tensor grows with."""
        return {index for index, rates in enumerate(self.rates) if rates.get(name)}

    def is_confined(self, name: str) -> bool:
        """Whether a tensor is known not to grow with every axis of the image."""
        known = all(name in rates for rates in self.rates)
        return known and len(self.follows(name)) < len(self.rates)

    def is_reduced_by(self, node: NodeProto) -> bool:
        """Whether a node reads values along an axis of the image that its outputs have not."""
        read = {axis for name in operands(node) for axis in self.follows(name)}
        kept = {axis for name in node.output for axis in self.follows(name)}
        known = all(name in self.shapes for name in node.output if name)
        return known and node.op_type not in MEASURES and not read <= kept

    def slides(self, name: str) -> bool:
        """Whether a tensor has an axis of its own for each axis of the image."""
        growing = [rates.get(name, {}) for rates in self.rates]
        axes = {axis for found in growing for axis in found}
        return len(axes) == len(growing) and all(len(found) == 1 for found in growing)

    def axes(self, name: str) -> AxisIndices | None:
        """A map's own axis for each axis of the image, in their order; ``None`` for other tensors.

        A map has the image's rank, or a batch and channels beside as many spatial axes.

        A batch that rows were merged with is no axis of the image.
        """
        if len(self.shape(name)) not in self.ranks or not self.slides(name):
            return None
        axes = tuple(axis for rates in self.rates for axis in rates[name])
        return None if self.has_batch and 0 in axes else axes

    def spatial(self, name: str) -> AxisIndices:
        """A tensor's axes that grow with the image, in the order of the image's, but the first one.

        That one is the batch, or positions that were merged with it.
        """
        growing = (axis for rates in self.rates for axis in sorted(rates.get(name, ())))
        return tuple(axis for axis in dict.fromkeys(growing) if axis != 0)

    def strides(self, name: str, inputs: Iterable[str]) -> bool:
        """Whether a map has fewer cells a pixel than all of the maps that it is computed from."""
        maps = list(inputs)
        return bool(maps) and any(
            all(max(rates[name].values()) < max(rates[each].values()) for each in maps)
            for rates in self.rates
        )

    def shape(self, name: str) -> Size:
        """Shape of a tensor at the original size; empty where it is not known."""
        return known_size(self.shapes.get(name)) or ()

    def extents(self, name: str) -> Size:
        """Extents of a spatial tensor at the original size, in image order."""
        return tuple(self.shape(name)[axis] for axis in self.axes(name) or ())

    def dtype(self, name: str) -> np.dtype:
        """Data type of a tensor."""
        dtype: np.dtype = onnx.helper.tensor_dtype_to_np_dtype(self.shapes.types[name])
        return dtype

    def pitch(self, names: Iterable[str]) -> Size:
        """Pixels from one cell to the next of the coarsest of some tensors, an axis each."""
        return tuple(
            max(
                (round(1 / rate) for name in names for rate in rates.get(name, {}).values()),
                default=1,
            )
            for rates in self.rates
        )

    def pixels(self, names: set[str]) -> Size:
        """The fewest pixels an axis by which all of some tensors grow by whole cells."""
        return tuple(
            lcm(*(rate.denominator for name in names for rate in rates.get(name, {}).values()))
            for rates in self.rates
        )


def measure_growth(graph: gs.Graph, image: ImageInput) -> GrowthRates:
    """See how a model's tensors grow, by their shapes at two sizes for each axis of the image.

    Args:
        graph: the model's graph, whose image may have any size; not changed.
        image: the image at the original size.
    """
    small = shapes_at(graph, image, image.size)
    rates = []
    for index in range(len(image.size)):
        size = tuple(e + GROWTH * (axis == index) for axis, e in enumerate(image.size))
        rates.append(_rates(small, shapes_at(graph, image, size)))
    ranks = frozenset({len(image.shape), 2 + len(image.size)})
    return GrowthRates(shapes=small, rates=tuple(rates), ranks=ranks, has_batch=image.roles[0] == 0)


def shapes_at(graph: gs.Graph, image: ImageInput, size: Size) -> StaticShapes:
    """Static shapes of all tensors for an image of a size, with numbers for symbolic extents."""
    shapes: dict[str, Shape] = {
        tensor.name: tuple(e if isinstance(e, int) else image.batch for e in tensor.shape)
        for tensor in graph.inputs
        if tensor.shape is not None
    }
    return static_shapes(graph, shapes | {image.name: image.shape_at(size)})


def _rates(
    small: Mapping[str, Shape], large: Mapping[str, Shape]
) -> dict[str, dict[int, Fraction]]:
    """Axes that grow, by tensor name, and the cells that each pixel adds to them."""
    rates: dict[str, dict[int, Fraction]] = {}
    for name, shape in small.items():
        if name in large and len(large[name]) == len(shape):
            rates[name] = {
                axis: Fraction(wide - narrow, GROWTH)
                for axis, (narrow, wide) in enumerate(zip(shape, large[name], strict=True))
                if isinstance(narrow, int) and isinstance(wide, int) and narrow < wide
            }
    return rates
