"""Follow the axes of an image to the first convolution or pool, which says what they are."""

from collections.abc import Set
from functools import cached_property

import numpy as np
import onnx_graphsurgeon as gs

from .evaluation import Constants
from .operators import (
    CHANNELS_FIRST,
    ELEMENTWISE,
    KEEPS_AXES,
    MOVES_DATA,
    NORMALIZATIONS,
    REDUCTIONS,
    VARIADIC,
)
from .signatures import constant_operand, reduced_axes, unsqueezed
from .static_shapes import StaticShapes, static_shapes
from .use_def import is_standard

_BATCH, _CHANNELS = 0, 1
"""Axes of what a convolution reads."""

_Order = list[int | None]
"""Which axis of the image every axis of a tensor is; ``None`` for a new one."""


def permutation(node: gs.Node, rank: int) -> tuple[int, ...]:
    """The permutation of a Transpose."""
    return tuple(node.attrs.get("perm", range(rank - 1, -1, -1)))


def keeps_axes(node: gs.Node) -> bool:
    """Whether the axes of a node's output mean what those of its inputs mean."""
    return is_standard(node, *ELEMENTWISE) or is_standard(node, *KEEPS_AXES)


class Layouts:
    """Reads the layouts of a graph's images off what stands behind them; changes nothing."""

    def __init__(self, graph: gs.Graph, constants: Constants) -> None:
        """Look at a graph.

        Args:
            graph: the graph.
            constants: its constant tensors.
        """
        self._graph = graph
        self._constants = constants

    def roles(self, image: gs.Tensor, rank: int) -> tuple[int, ...] | None:
        """Roles of an image's axes: 0 the batch, 1 the channels, 2 and up the spatial axes.

        Args:
            image: a graph input.
            rank: number of its axes.

        Returns:
            The roles; ``None`` where no convolution or pool tells them, nor, in a graph without
            any, a normalisation.
        """
        return self._told(image, rank, CHANNELS_FIRST) or self._told(image, rank, NORMALIZATIONS)

    def _told(self, image: gs.Tensor, rank: int, operators: Set[str]) -> tuple[int, ...] | None:
        """The roles that the first of some operators tells."""
        pending: list[tuple[gs.Tensor, _Order]] = [(image, list(range(rank)))]
        seen = {id(image)}
        while pending:
            tensor, order = pending.pop(0)
            for node in tensor.outputs:
                if is_standard(node, *operators) and node.inputs[0] is tensor:
                    return _roles(order, rank)
                after = self._order_behind(node, tensor, order)
                for output in node.outputs if after is not None else ():
                    if id(output) not in seen and after is not None:
                        seen.add(id(output))
                        pending.append((output, after))
        return None

    def is_slid_over(self, image: gs.Tensor) -> bool:
        """Whether a convolution or a pool reads a tensor, as it is or through views.

        Args:
            image: a graph input.
        """
        pending, seen = [image], {id(image)}
        while pending:
            tensor = pending.pop()
            for node in tensor.outputs:
                if is_standard(node, *CHANNELS_FIRST) and node.inputs[0] is tensor:
                    return True
                if is_standard(node, *MOVES_DATA, *ELEMENTWISE):
                    pending += [output for output in node.outputs if id(output) not in seen]
                    seen.update(map(id, node.outputs))
        return False

    def _order_behind(self, node: gs.Node, data: gs.Tensor, order: _Order) -> _Order | None:
        """Which axis of the image every axis is behind a node; ``None`` where that is lost."""
        if keeps_axes(node):
            return self._broadcast(node, data, order)
        if not is_standard(node) or node.inputs[0] is not data:
            return None
        if node.op == "Transpose":
            return [order[axis] for axis in permutation(node, len(order))]
        if node.op in ("Expand", "Tile"):
            return self._broadcast(node, data, order)
        if node.op in ("Gather", "GatherND"):
            return self._picked(node, order)
        if node.op not in REDUCTIONS and node.op not in ("Squeeze", "Unsqueeze"):
            return None
        if node.op in REDUCTIONS and node.attrs.get("keepdims", 1):
            return order
        axes = constant_operand(node, "axes", 1, self._constants)
        if axes is None:
            return None
        if node.op == "Unsqueeze":
            return unsqueezed(order, axes, None)
        gone = reduced_axes(node, axes, len(order))
        return [of for axis, of in enumerate(order) if axis not in gone]

    def _picked(self, node: gs.Node, order: _Order) -> _Order | None:
        """Colours in another order; one index alone takes the axis away."""
        if node.inputs[1] not in self._constants:
            return None
        indices = np.shape(self._constants.values(node.inputs[1]))
        if node.op == "Gather":
            axis = int(node.attrs.get("axis", 0)) % len(order)
            return [*order[:axis], *order[axis : axis + 1] * len(indices), *order[axis + 1 :]]
        if node.attrs.get("batch_dims", 0) or indices[-1] != 1:
            return None
        return order[:1] * (len(indices) - 1) + order[1:]

    def _broadcast(self, node: gs.Node, data: gs.Tensor, order: _Order) -> _Order | None:
        """The axes where what meets the image may have more: new ones come first."""
        if not is_standard(node, "Expand", "MatMul", *VARIADIC):
            return order
        rank = self._rank(node, data, len(order))
        if rank is None:
            return None if node.op == "Expand" else order
        if rank < len(order):
            return None
        return [*[None] * (rank - len(order)), *order]

    def _rank(self, node: gs.Node, data: gs.Tensor, rank: int) -> int | None:
        """Rank of what a node makes of data of some rank and of what meets it."""
        others = [tensor for tensor in node.inputs if tensor.name and tensor is not data]
        if is_standard(node, *VARIADIC) and all(isinstance(t, gs.Constant) for t in others):
            return max([rank, *(len(tensor.shape) for tensor in others)])
        shape = self._shapes.get(node.outputs[0].name)
        return None if shape is None else len(shape)

    @cached_property
    def _shapes(self) -> StaticShapes:
        # Costly, and most graphs tell every axis without.
        return static_shapes(self._graph)


def _roles(order: _Order, rank: int) -> tuple[int, ...] | None:
    """Roles of an image's axes where a convolution or a pool reads them in this order."""
    lost = [axis for axis in range(rank) if axis not in order]
    new = [axis for axis, of in enumerate(order) if of is None]
    if len(lost) == 1 and lost[0] != _BATCH and new == [_CHANNELS]:
        # Channels taken one by one and put together, or mixed to one: new ones of the old.
        order = [lost.pop() if of is None else of for of in order]
    return None if lost else tuple(map(order.index, range(rank)))
