"""Random tensors for a region to begin with, such that what it does shows."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...sizes import Size
from ..growth_rates import AxisIndices


@dataclass(frozen=True)
class RandomTensors:
    """Draws the tensors that a region begins with.

    Floating-point ones are positive, or negative in some channels, so that a mean over the map is
    not next to nothing; and they grow along every axis of the image, so that means over different
    windows differ.

    Attributes:
        dtypes: their data types, by name.
        axes: their own axis for each axis of the image, by name; empty for those without.
        signed: whether channels may be negative; else all are positive.
        generator: draws them.
    """

    dtypes: Mapping[str, np.dtype]
    axes: Mapping[str, AxisIndices]
    signed: bool
    generator: np.random.Generator

    def draw(self, shapes: Mapping[str, Size]) -> dict[str, np.ndarray]:
        """Tensors of some shapes, by name."""
        drawn = {}
        for name, dtype in self.dtypes.items():
            shape, axes = shapes[name], self.axes[name]
            values = self._uniform(shape, dtype)
            if dtype.kind not in "biu":
                values = values * _ramp(shape, axes)
                if self.signed:
                    values = values * self._signs(shape, axes)
            drawn[name] = values.astype(dtype)
        return drawn

    def _uniform(self, shape: Size, dtype: np.dtype) -> np.ndarray:
        if dtype.kind == "b":
            return self.generator.random(shape) < 0.5
        if dtype.kind in "iu":
            largest = min(100, int(np.iinfo(dtype).max))
            return self.generator.integers(0, largest, shape, endpoint=True)
        return self.generator.uniform(0.25, 1.75, shape)

    def _signs(self, shape: Size, axes: AxisIndices) -> np.ndarray:
        """1 or -1 for every channel of every sample."""
        return self.generator.choice(
            [-1, 1], [1 if axis in axes else extent for axis, extent in enumerate(shape)]
        )


def _ramp(shape: Size, axes: AxisIndices) -> np.ndarray:
    """What grows from 1 to 2 along every axis of the image."""
    ramp = np.ones([1] * len(shape))
    for axis in axes:
        along = [1] * len(shape)
        along[axis] = -1
        ramp = ramp * (1 + np.arange(shape[axis]) / shape[axis]).reshape(along)
    return ramp
