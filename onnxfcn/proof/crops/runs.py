"""The original model, run as it is on crops of an image."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from passes.images import spatial_axes

from ...errors import UnusableModelError
from ...geometry import Box
from ...runtime.session import Session
from ...settings import Settings
from ..model_pair import ModelPair

_VALUES_A_RUN = 2**20
"""Values of all crops that run together, to bound the memory of the original's activations."""


class CropRuns:
    """Runs an original on crops."""

    def __init__(self, pair: ModelPair, settings: Settings, session: Session | None = None) -> None:
        """Load the original.

        Args:
            pair: the models.
            settings: how it is run.
            session: the original, where it is loaded already.

        Raises:
            UnusableModelError: ONNX Runtime cannot load it.
        """
        self._image, self._progress = pair.image, settings.progress
        self._session = session or Session(pair.original, settings.provider)

    def most_together(self, feeds: Mapping[str, np.ndarray], values: int = _VALUES_A_RUN) -> int:
        """Crops that are cut out together at most, so that they have so many values."""
        if len(feeds) > 1:
            return 1  # Other inputs may belong to the images.
        if self._image.samples:
            return max(1, self._image.samples // self._batch(feeds))
        crop = self._image.channels * int(np.prod(self._image.size))
        return max(1, values // crop // self._batch(feeds))

    def answers(
        self,
        feeds: Mapping[str, np.ndarray],
        crops: Sequence[Box],
        what: str,
    ) -> Iterator[dict[str, np.ndarray]]:
        """The original's outputs on each crop, ``[N, ...]`` for N images.

        Args:
            feeds: values of all inputs of the rewritten model, by name.
            crops: boxes of the original size.
            what: what is being done, for the progress.

        Raises:
            UnusableModelError: ONNX Runtime fails, or the outputs do not have one answer an image.
        """
        batch = self._batch(feeds)
        a_run = self.most_together(feeds)
        for first in range(0, len(crops), a_run):
            group = crops[first : first + a_run]
            parts = [
                self._checked(self._run(feeds, images), images)
                for images in self._portions(feeds, group)
            ]
            whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
            for index in range(len(group)):
                self._progress(what, first + index + 1, len(crops))
                cut = slice(index * batch, (index + 1) * batch)
                yield {name: values[cut] for name, values in whole.items()}

    def run(self, feeds: Mapping[str, np.ndarray], crops: Sequence[Box], together: int) -> None:
        """Run the original on all crops, as a plain loop does, to see how long that takes.

        Args:
            feeds: as for ``answers``.
            crops: boxes of the original size.
            together: crops that are cut out together.

        Raises:
            UnusableModelError: ONNX Runtime fails.
        """
        for first in range(0, len(crops), together):
            for images in self._portions(feeds, crops[first : first + together]):
                self._run(feeds, images)

    def _batch(self, feeds: Mapping[str, np.ndarray]) -> int:
        """Number of images, one without a batch axis."""
        roles = self._image.roles
        return feeds[self._image.name].shape[roles.index(0)] if 0 in roles else 1

    def _portions(
        self, feeds: Mapping[str, np.ndarray], crops: Sequence[Box]
    ) -> Iterator[np.ndarray]:
        """The images' crops, as many together as the original takes."""
        image, roles = feeds[self._image.name], self._image.roles
        cuts = []
        for crop in crops:
            index = [slice(None)] * image.ndim
            for axis, part in zip(spatial_axes(roles), crop.slices, strict=True):
                index[axis] = part
            cuts.append(image[tuple(index)])
        if 0 not in roles:
            yield from cuts
            return
        place = roles.index(0)
        joined = np.concatenate(cuts, axis=place) if len(cuts) > 1 else cuts[0]
        samples, count = self._image.samples, joined.shape[place]
        # To split takes as long as a small model.
        yield from [joined] if samples in (0, count) else np.split(joined, count // samples, place)

    def _run(self, feeds: Mapping[str, np.ndarray], images: np.ndarray) -> dict[str, np.ndarray]:
        return self._session.run({**feeds, self._image.name: np.ascontiguousarray(images)})

    def _checked(
        self, answers: Mapping[str, np.ndarray], images: np.ndarray
    ) -> Mapping[str, np.ndarray]:
        """One answer for each image.

        Raises:
            UnusableModelError: the outputs have others.
        """
        if 0 not in self._image.roles:
            return {name: values[None] for name, values in answers.items()}
        samples = images.shape[self._image.roles.index(0)]
        for name, values in answers.items():
            if not values.ndim or len(values) != samples:
                raise UnusableModelError(
                    f"the original's output '{name}' {list(values.shape)} has not one answer for"
                    f" each of {samples} images"
                )
        return answers
