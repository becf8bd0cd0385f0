"""Find where the spatial axes disappear, and the region of the graph that follows."""

from collections.abc import Mapping, Sequence

import onnx_graphsurgeon as gs

from .collapse import Collapse, nodes_behind
from .evaluation import Constants
from .feature_maps import FeatureMaps, Walk
from .gates import has_positions, meets_map
from .growth import Growth
from .head_statistics import check_statistics, check_tokens
from .hidden_layers import check_growth, check_nothing_hidden
from .images import Image, Roles, possible_images
from .lift.pooling import pooled_axes, pools_window
from .operators import GLOBAL_POOLS, POOLS, REDUCTIONS
from .result import RefusalCode, refuse
from .shapes import Shape
from .trunk.positions import Positions
from .use_def import is_standard, reached, upstream
from .view_chain import is_view
from .window import Window
from .window_chain import window_behind


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
        self._images = possible_images(graph, images)
        self._from_image = reached(graph, self._images)
        self._lost = positions.refusal
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
            collapse = self._collapse(node, data, dense=dense)
            if collapse is not None:
                found.append(collapse)
                inside.update(id(output) for output in node.outputs)
        found += self._single_cells(found)
        if found:
            self._check_single_image(found)
            check_statistics(self._graph, found, self._growth.is_statistic)
            check_tokens(found, self._growth, self.roles)
        else:
            check_nothing_hidden(self._graph, self._images)
            check_growth(self._graph, self._growth, self._meets_map, self._constants, self._lost)
        return found

    def roles(self, tensor: gs.Tensor) -> Roles | None:
        """Roles of the axes of a tensor of the trunk; ``None`` where they are not known."""
        return self._maps.roles(tensor)

    def _collapse(self, node: gs.Node, data: gs.Tensor, *, dense: bool) -> Collapse | None:
        """The collapse at a dense layer or a pool; ``None`` where it belongs to the trunk.

        Raises:
            Refused: a dense layer reads no feature map, or a map does not grow.
        """
        # A view before the node is as much the map as what the view reads.
        if self._meets_map(node):
            return None
        start = self._start(node, data, list(self._maps.before(data, dense=dense)), dense=dense)
        if start is None:
            return None
        source, chain = start
        return Collapse(node, self._maps.window(node, source), tuple(chain))

    def _start(
        self, node: gs.Node, data: gs.Tensor, walks: Sequence[Walk], *, dense: bool
    ) -> Walk | None:
        """Where the head of a dense layer or a pool starts, and what stands between.

        Args:
            node: the layer or the pool.
            data: what it reads.
            walks: back to a map through views, the best first.
            dense: whether it is a dense layer.

        Returns:
            The first of these walks that a head can take, else one that goes further, to a map or
            to tokens. Where there is none, that of a head without a map, which says what is
            missing; ``None`` where the node starts no head.
        """
        for walk in walks:
            if self._maps.roles(walk[0]) is not None and self._starts(node, *walk, dense=dense):
                return walk
        for source, chain in (self._maps.far_before(data), self._maps.tokens_before(data)):
            if (
                self._starts(node, source, chain, dense=dense)
                and self._behind(node, source, chain) is not None
                and not self._meets_map(chain[0] if chain else node)
            ):
                return source, chain
        lacks_map = dense or any(self._pools_map(node, *walk) for walk in walks)
        return walks[-1] if lacks_map else None

    def _single_cells(self, found: Sequence[Collapse]) -> list[Collapse]:
        """Views that take the spatial axes off a map which is one cell at the original size.

        Args:
            found: the collapses at dense layers and pools.
        """
        behind = [node for collapse in found for node in nodes_behind(self._graph, collapse.first)]
        before = {node for collapse in found for node in upstream(collapse.window.source)}
        taken = {id(node) for node in behind} | before
        cells: list[Collapse] = []
        for node in self._graph.nodes:
            if id(node) in taken or not is_view(node, self._constants):
                continue
            *_, (source, chain) = self._maps.before(node.inputs[0], dense=False)
            if not self._maps.is_single_cell(source):
                continue
            first = chain[0] if chain else node
            rest = nodes_behind(self._graph, first)
            if not self._is_trunk(first, rest):
                cells.append(Collapse(node, self._maps.window(node, source), tuple(chain)))
                taken.update(map(id, rest))
        return cells

    def _is_trunk(self, first: gs.Node, rest: Sequence[gs.Node]) -> bool:
        """Whether a map follows from a node, or meets what does."""
        outputs = (output for node in rest for output in node.outputs)
        return self._meets_map(first) or any(map(self._maps.is_map, outputs))

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
        window = self._behind(node, source, chain)
        return window is not None and pools_window(window, axes)

    def _behind(
        self, reader: gs.Node, source: gs.Tensor, chain: Sequence[gs.Node]
    ) -> Window | None:
        """The window that a node reads; ``None`` where the chain before it cannot be followed."""
        return window_behind(
            self._graph,
            chain,
            reader,
            self._maps.window(reader, source, grows=False),
            self._shapes,
            self._constants,
        )

    def _starts(
        self, node: gs.Node, source: gs.Tensor, chain: Sequence[gs.Node], *, dense: bool
    ) -> bool:
        """Whether a head can start at the map where the chain before a layer or a pool does."""
        known = self._maps.is_known(source) and self._maps.grows(source)
        return known and (dense or self._pools_map(node, source, chain))

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
            if not sources.isdisjoint(reached(self._graph, [image]))
        ]
        if len(reaching) > 1:
            raise refuse(
                RefusalCode.SECOND_IMAGE,
                collapses[0].node,
                expected="one image that reaches the head",
                found=f"{len(reaching)} inputs with spatial axes: {', '.join(reaching)}",
            )
