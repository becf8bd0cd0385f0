"""A graph prepared to be traced many times."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx_graphsurgeon as gs

from passes.evaluation import Constants, node_runner
from passes.images import Image
from passes.kernels import Kernel, kernels
from passes.result import Refused
from passes.signatures import attribute_or_input
from passes.static_shapes import StaticShapes, static_shapes
from passes.use_def import downstream, has_subgraph, is_standard, reached

from ..files.operands import MEASURES
from ..sizes import known_size
from .seen import Seen, Shape


@dataclass(frozen=True)
class Step:
    """A node of a program, and what is the same in every run.

    Attributes:
        node: the node.
        inputs: its named inputs that are not constant.
        rule: what it reads; ``None`` where that is not known.
        is_measure: whether it tells shapes.
        is_computable: whether it can be computed where its inputs are known.
    """

    node: gs.Node
    inputs: tuple[gs.Tensor, ...]
    rule: Callable[..., Sequence[Seen]] | None
    is_measure: bool
    is_computable: bool


class Program:
    """A graph prepared to be traced many times.

    Attributes:
        graph: the graph, in topological order; not changed.
        images: its images, of known size.
        sizes: original pixels of the first one, an axis each.
        opset: its ai.onnx opset.
        nodes: the nodes that depend on inputs.
        steps: these nodes, prepared.
        counted: what each node made in the last run on shapes alone, behind the shapes and values
            that it read; by ``id`` of the node.
        salts: a number of its own for each of them, by ``id`` of the node.
        dependent_outputs: the graph's outputs that depend on the images.
        done: ``id`` of the tensors that nothing needs behind a node, by ``id`` of the node.
    """

    def __init__(
        self,
        graph: gs.Graph,
        images: Sequence[Image],
        rules: Mapping[str, Callable[..., Sequence[Seen]]],
    ) -> None:
        self.graph, self.images, self.opset = graph, images, int(graph.opset)
        self._constants = Constants(graph)
        self._values: dict[int, np.ndarray] = {}
        self._kernels: dict[tuple[int, ...], list[Kernel]] = {}
        self._runners: dict[int, Callable[..., list[np.ndarray]]] = {}
        self.nodes = downstream(graph, graph.inputs)
        self.steps = [self._step(node, rules) for node in self.nodes]
        self.counted: dict[int, tuple[tuple[object, ...], Sequence[Seen]]] = {}
        self.salts = {id(node): index + 1 for index, node in enumerate(self.nodes)}
        dependent = reached(graph, [image.tensor for image in images])
        self.dependent_outputs = [tensor for tensor in graph.outputs if id(tensor) in dependent]
        self.sizes = images[0].size if images else ()
        outputs = {id(tensor) for tensor in graph.outputs}
        last = {id(t): id(node) for node in self.nodes for t in (*node.inputs, *node.outputs)}
        self.done: dict[int, list[int]] = {}
        for tensor, node_id in last.items():
            if tensor not in outputs:
                self.done.setdefault(node_id, []).append(tensor)

    def _step(self, node: gs.Node, rules: Mapping[str, Callable[..., Sequence[Seen]]]) -> Step:
        return Step(
            node,
            tuple(t for t in node.inputs if t.name and not self.is_constant(t)),
            rules.get(node.op) if is_standard(node) else None,
            is_measure=is_standard(node, *MEASURES),
            is_computable=is_standard(node) and not has_subgraph(node),
        )

    def is_constant(self, tensor: gs.Tensor) -> bool:
        """Whether a tensor is the same whatever the inputs are."""
        return tensor in self._constants

    def constant(self, tensor: gs.Tensor) -> np.ndarray:
        """Values of a constant tensor."""
        if id(tensor) not in self._values:
            self._values[id(tensor)] = self._constants.values(tensor)
        return self._values[id(tensor)]

    def operand(self, node: gs.Node, name: str, place: int) -> np.ndarray | None:
        """Values of an attribute or an input, none where it is left out.

        ``None`` where they are computed, or cannot be: whoever follows the positions through the
        node says why.
        """
        found = attribute_or_input(node, name, place)
        if not isinstance(found, gs.Tensor):
            return np.zeros(0, np.int64) if found is None else found
        try:
            return self.constant(found) if self.is_constant(found) else None
        except Refused:
            return None

    def constant_shape(self, tensor: gs.Tensor) -> Shape:
        """Shape of a constant tensor, whose values are computed only where nothing else tells."""
        known = known_size(self._shapes.get(tensor.name))
        return self.constant(tensor).shape if known is None else known

    @cached_property
    def _shapes(self) -> StaticShapes:
        return static_shapes(self.graph)

    def kernels(self, node: gs.Node, sizes: Sequence[int]) -> list[Kernel]:
        """Kernels of a convolution or a pool of so many elements, an axis each."""
        key = (id(node), *sizes)
        if key not in self._kernels:
            self._kernels[key] = kernels(node, sizes)
        return self._kernels[key]

    def run(self, node: gs.Node, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Outputs of a node for known inputs."""
        if id(node) not in self._runners:
            self._runners[id(node)] = node_runner(self.graph, node)
        return self._runners[id(node)](values)
