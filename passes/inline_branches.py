"""Put the branch that an If always takes in the If's place.

Exporters write an If where they do not know an extent: a squeeze of an axis that may be of extent 1
becomes a choice between a Squeeze and an Identity. Where the condition is constant, or depends on
extents alone that are the same for every image, only one branch is ever taken. An If that decides
by the size of the image or by its pixels, or that no image reaches, stays as it is.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import onnx_graphsurgeon as gs

from .evaluation import Constants, run_node
from .images import Image, find_images, original_shapes
from .options import one_of
from .result import PassResult, Refused, Rewrite, node_name
from .shapes import shape_value
from .splice import Splice
from .trunk.extents import grows
from .trunk.follow import follow
from .trunk.trunk import Trunk
from .use_def import UniqueNames, downstream, is_standard, producer, reached
from .view_chain import is_view

NAME = "inline_branches"

_ROUNDS = 100
"""An extent behind an If is known once the If is gone: so many that follow one another go."""


def apply(
    graph: gs.Graph,
    *,
    batch: Literal["keep", "free"] = "keep",
    input_size: Sequence[int] | None = None,
    input_layout: str | None = None,
) -> PassResult:
    """Inline branches in place.

    Args:
        graph: any graph in topological order; changed only where nothing is refused.
        batch: ``keep`` takes a fixed batch for one that stays as it is, ``free`` for any number.
        input_size: the image size that the model was made for, in pixels, one per axis. Where the
            spatial axes are symbolic and none is given, constant conditions alone are looked at.
        input_layout: one letter per axis, such as ``nchw``, for an image that reaches no
            convolution or pool, or only through an If.

    Returns:
        One rewrite for each If; or the refusals; neither where no If behind an image always takes
        one branch.
    """
    one_of("batch", batch, ("keep", "free"))
    rewrites: list[Rewrite] = []
    try:
        for _ in range(_ROUNDS):
            if not any(map(_is_if, graph.nodes)):
                break
            images = find_images(graph, input_size, input_layout)
            conditions = _Conditions(graph, images, batch_grows=batch == "free")
            found = [(node, conditions.taken(node)) for node in graph.nodes if _is_if(node)]
            taken = [(node, branch) for node, branch in found if branch is not None]
            if not taken:
                break
            rewrites += _inline(graph, taken)
    except Refused as refused:
        return PassResult(name=NAME, refusals=(refused.refusal,))
    return PassResult(name=NAME, rewrites=tuple(rewrites))


def _is_if(node: gs.Node) -> bool:
    return is_standard(node, "If")


class _Conditions:
    """What the conditions of one graph are, where every image gives the same answer."""

    def __init__(self, graph: gs.Graph, images: Sequence[Image], *, batch_grows: bool) -> None:
        """Follow the axes of the graph's images up to what lies behind the first If.

        Raises:
            Refused: a node makes a very long vector.
        """
        self._graph = graph
        self._constants = Constants(graph)
        self._trunk: Trunk | None = None
        self._doubtful: set[int] = set()
        nodes = downstream(graph, [image.tensor for image in images])
        self._dependent = set(map(id, nodes))
        if all(image.is_sized for image in images):
            shapes = original_shapes(graph, images)
            self._trunk = follow(
                graph, images, shapes, self._constants, batch_grows=batch_grows, to_the_end=False
            )
            doubts = [node for node in graph.nodes if id(node) in self._trunk.doubts]
            self._doubtful = reached(graph, [made for node in doubts for made in node.outputs])

    def taken(self, node: gs.Node) -> gs.Graph | None:
        """The branch that an If always takes; ``None`` where that is not known.

        Ifs that no image reaches are in nobody's way, and are not looked at.
        """
        value = self._value(node) if id(node) in self._dependent else None
        if value is None or value.size != 1:
            return None
        branch: gs.Graph = node.attrs["then_branch" if value.item() else "else_branch"]
        return branch

    def _value(self, node: gs.Node) -> np.ndarray | None:
        """Value of an If's condition; ``None`` where images may differ in it."""
        condition, trunk = node.inputs[0], self._trunk
        if condition in self._constants:
            return self._constants.values(condition)
        if trunk is None or not trunk.has_value(condition) or self._grows(condition, trunk):
            return None
        return trunk.known_value(node, condition)[0]

    def _grows(self, computed: gs.Tensor, trunk: Trunk) -> bool:
        """Whether an extent that grows, or might, goes into what is computed from shapes."""
        pending, seen = [computed], set[int]()
        while pending:
            tensor = pending.pop()
            maker = producer(tensor)
            if maker is None or id(tensor) in seen or tensor in self._constants:
                continue
            seen.add(id(tensor))
            # Of a shape that grows, extents may be picked that do not.
            source = producer(maker.inputs[0]) if is_view(maker, self._constants) else maker
            if source is None or not is_standard(source, "Shape"):
                pending += maker.inputs
            elif self._picks_growing(source, maker, trunk):
                return True
        return False

    def _picks_growing(self, shape: gs.Node, reader: gs.Node, trunk: Trunk) -> bool:
        """Whether a growing extent is in a Shape, or in what a view picks of it."""
        measured = shape.inputs[0]
        axes = trunk.axes(shape, measured)
        places = shape_value(shape, range(len(axes)))
        if places is None or id(measured) in self._doubtful:
            return True
        if reader is not shape:
            others = [self._constants.values(operand) for operand in reader.inputs[1:]]
            places = run_node(self._graph, reader, [places, *others])[0]
        return any(grows(axes[place]) for place in places.flat)


def _inline(graph: gs.Graph, taken: Sequence[tuple[gs.Node, gs.Graph]]) -> list[Rewrite]:
    """Put branches in the place of their Ifs, and remove what computed the conditions.

    Args:
        graph: the graph.
        taken: the Ifs, in graph order, each with the branch that it takes.

    Returns:
        One rewrite for each.
    """
    conditions = [node.inputs[0] for node, _ in taken]
    for node, branch in taken:
        for other in node.subgraphs():
            if other is not branch:
                _detach(other)
        node.inputs.clear()
        node.attrs.clear()
    splice = Splice(graph, Constants(graph))
    outside = {id(tensor) for tensor in graph.tensors().values()}
    rewrites = []
    for node, branch in taken:
        name, outputs = node_name(node), list(node.outputs)
        node.outputs.clear()
        inner = _moved(branch, outputs, splice.names, outside)
        for each in inner:
            splice.insert_before(node, each)
        after = ", ".join(each.op for each in inner if each.op != "Constant") or "constants"
        rewrites.append(Rewrite(node=name, before="If", after=after))
    splice.finish(conditions)
    gone = {id(node) for node, _ in taken}
    graph.nodes[:] = [node for node in graph.nodes if id(node) not in gone]
    return rewrites


def _detach(graph: gs.Graph) -> None:
    """Let the nodes of a branch that goes read nothing any more."""
    for subgraph in (graph, *graph.subgraphs(recursive=True)):
        for node in subgraph.nodes:
            node.inputs.clear()


def _moved(
    branch: gs.Graph, outputs: Sequence[gs.Tensor], names: UniqueNames, outside: set[int]
) -> list[gs.Node]:
    """The nodes of a branch, to stand in the outer graph and to compute the If's outputs.

    Args:
        branch: the branch.
        outputs: the If's outputs, which nothing computes.
        names: names that are free in the outer graph.
        outside: ``id`` of the tensors of the outer graph; those of the branch are added.
    """
    nodes = list(branch.nodes)
    inner = {id(output) for node in nodes for output in node.outputs}
    for result, output in zip(branch.outputs, outputs, strict=True):
        if id(result) in inner:
            _replace(result, output)
            inner.remove(id(result))
        else:  # a constant, a tensor of the outer graph, or one that is an output already
            nodes.append(gs.Node("Identity", output.name, inputs=[result], outputs=[output]))
    for node in nodes:
        node.name = names(node.name) if node.name else ""
        for tensor in (*node.inputs, *node.outputs):
            if tensor.name and id(tensor) not in outside:
                outside.add(id(tensor))
                tensor.name = names(tensor.name)
                if isinstance(tensor, gs.Variable):
                    tensor.shape = None  # names of extents hold in the branch alone
    return nodes


def _replace(inner: gs.Tensor, output: gs.Tensor) -> None:
    """Let a tensor of the outer graph be computed and read in the place of a branch's own."""
    for node in list(inner.inputs):
        node.outputs = [output if tensor is inner else tensor for tensor in node.outputs]
    for node in list(inner.outputs):
        node.inputs = [output if tensor is inner else tensor for tensor in node.inputs]
