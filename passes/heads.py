"""Find where the spatial axes disappear, and the region of the graph that follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx_graphsurgeon as gs

from .evaluation import Constants
from .feature_maps import FeatureMaps
from .gates import has_positions, meets_map
from .growth import Growth
from .hidden_layers import check_nothing_hidden
from .images import Image
from .lift.pooling import pooled_axes, pools_window
from .operators import GLOBAL_POOLS, MIXES, POOLS, REDUCTIONS
from .result import RefusalCode, Refused, node_name, refuse
from .shapes import Shape
from .trunk.positions import Positions
from .use_def import downstream, is_standard, reached
from .view_chain import Scattered, Window, moved


@dataclass(frozen=True)
class Collapse:
    """Where the spatial axes disappear.

    Attributes:
        node: a dense layer on a window of a feature map, or a pool over all of it.
        window: the whole feature map.
        chain: the nodes that move data between the map and ``node``, first to last.
    """

    node: gs.Node
    window: Window
    chain: tuple[gs.Node, ...]

    @property
    def first(self) -> gs.Node:
        """The first node behind the feature map."""
        return self.chain[0] if self.chain else self.node


class HeadFinder:
    """Finds the collapses of one graph; changes nothing."""

    def __init__(
        self,
        graph: gs.Graph,
        images: Sequence[Image],
        shapes: Mapping[str, Shape],
        grown: Mapping[str, Shape],
        positions: Positions,
        constants: Constants,
    ) -> None:
        """Look at a graph.

        Args:
            graph: the graph.
            images: its images.
            shapes: static shapes at the original image size, by tensor name.
            grown: the same at a much larger size.
            positions: where the images' axes are, as far as they could be followed.
            constants: constant tensors of the graph.
        """
        self._graph = graph
        self._position = {id(node): index for index, node in enumerate(graph.nodes)}
        self._shapes = shapes
        self._growth = Growth(graph, shapes, grown)
        self._constants = constants
        # An input with many axes may be an image whose layout nobody has told.
        self._images = [t for t in graph.inputs if len(shapes.get(t.name, ())) >= 3]
        self._from_image = reached(graph, self._images)
        self._maps = FeatureMaps(graph, images, shapes, self._growth, positions, constants)

    def find(self) -> list[Collapse]:
        """Collapses that belong to a head, in graph order.

        One whose result meets a spatial tensor again (the gate of squeeze-and-excite) is part of
        the trunk and is left out.

        Raises:
            Refused: a dense layer reads the image through axes of unknown meaning, or more than
                one image; a statistic of the whole map is pooled by the head.
        """
        found: list[Collapse] = []
        inside: set[int] = set()
        for node in self._graph.nodes:
            if any(id(tensor) in inside for tensor in node.inputs):
                inside.update(id(output) for output in node.outputs)
                continue
            dense = self._is_dense_on_vectors(node)
            if not dense and not is_standard(node, *GLOBAL_POOLS, *POOLS, *REDUCTIONS):
                continue
            second = dense and node.inputs[0] in self._constants
            data = node.inputs[1 if second else 0]
            if id(data) not in self._from_image:
                continue
            for source, chain in self._maps.before(data, dense=dense):
                if self._meets_map(chain[0] if chain else node):
                    break
                if dense or self._pools_map(node, source, chain):
                    found.append(Collapse(node, self._maps.window(node, source), tuple(chain)))
                    inside.update(id(output) for output in node.outputs)
                    break
        if found:
            self._check_single_image(found)
            self._check_statistics(found)
        else:
            check_nothing_hidden(self._graph, self._images)
        return found

    def _is_dense_on_vectors(self, node: gs.Node) -> bool:
        """Whether a node multiplies a matrix ``[N, F]`` that is not itself constant."""
        return is_standard(node, "Gemm", "MatMul") and all(
            len(self._shapes.get(tensor.name, (None, None))) == 2
            for tensor in (node.inputs[0], node.outputs[0])
        )

    def _pools_map(self, node: gs.Node, source: gs.Tensor, chain: Sequence[gs.Node]) -> bool:
        """Whether a node reduces every channel of a whole map to one number.

        Args:
            node: a pool or a reduction.
            source: where the view chain before it starts.
            chain: the nodes of that chain.
        """
        shape = self._shapes.get(node.inputs[0].name)
        if shape is None or not self._maps.is_known(source):
            return False
        spatial = tuple(extent for extent in shape[2:] if isinstance(extent, int))
        one_cell = all(e == 1 for e in self._shapes.get(node.outputs[0].name, ())[2:])
        if is_standard(node, *POOLS) and not one_cell:
            return False
        axes = pooled_axes(node, len(shape), spatial, self._constants)
        if axes is None:
            return False
        window: Window | Scattered = self._maps.window(node, source, grows=False)
        try:
            for view in chain:
                if isinstance(window, Scattered):
                    return False
                window = moved(self._graph, view, view.outputs[0], window, self._shapes)
        except Refused:
            return False
        return isinstance(window, Window) and pools_window(window, axes)

    def _meets_map(self, first: gs.Node) -> bool:
        """Whether what follows from a node behind a map meets a spatial tensor again."""
        return meets_map(self._graph, first, self._position[id(first)], self._is_map)

    def _is_map(self, tensor: gs.Tensor) -> bool:
        shape = self._shapes.get(tensor.name, ())
        return id(tensor) in self._from_image and has_positions(shape, self._maps.roles(tensor))

    def _check_single_image(self, collapses: list[Collapse]) -> None:
        sources = {id(collapse.window.source) for collapse in collapses}
        reaching = [
            image.name
            for image in self._images
            if id(image) in sources
            or any(
                id(output) in sources
                for node in downstream(self._graph, [image])
                for output in node.outputs
            )
        ]
        if len(reaching) > 1:
            raise refuse(
                RefusalCode.SECOND_IMAGE,
                collapses[0].node,
                expected="one image behind the head",
                found=f"{len(reaching)} inputs with spatial axes: {', '.join(reaching)}",
            )

    def _check_statistics(self, collapses: list[Collapse]) -> None:
        """Refuse a statistic of the whole map that the head pools together with the map.

        Deviations and the like: left as they are, the statistic would be that
        of the whole large image and not of a window. A gate with dense layers of its own, and a
        map that goes through a convolution before it is pooled, are trunk.
        """
        pools = {id(collapse.node) for collapse in collapses if not is_dense(collapse.node)}
        pooled_by: dict[int, gs.Node] = {}
        for node in reversed(self._graph.nodes):
            pool = next((pooled_by[id(o)] for o in node.outputs if id(o) in pooled_by), None)
            if id(node) in pools:
                pool = node
            elif pool is None or is_standard(node, "Shape", *MIXES):
                continue
            elif self._growth.is_statistic(node):
                raise refuse(
                    RefusalCode.GLOBAL_STATISTIC,
                    node,
                    expected="pools of the map alone",
                    found=f"a statistic of the whole map that '{node_name(pool)}' pools again",
                )
            pooled_by.update((id(tensor), pool) for tensor in node.inputs)


def is_dense(node: gs.Node) -> bool:
    """Whether a node is a dense layer."""
    return is_standard(node, "Gemm", "MatMul")


def nodes_behind(graph: gs.Graph, first: gs.Node) -> list[gs.Node]:
    """A node and all that depend on it, in graph order."""
    return [first, *(node for node in downstream(graph, first.outputs) if node is not first)]
