"""Which axes of a tensor are the image's, by what their extents are made of.

A view that takes the axes of a map apart and puts them together again (a group normalisation, a
channel shuffle, tokens) hides what they are from a look at the operators; their factors tell.
"""

from collections.abc import Sequence
from itertools import chain

import onnx_graphsurgeon as gs

from ..images import Image, Roles
from ..result import Refused
from ..tokens import Tokens
from .extents import Axes, Extent, Extents, Factor, grows, large, small
from .trunk import Trunk

Place = tuple[str, int]
"""A spatial axis of an image: the image's name, and which of its spatial axes."""


class Positions:
    """Where the spatial axes of the images are in the tensors behind them."""

    def __init__(self, trunk: Trunk | None, images: Sequence[Image]) -> None:
        """Look at axes that were followed.

        Args:
            trunk: the axes of a graph's tensors; ``None`` where they could not be followed.
            images: the images that they were followed from.
        """
        self._trunk = trunk
        self._extents = Extents() if trunk is None else trunk.extents
        self._images = images
        self._places: dict[Factor, frozenset[Place]] = {}

    def roles(self, tensor: gs.Tensor) -> Roles | None:
        """Roles of a tensor's axes.

        Returns:
            The roles; ``None`` unless it has the batch first, each spatial axis of one image once,
            and one more axis, for the channels.
        """
        return self._roles(self._axes(tensor))

    def tokens(self, tensor: gs.Tensor) -> Tokens | None:
        """The map that a tensor is where a view takes its positions apart; ``None`` for others."""
        axes = self._axes(tensor)
        split = [
            tuple((factor,) for factor in extent)
            if place and len(extent) > 1 and all(factor.key for factor in extent)
            else (extent,)
            for place, extent in enumerate(axes)
        ]
        apart = tuple(chain.from_iterable(split))
        roles = self._roles(apart) if len(apart) > len(axes) else None
        return (
            None
            if roles is None
            else Tokens(tuple(map(small, apart[1:])), tuple(map(large, apart[1:])), roles)
        )

    def _roles(self, axes: Axes) -> Roles | None:
        places = [self._place(extent) for extent in axes]
        others = [axis for axis, place in enumerate(places) if place is None]
        if len(others) != 2 or others[0] != 0 or grows(axes[others[1]]):
            return None
        found = [place for place in places if place is not None]
        for image in self._images:
            own = self._axes(image.tensor)
            spatial = [(image.tensor.name, place) for place in range(len(image.spatial_axes))]
            if (
                sorted(found) == spatial
                and 0 in image.roles
                and own[image.roles.index(0)] == axes[0]
            ):
                return tuple(
                    others.index(axis) if place is None else 2 + place[1]
                    for axis, place in enumerate(places)
                )
        return None

    def merged(self, tensor: gs.Tensor) -> set[int]:
        """Axes in which positions stand behind something else: a group's channels, other rows."""
        axes = enumerate(self._axes(tensor))
        return {axis for axis, e in axes if len(e) > 1 and grows(e) and self._place(e) is None}

    def refusal(self, node: gs.Node) -> Refused | None:
        """Why the images' axes could not be followed through a node; ``None`` where they could."""
        return None if self._trunk is None else self._trunk.refusals.get(id(node))

    def _axes(self, tensor: gs.Tensor) -> Axes:
        if self._trunk is None or not self._trunk.is_followed(tensor):
            return ()
        return self._trunk.found(tensor) or ()

    def _place(self, extent: Extent) -> Place | None:
        """The one spatial axis that an axis goes along, perhaps in blocks of some positions."""
        if not extent or not extent[0].key or grows(extent[1:]):
            return None
        found = self._origins(extent[0])
        return next(iter(found)) if len(found) == 1 else None

    def _origins(self, factor: Factor) -> frozenset[Place]:
        """Spatial axes that a growing factor was derived from."""
        if factor not in self._places:
            word, *of = self._extents.origin(factor)
            # The inner part of an axis is its positions again and again.
            parents = [] if word == "inner" else self._extents.parents(factor)
            found = frozenset({(str(of[0]), int(of[1]))} if word == "image" else ())
            self._places[factor] = found.union(*map(self._origins, parents))
        return self._places[factor]
