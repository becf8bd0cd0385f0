"""Which tensors stay channels-last between convolutions that became matrix products."""

from collections.abc import Collection, Mapping
from math import prod

import onnx_graphsurgeon as gs

from ..evaluation import Constants
from ..operators import UNARY, VARIADIC
from ..use_def import is_graph_output, is_standard
from .convolution import Convolution

_FIRST_OPERAND = frozenset({"Clip", "Dropout"})
"""Operators whose first operand alone has axes; the others are numbers."""


class Layouts:
    """Plans the layout of the tensors of a graph; changes nothing.

    A node that computes every element on its own, or puts channels behind one another, can read
    and write ``[N, *s, C]``. It does where its data come so, and where a matrix product behind it
    wants them so: then no Transpose is needed in between.

    Attributes:
        moved: spatial axes of what the nodes compute, other than convolutions, that change their
            layout, by ``id`` of the node.
    """

    def __init__(
        self,
        graph: gs.Graph,
        constants: Constants,
        convolutions: Mapping[int, Convolution],
        takes_last: Collection[int],
    ) -> None:
        """Plan.

        Args:
            graph: the graph.
            constants: its constants.
            convolutions: those that become matrix products, by ``id`` of the node.
            takes_last: ids of those that read ``[N, *s, C]``; all of them write it.
        """
        self._graph, self._constants = graph, constants
        self._convolutions, self._takes_last = convolutions, takes_last
        self._rank: dict[int, int] = {}
        able = self._able()
        self.moved = self._wanted(able)
        self._inner_outputs = {
            id(tensor) for inner in graph.subgraphs(recursive=True) for tensor in inner.outputs
        }

    def needed_first(self, tensor: gs.Tensor) -> bool:
        """Whether something reads a tensor as ``[N, C, *s]``."""
        return (
            is_graph_output(self._graph, tensor)
            or id(tensor) in self._inner_outputs
            or any(
                id(node) not in self.moved and id(node) not in self._takes_last
                for node in tensor.outputs
            )
        )

    def _able(self) -> dict[int, int]:
        """Nodes that could change their layout, as all their data come channels-last."""
        able = {}
        for node in self._graph.nodes:
            if id(node) in self._convolutions:
                self._rank[id(node.outputs[0])] = self._convolutions[id(node)].rank
            elif (rank := self._movable_rank(node)) is not None:
                able[id(node)] = rank
                self._rank[id(node.outputs[0])] = rank
        return able

    def _movable_rank(self, node: gs.Node) -> int | None:
        if len(node.outputs) != 1 or not node.inputs or not is_standard(node):
            return None
        unary = node.op in UNARY or node.op in _FIRST_OPERAND
        data = node.inputs[:1] if unary else node.inputs
        maps = [tensor for tensor in data if id(tensor) in self._rank]
        ranks = {self._rank[id(tensor)] for tensor in maps}
        others = [tensor for tensor in data if id(tensor) not in self._rank]
        if len(ranks) != 1:
            return None
        (rank,) = ranks
        joins = node.op == "Concat" and node.attrs.get("axis") in (1, -1 - rank) and not others
        together = node.op in VARIADIC and all(
            self.channel_numbers(operand, rank) for operand in others
        )
        return rank if unary or joins or together else None

    def channel_numbers(self, operand: gs.Tensor, rank: int) -> int:
        """How many numbers a constant has that meets ``[N, C, *s]`` with one number a channel.

        Returns:
            1 for a single number, 0 for what is no such constant, or has more axes than the map.
        """
        if operand not in self._constants:
            return 0
        stored = isinstance(operand, gs.Constant)
        shape = operand.shape if stored else self._constants.values(operand).shape
        extents = [1] * (2 + rank - len(shape)) + [int(extent) for extent in shape]
        count = prod(extents)
        is_by_channel = len(extents) == 2 + rank and count in (1, extents[1])
        return count if is_by_channel else 0

    def _wanted(self, able: Mapping[int, int]) -> dict[int, int]:
        """Those able nodes behind which a matrix product reads channels-last."""
        wanted: dict[int, int] = {}
        for node in reversed(self._graph.nodes):
            if id(node) in able and any(
                id(reader) in wanted or id(reader) in self._takes_last
                for reader in node.outputs[0].outputs
            ):
                wanted[id(node)] = able[id(node)]
        return wanted
