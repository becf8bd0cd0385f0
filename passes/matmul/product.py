"""Puts windows and a MatMul in the place of convolutions."""

from collections.abc import Mapping

import numpy as np
import onnx_graphsurgeon as gs

from ..evaluation import Constants
from ..operators import VARIADIC
from ..opsets import SLICE_BOUNDS_AS_INPUTS
from ..result import Rewrite
from ..splice import Splice
from ..use_def import is_standard, producer
from .builder import Builder
from .convolution import Convolution
from .layouts import Layouts
from .windows import groups_joined, to_channels_first, to_channels_last, windows

CHANNELS_LAST = "channels_last"
"""What stands as ``[N, *s, C]`` in place of a tensor ``x`` is called ``x_channels_last``."""


class Products:
    """One rewrite of a graph's convolutions, all of which have been read."""

    def __init__(
        self, graph: gs.Graph, constants: Constants, convolutions: Mapping[int, Convolution]
    ) -> None:
        """Prepare.

        Args:
            graph: the graph; changed by ``make``.
            constants: its constants.
            convolutions: what the convolutions compute, by ``id`` of the node.
        """
        self._graph, self._convolutions = graph, convolutions
        self._splice = Splice(graph, constants)
        self._builder = Builder(self._splice, graph.opset)
        # Without steps in Slice, a pool leaves cells out, and that takes [N, C, *s].
        self._takes_last = {
            key
            for key, each in convolutions.items()
            if graph.opset >= SLICE_BOUNDS_AS_INPUTS or not each.is_strided
        }
        self._layouts = Layouts(graph, constants, convolutions, self._takes_last)
        self._last: dict[int, gs.Tensor] = {}
        self._weights: dict[tuple[int, int], gs.Tensor] = {}
        # Tensors that nothing reads any more must live, or their ids would become others'.
        self._kept = list(graph.tensors().values())

    def make(self) -> list[Rewrite]:
        """Edit the graph in place; returns what changed, in graph order."""
        read = [
            tensor
            for node in self._graph.nodes
            if id(node) in self._convolutions or id(node) in self._layouts.moved
            for tensor in node.inputs
        ]
        rewrites = []
        for node in list(self._graph.nodes):
            if id(node) in self._convolutions:
                rewrites.append(self._convert(node, self._convolutions[id(node)]))
            elif id(node) in self._layouts.moved:
                self._move(node)
        self._splice.finish(read)
        return rewrites

    def _convert(self, node: gs.Node, convolution: Convolution) -> Rewrite:
        """Windows, MatMul, and an Add of the bias in the place of a Conv."""
        data, output = node.inputs[0], node.outputs[0]
        bias = node.inputs[2] if len(node.inputs) > 2 and node.inputs[2].name else None
        last = id(node) in self._takes_last
        if last:
            data = self._channels_last(node, data, convolution.rank)
        before = self._builder.before(node, convolution.name)
        stretched = windows(before, data, convolution, channels_last=last)
        product = self._inner(output, "product")
        weight = self._weight(node.inputs[1], convolution)
        node.op, node.inputs, node.outputs = "MatMul", [stretched, weight], [product]
        node.attrs.clear()
        behind = self._builder.after(node, convolution.name)
        result: gs.Tensor = product
        if convolution.groups > 1:
            result = groups_joined(behind, result, convolution)
        if bias is not None:
            result = behind.node("Add", [result, bias], output)
        if not self._layouts.needed_first(output):
            result.name = self._splice.names(f"{output.name}_{CHANNELS_LAST}")
        self._leave(node, output, result, convolution.rank)
        units = convolution.filters // convolution.groups
        several = f"{convolution.groups} x " if convolution.groups > 1 else ""
        return Rewrite(
            node=convolution.name,
            before=convolution.text,
            after=f"{several}MatMul {convolution.features} -> {units}",
        )

    def _move(self, node: gs.Node) -> None:
        """Let a node that computes every element on its own read and write channels-last."""
        output = node.outputs[0]
        rank = self._layouts.moved[id(node)]
        node.inputs = [self._operand(node, tensor, rank) for tensor in node.inputs]
        if node.op == "Concat":
            node.attrs["axis"] = 1 + rank
        result = self._inner(output, CHANNELS_LAST)
        node.outputs = [result]
        self._leave(node, output, result, rank)

    def _operand(self, node: gs.Node, tensor: gs.Tensor, rank: int) -> gs.Tensor:
        """What a moved node reads in the place of a map, or of a constant by channel."""
        if id(tensor) in self._last:
            return self._last[id(tensor)]
        count = self._layouts.channel_numbers(tensor, rank) if node.op in VARIADIC else 0
        return self._splice.weights.reshaped(tensor, (count,)) if count > 1 else tensor

    def _leave(self, node: gs.Node, output: gs.Tensor, result: gs.Tensor, rank: int) -> None:
        """Note what a node computes, and compute ``[N, C, *s]`` of it where that is read."""
        self._last[id(output)] = result
        if self._layouts.needed_first(output):
            perm = to_channels_first(rank)
            self._splice.after(node, "Transpose", [result], output, perm=perm)

    def _channels_last(self, node: gs.Node, data: gs.Tensor, rank: int) -> gs.Tensor:
        """A map as ``[N, *s, C]``, made once; what a Transpose made it of, where one did."""
        if id(data) not in self._last:
            maker = producer(data)
            back = {"perm": to_channels_first(rank)}
            if maker is not None and is_standard(maker, "Transpose") and maker.attrs == back:
                self._last[id(data)] = maker.inputs[0]
            else:
                perm = to_channels_last(rank)
                self._last[id(data)] = self._splice.transposed(node, data, perm)
        return self._last[id(data)]

    def _inner(self, output: gs.Tensor, suffix: str) -> gs.Variable:
        return gs.Variable(self._splice.names(f"{output.name}_{suffix}"), dtype=output.dtype)

    def _weight(self, weight: gs.Tensor, convolution: Convolution) -> gs.Tensor:
        """Filters ``[f, C, *k]`` as ``[cells * C, f]``, groups first; once for all readers."""
        key = id(weight), convolution.groups
        if key not in self._weights:
            groups, rank = convolution.groups, convolution.rank
            units = convolution.filters // groups

            def stretched(values: np.ndarray) -> np.ndarray:
                apart = values.reshape(groups, units, convolution.channels, -1)
                return apart.transpose(0, 3, 2, 1)

            batched = (groups, *(1,) * (rank - 1)) if groups > 1 else ()
            shape = (*batched, convolution.features, units)
            self._weights[key] = self._splice.weights.computed(weight, shape, stretched)
        return self._weights[key]
