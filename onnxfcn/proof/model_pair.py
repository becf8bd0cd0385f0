"""An original and its rewritten form: their image, and how it lets their tensors grow."""

from collections.abc import Mapping
from functools import cache, cached_property, partial

import numpy as np

from passes.images import find_images

from ..files.graph_view import graph_view
from ..files.stored_model import StoredModel
from ..geometry.program_source import layout_of
from ..sizes import Size
from .growth_rates import GROWTH, measure_growth, shapes_at
from .image import free_image, random_feeds, told_layout
from .interface import check_interface


class ModelPair:
    """Two models, the second of which takes images of any size.

    Attributes:
        original: the model before the rewrite.
        rewritten: the model after it.
        image: the original's image.
        growth: how the rewritten model's tensors grow with it.
        original_shapes: gives static shapes of the original at an image size, with numbers for
            symbolic extents.
        rewritten_shapes: gives those of the rewritten model.
        declared: declared shapes of the rewritten model's outputs, by name.
        any_batch: whether the rewritten model takes any number of images.
        layout_option: the image's layout, one letter an axis, where nothing in the rewritten
            model's graph tells it, as in one of matrix products alone; else ``None``.
    """

    def __init__(
        self, original: StoredModel, rewritten: StoredModel, input_size: Size | None
    ) -> None:
        """Find the image, and see how the rewritten model's tensors grow with it.

        Args:
            original: the model before the rewrite.
            rewritten: the model after it.
            input_size: the size that the original was made for, where its own is symbolic.

        Raises:
            UsageError: the size that the original was made for is not known.
            ValidationFailedError: the two models have other inputs or outputs, or there is not
                one image of any size.
        """
        self.original, self.rewritten = original, rewritten
        self._graph, self._after = graph_view(original), graph_view(rewritten)
        check_interface(self._graph, self._after)
        told = told_layout(original, rewritten)
        self.image = free_image(self._graph, self._after, input_size, told)
        self.layout_option = None if find_images(self._after) else layout_of(self.image.roles)
        self.growth = measure_growth(self._after, self.image)
        self.original_shapes = cache(partial(shapes_at, self._graph, self.image))
        self.rewritten_shapes = cache(partial(shapes_at, self._after, self.image))
        self.declared = {tensor.name: tensor.shape for tensor in self._after.outputs}
        image = next(tensor for tensor in self._after.inputs if tensor.name == self.image.name)
        place = self.image.roles.index(0) if 0 in self.image.roles else None
        self.any_batch = place is not None and not isinstance(image.shape[place], int)

    @cached_property
    def grow_alike(self) -> frozenset[str]:
        """Tensors that have grown by as much in both models where images are much larger.

        Rounding does not show there: nothing is left over.
        """
        size = tuple(extent + GROWTH for extent in self.image.size)
        original, rewritten = self.original_shapes(size), self.rewritten_shapes(size)
        return frozenset(name for name, shape in original.items() if rewritten.get(name) == shape)

    def feeds(
        self, size: Size, batch: int, generator: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """A random image of a size, and random values for every other input."""
        return random_feeds(self._graph, self.image, size, batch, generator)

    def identity_feeds(self, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Random inputs of the original size.

        Where the batch is free, the rewritten model gets several images, or it would not show that
        it mixes them: three times as many as it must take, since on larger images they are twice as
        many. A number of them that is baked in shows at one of the two.
        """
        times = 3 if self.any_batch else 1
        return self.feeds(self.image.size, (self.image.samples or 1) * times, generator)

    def feeds_with(
        self, image: np.ndarray, generator: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """An image, and random values for every other input."""
        batch = image.shape[self.image.roles.index(0)] if 0 in self.image.roles else 1
        return self.feeds(self.image.size, batch, generator) | {self.image.name: image}

    def portions(self, feeds: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
        """Inputs in portions of as many images as the original takes, the others beside each.

        Args:
            feeds: values of all inputs, by name, with a multiple of these images.
        """
        images = feeds[self.image.name]
        if not self.image.samples or 0 not in self.image.roles:
            return [dict(feeds)]
        place = self.image.roles.index(0)
        parts = np.split(images, images.shape[place] // self.image.samples, place)
        return [{**feeds, self.image.name: part} for part in parts]
