"""Collects the structural changes of a rewrite and makes them in one sweep over the graph."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs

from .evaluation import Constants
from .opsets import AXES_AS_INPUT
from .result import node_name
from .use_def import UniqueNames, producer
from .weights import WeightEditor


class Splice:
    """New nodes and changed constants of one rewrite.

    Attributes:
        names: names that are free in the graph.
        weights: changes constants of the graph.
    """

    def __init__(self, graph: gs.Graph, constants: Constants) -> None:
        self.names = UniqueNames(graph)
        self.weights = WeightEditor(graph, constants, self.names)
        self._graph = graph
        self._before: dict[int, list[gs.Node]] = {}
        self._after: dict[int, list[gs.Node]] = {}

    def insert_before(self, anchor: gs.Node, node: gs.Node) -> None:
        """Put a new node right before ``anchor``, behind those that were put there already."""
        self._before.setdefault(id(anchor), []).append(node)

    def insert_after(self, anchor: gs.Node, node: gs.Node) -> None:
        """Put a new node right after ``anchor``, behind those that were put there already."""
        self._after.setdefault(id(anchor), []).append(node)

    def constant(self, name: str, values: np.ndarray) -> gs.Constant:
        """A new initializer."""
        return gs.Constant(self.names(name), values)

    def before(
        self, anchor: gs.Node, op: str, inputs: Sequence[gs.Tensor], name: str, **attrs: Any
    ) -> gs.Variable:
        """A new tensor ``name``, of the first input's type, computed right before ``anchor``."""
        result = gs.Variable(self.names(name), dtype=inputs[0].dtype)
        self.insert_before(anchor, self._node(anchor, op, inputs, result, attrs))
        return result

    def after(
        self, anchor: gs.Node, op: str, inputs: Sequence[gs.Tensor], result: gs.Tensor, **attrs: Any
    ) -> None:
        """Compute the existing tensor ``result`` right after ``anchor``."""
        self.insert_after(anchor, self._node(anchor, op, inputs, result, attrs))

    def behind(
        self, node: gs.Node, op: str, operands: Sequence[gs.Tensor], name: str, **attrs: Any
    ) -> None:
        """Compute a node's only output from what it was so far, now ``name``, and ``operands``."""
        output = node.outputs[0]
        inner = gs.Variable(self.names(name), dtype=output.dtype)
        self.after(node, op, [inner, *operands], output, **attrs)
        node.outputs = [inner]

    def transposed(self, anchor: gs.Node, tensor: gs.Tensor, perm: Sequence[int]) -> gs.Tensor:
        """``tensor`` with its axes permuted, computed right before ``anchor``."""
        return self.before(
            anchor, "Transpose", [tensor], f"{tensor.name}_transposed", perm=list(perm)
        )

    def unsqueezed(self, anchor: gs.Node, tensor: gs.Tensor, axes: Sequence[int]) -> gs.Tensor:
        """``tensor`` with new axes of extent 1, computed right before ``anchor``."""
        result = self.before(anchor, "Unsqueeze", [tensor], f"{tensor.name}_unsqueezed")
        self.set_axes(result.inputs[0], axes)
        return result

    def set_axes(self, node: gs.Node, axes: Sequence[int]) -> None:
        """Give a Squeeze or Unsqueeze its axes, as an attribute or an input."""
        if self._graph.opset < AXES_AS_INPUT:
            node.attrs["axes"] = list(axes)
        else:
            name = f"{node_name(node)}_axes"
            node.inputs = [node.inputs[0], self.constant(name, np.array(axes, np.int64))]

    def finish(self, detached: Iterable[gs.Tensor]) -> None:
        """Put the new nodes in place and remove those that nothing reads any more.

        Args:
            detached: tensors that something read before the rewrite. What only they needed goes;
                nodes that were without effect before stay as they are.
        """
        dead = self._unread_producers(detached)
        nodes = list(self.weights.new_nodes)
        for node in self._graph.nodes:
            if id(node) not in dead:
                nodes += self._with_neighbours(node)
        self._graph.nodes[:] = nodes

    def _with_neighbours(self, node: gs.Node) -> list[gs.Node]:
        """A node among those that were put around it, and around them in turn."""
        before = [n for new in self._before.get(id(node), ()) for n in self._with_neighbours(new)]
        after = [n for new in self._after.get(id(node), ()) for n in self._with_neighbours(new)]
        return [*before, node, *after]

    def _node(
        self,
        anchor: gs.Node,
        op: str,
        inputs: Sequence[gs.Tensor],
        result: gs.Tensor,
        attrs: dict[str, Any],
    ) -> gs.Node:
        name = self.names(f"{node_name(anchor)}_{op.lower()}")
        return gs.Node(op, name, attrs=attrs, inputs=list(inputs), outputs=[result])

    def _unread_producers(self, detached: Iterable[gs.Tensor]) -> set[int]:
        outputs = {id(tensor) for tensor in self._graph.outputs}
        dead: set[int] = set()
        pending = list(detached)
        while pending:
            node = producer(pending.pop())
            if node is None or id(node) in dead:
                continue
            if any(tensor.outputs or id(tensor) in outputs for tensor in node.outputs):
                continue
            dead.add(id(node))
            pending.extend(node.inputs)
            node.inputs.clear()
        return dead
