"""Which tensors of a graph are feature maps, and the windows that heads see of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import onnx_graphsurgeon as gs

from .axis_roles import axis_roles, channels_first
from .evaluation import Constants
from .growth import Growth
from .images import (
    GIVE_INPUT_SIZE,
    SYMBOLIC_BATCH,
    Image,
    Roles,
    possible_images,
    spatial_axes,
)
from .lift.elementwise import FOLDS
from .result import RefusalCode, Refused, node_name, refuse
from .shapes import Shape
from .trunk.positions import Positions
from .use_def import is_standard, producer, reached
from .view_chain import is_view, walk_to_source
from .window import Window, whole_map

Walk = tuple[gs.Tensor, list[gs.Node]]
"""Where a view chain starts, and its nodes, first to last."""


class FeatureMaps:
    """The tensors of one graph that heads may read windows of; changes nothing.

    There are three kinds: maps whose layout their operators tell; maps that views have put
    together again, such as one whose channels are shuffled; and tokens, whose positions are one
    axis.
    """

    def __init__(
        self,
        graph: gs.Graph,
        images: Sequence[Image],
        shapes: Mapping[str, Shape],
        growth: Growth,
        positions: Positions,
        constants: Constants,
    ) -> None:
        """Look at a graph.

        Args:
            graph: the graph.
            images: its images.
            shapes: static shapes at the original image size, by tensor name.
            growth: what grows with the image.
            positions: where the images' axes are, as far as they could be followed.
            constants: constant tensors of the graph.
        """
        self._graph, self._images = graph, images
        self._shapes, self._growth = shapes, growth
        self._positions, self._constants = positions, constants
        self._followed = reached(graph, [image.tensor for image in images])
        self._told = axis_roles(graph, shapes, images, positions)
        tensors = [t for t in graph.tensors().values() if id(t) not in self._told]
        restored = {id(tensor): positions.roles(tensor) for tensor in tensors}
        tokens = {id(tensor): positions.tokens(tensor) for tensor in tensors}
        self._roles = self._told | {tensor: of for tensor, of in restored.items() if of}
        self._tokens = {tensor: of for tensor, of in tokens.items() if of}
        self._told_maps, self._maps = _channels_first(self._told), _channels_first(self._roles)
        self._maps_and_tokens = self._maps.union(self._tokens)
        self._grown_maps = {
            id(tensor)
            for tensor in graph.tensors().values()
            if id(tensor) in self._told_maps and self.grows(tensor)
        }

    def roles(self, tensor: gs.Tensor) -> Roles | None:
        """Roles of a tensor's axes; ``None`` where they are not known."""
        return self._roles.get(id(tensor))

    def is_known(self, tensor: gs.Tensor) -> bool:
        """Whether it is known which axes of a tensor are spatial."""
        return id(tensor) in self._roles or id(tensor) in self._tokens

    def before(self, data: gs.Tensor, *, dense: bool) -> Iterator[Walk]:
        """Walks back from what a dense layer or a pool reads, the best first.

        A dense layer takes views in, so that its windows are those of a map which an operator
        made; what it cannot take in stays in the trunk, and so do the views before it.

        Args:
            data: what the node reads.
            dense: whether it is a dense layer.
        """
        walk = walk_to_source(data, self._told_maps, self._constants)
        taken_in = all(
            is_view(node, self._constants) or is_standard(node, *FOLDS, "BatchNormalization")
            for node in walk[1]
        )
        if dense and taken_in and id(walk[0]) in self._told:
            yield walk
        yield walk_to_source(data, self._maps, self._constants)

    def far_before(self, data: gs.Tensor) -> Walk:
        """The walk back through pools along single axes and layers at every position, too."""
        return walk_to_source(data, self._grown_maps, self._constants, far=True)

    def tokens_before(self, data: gs.Tensor) -> Walk:
        """The walk back to tokens, or to a map that comes first."""
        return walk_to_source(data, self._maps_and_tokens, self._constants)

    def grows(self, tensor: gs.Tensor) -> bool:
        """Whether a map grows along all spatial axes, as far as that is known."""
        growing, roles = self._growth.axes(tensor), self._roles.get(id(tensor))
        return growing is None or roles is None or growing.issuperset(spatial_axes(roles))

    def is_single_cell(self, tensor: gs.Tensor) -> bool:
        """Whether a map has one cell at the original size, and more on larger images."""
        if id(tensor) not in self._maps or id(tensor) not in self._followed:
            return False
        shape, spatial = self._shapes[tensor.name], spatial_axes(self._roles[id(tensor)])
        growing = self._growth.axes(tensor) or set()
        return all(shape[axis] == 1 for axis in spatial) and growing.issuperset(spatial)

    def is_map(self, tensor: gs.Tensor) -> bool:
        """Whether a tensor is a map ``[N, C, *s]``."""
        return id(tensor) in self._maps

    def window(self, reader: gs.Node, source: gs.Tensor, *, grows: bool = True) -> Window:
        """The window that a feature map is at the original size.

        Args:
            reader: a node behind it.
            source: the feature map.
            grows: whether it must grow with the image.

        Raises:
            Refused: it is no feature map, does not grow, or its size is not known.
        """
        tokens = self._tokens.get(id(source))
        roles = self._roles.get(id(source)) if tokens is None else tokens.roles
        if roles is None or roles[0] != 0 or id(source) not in self._followed:
            raise self._no_map(reader, source)
        if grows and tokens is None:
            self._check_grows(reader, source)
        batch, *extents = self._shapes[source.name]
        known = tuple(extent for extent in extents if isinstance(extent, int))
        if len(known) != len(extents):
            raise refuse(
                RefusalCode.SHAPE_UNKNOWN if self._is_sized else RefusalCode.INPUT_SIZE_NEEDED,
                reader,
                expected="a known size of the feature map",
                found=f"'{source.name}' of shape {[batch, *extents]}",
                advice="" if self._is_sized else GIVE_INPUT_SIZE,
            )
        samples = batch if isinstance(batch, int) else SYMBOLIC_BATCH
        if tokens is None:
            return whole_map(source, known, roles, samples)
        window = whole_map(source, tokens.shape, roles, samples)
        return replace(window, order=window.order.reshape(known), tokens=tokens)

    @property
    def _is_sized(self) -> bool:
        return all(image.is_sized for image in self._images)

    def _no_map(self, reader: gs.Node, source: gs.Tensor) -> Refused:
        """Why a tensor that a head reads is no feature map."""
        if id(source) not in self._followed:
            return self._untold(reader)
        end = self._growth.last_end(source)
        if end is not None:
            return self._positions.refusal(end) or refuse(
                RefusalCode.NO_RULE if is_standard(end) else RefusalCode.CUSTOM_OPERATOR,
                end,
                expected="a dense layer or a pool of the whole map where its spatial axes end",
                found=f"that they end at {end.op}, which is neither",
            )
        return refuse(
            RefusalCode.LAYOUT_UNKNOWN if self._is_sized else RefusalCode.INPUT_SIZE_NEEDED,
            producer(source) or reader,
            expected="a tensor with a known layout, such as [N, C, H, W]",
            found=f"'{source.name}', which '{node_name(reader)}' ({reader.op}) reads",
            advice="" if self._is_sized else GIVE_INPUT_SIZE,
        )

    def _untold(self, reader: gs.Node) -> Refused:
        """Refusal of a node behind an input of which nobody knows what its axes are."""
        told = {id(image.tensor) for image in self._images}
        untold = [t for t in possible_images(self._graph, self._images) if id(t) not in told]
        names = [f"'{tensor.name}' of shape {list(tensor.shape)}" for tensor in untold]
        letters = "nw" if all(len(tensor.shape) == 2 for tensor in untold) else "nchw"
        return refuse(
            RefusalCode.LAYOUT_UNKNOWN,
            reader,
            expected="an image of a known layout, as a convolution or a pool after it tells",
            found=f"{' and '.join(names)}, whose axes nothing tells",
            advice=f"Say what the image's axes are: option input_layout, such as {letters}",
        )

    def _check_grows(self, reader: gs.Node, source: gs.Tensor) -> None:
        """A map that stays small on a large image cannot be slid over."""
        if self.grows(source):
            return
        raise refuse(
            RefusalCode.BAKED_EXTENT,
            self._growth.first_end(source) or producer(source) or reader,
            expected="a trunk whose feature map grows with the image",
            found=f"that '{source.name}' is {list(self._shapes[source.name])} at any image size",
        )


def _channels_first(roles: Mapping[int, Roles]) -> set[int]:
    """Tensors ``[N, C, *s]``."""
    return {tensor for tensor, of in roles.items() if of == channels_first(len(of))}
