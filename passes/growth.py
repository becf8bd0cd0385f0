"""Which axes of which tensors grow with the image, and where that ends."""

from collections.abc import Mapping

import onnx_graphsurgeon as gs

from .operators import GLOBAL_POOLS, REDUCTIONS
from .shapes import Shape
from .signatures import softmax_axes
from .use_def import is_standard, producer, upstream


class Growth:
    """Compares the shapes of a graph's tensors at two image sizes."""

    def __init__(
        self, graph: gs.Graph, shapes: Mapping[str, Shape], grown: Mapping[str, Shape]
    ) -> None:
        """Take the shapes.

        Args:
            graph: the graph; not changed.
            shapes: static shapes at the original image size, by tensor name.
            grown: the same at a much larger size.
        """
        self._graph = graph
        self._shapes, self._grown = shapes, grown

    def axes(self, tensor: gs.Tensor) -> set[int] | None:
        """Axes that grow with the image; ``None`` where that is not known."""
        small, large = self._shapes.get(tensor.name), self._grown.get(tensor.name)
        if small is None or large is None or len(small) != len(large):
            return None
        if not all(isinstance(extent, int) for extent in (*small, *large)):
            return None
        return {axis for axis in range(len(small)) if small[axis] != large[axis]}

    def first_end(self, source: gs.Tensor) -> gs.Node | None:
        """The first node before a tensor after which fewer axes grow than before."""
        ancestors = upstream(source)
        for node in self._graph.nodes:
            if id(node) in ancestors and node.op != "Shape":
                before = [len(self.axes(tensor) or ()) for tensor in node.inputs]
                after = [len(self.axes(tensor) or ()) for tensor in node.outputs]
                if max(before, default=0) > max(after, default=0):
                    return node
        return None

    def last_end(self, source: gs.Tensor) -> gs.Node | None:
        """The last node before a tensor that reads what grows; ``None`` where it grows itself."""
        pending, seen = [source], {id(source)}
        while pending and not self.axes(source):
            node = producer(pending.pop(0))
            operands = [] if node is None or node.op == "Shape" else node.inputs
            if any(self.axes(tensor) for tensor in operands):
                return node
            pending += [tensor for tensor in operands if id(tensor) not in seen]
            seen.update(map(id, operands))
        return None

    def ends_at(self, node: gs.Node) -> bool:
        """Whether fewer axes grow behind a node than in its first input."""
        before, after = self.axes(node.inputs[0]) or (), self.axes(node.outputs[0]) or ()
        return len(before) > len(after)

    def is_statistic(self, node: gs.Node) -> bool:
        """Whether a node takes all positions of a growing axis together."""
        growing = self.axes(node.inputs[0]) if node.inputs else None
        if not growing:
            return False
        if is_standard(node, "Softmax", "LogSoftmax", "Hardmax"):
            rank = len(self._shapes[node.inputs[0].name])
            return not growing.isdisjoint(softmax_axes(node, rank, int(self._graph.opset)))
        return is_standard(node, *REDUCTIONS, *GLOBAL_POOLS) and self.ends_at(node)
