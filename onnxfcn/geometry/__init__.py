"""Where the cells of a map lie in the image: strides, receptive fields, sizes.

``analyse`` tells it from a model's graph; ``Geometry`` answers which pixels a cell saw, which crop
it stands for, which cells saw some pixels, and how large the map of an image is. The numbers
travel with the model as metadata: see ``Geometry.to_metadata`` and ``Geometry.from_model``.
"""

from ..errors import GeometryUnknownError, SizeNotAcceptedError
from .analysis import analyse
from .axis import AxisGeometry
from .geometry import Box, Geometry, from_metadata

__all__ = [
    "AxisGeometry",
    "Box",
    "Geometry",
    "GeometryUnknownError",
    "SizeNotAcceptedError",
    "analyse",
    "from_metadata",
]
