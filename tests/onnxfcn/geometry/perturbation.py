"""Change pixels of an image, and see which cells of a model's maps change by a bit."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from onnx import ModelProto

from onnxfcn.geometry import Box, Geometry
from tests.session import session

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


class Perturbed:
    """A model, its geometries and an image.

    Attributes:
        size: the image's size in pixels.
    """

    def __init__(
        self,
        model: ModelProto,
        geometries: Mapping[str, Geometry],
        size: Sequence[int],
        *,
        channels_last: bool = False,
        seed: int = 0,
    ) -> None:
        self._session = session(model, optimized=True)
        self._geometries, self.size = geometries, tuple(size)
        image = next(iter(geometries.values())).image
        (value,) = (value for value in self._session.get_inputs() if value.name == image)
        channels = value.shape[-1] if channels_last else value.shape[1]
        spatial = [*size, channels] if channels_last else [channels, *size]
        self._name, self._channels_last = image, channels_last
        self._numbers = np.random.default_rng(seed)
        self._image: Floats = self._numbers.standard_normal((1, *spatial), dtype=np.float32)
        self._before = self._run(self._image)

    def map_sizes(self) -> dict[str, tuple[int, ...]]:
        """Cells of every map."""
        return {
            name: tuple(self._before[name].shape[axis] for axis in _map_axes(geometry))
            for name, geometry in self._geometries.items()
        }

    def changed(self, pixels: Iterable[Sequence[int]]) -> dict[str, Mask]:
        """Cells that change by a bit when some pixels change a lot."""
        image = self._image.copy()
        for pixel in pixels:
            place = (0, *pixel) if self._channels_last else (0, slice(None), *pixel)
            image[place] += self._numbers.choice([-300, -30, -3, 3, 30, 300], image[place].shape)
        after = self._run(image)
        return {name: self._cells(name, after[name]) for name in self._geometries}

    def outside(self, pixel: Sequence[int]) -> dict[str, Box]:
        """Outputs of which a pixel changes cells that do not see it, and the cells that do."""
        wrong = {}
        box = Box(tuple(pixel), tuple(place + 1 for place in pixel))
        for name, moved in self.changed([pixel]).items():
            seeing = self._geometries[name].cells(box, self.size)
            moved[seeing.slices] = False
            if moved.any():
                wrong[name] = seeing
        return wrong

    def unmoved(self, output: str, cell: Sequence[int], trials: int) -> list[tuple[int, ...]]:
        """Corners of what a cell saw that change it in no trial."""
        box = self._geometries[output].box(*cell, size=self.size)
        corners = {
            tuple(ends[bit] for ends, bit in zip(_ends(box), bits, strict=True))
            for bits in np.ndindex(*[2] * len(self.size))
        }
        return [
            corner
            for corner in sorted(corners)
            if not any(self.changed([corner])[output][tuple(cell)] for _ in range(trials))
        ]

    def pixels(self, count: int) -> Iterator[tuple[int, ...]]:
        """Random pixels, every third one at a border."""
        for index in range(count):
            pixel = [int(self._numbers.integers(extent)) for extent in self.size]
            if index % 3 == 0:
                axis = int(self._numbers.integers(len(pixel)))
                pixel[axis] = int(self._numbers.choice([0, self.size[axis] - 1]))
            yield tuple(pixel)

    def _run(self, image: Floats) -> dict[str, Floats]:
        names = list(self._geometries)
        return dict(zip(names, self._session.run(names, {self._name: image}), strict=True))

    def _cells(self, name: str, after: Floats) -> Mask:
        axes = _map_axes(self._geometries[name])
        others = tuple(axis for axis in range(after.ndim) if axis not in axes)
        moved: Mask = (after != self._before[name]).any(axis=others)
        return moved


def _map_axes(geometry: Geometry) -> tuple[int, ...]:
    return tuple(axis.map_axis for axis in geometry.axes if axis.map_axis is not None)


def _ends(box: Box) -> list[tuple[int, int]]:
    return [(start, stop - 1) for start, stop in zip(box.start, box.stop, strict=True)]
