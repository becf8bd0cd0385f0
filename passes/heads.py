"""Find where the spatial axes disappear, and the region of the graph that follows."""

from collections.abc import Mapping, Sequence

import onnx_graphsurgeon as gs

from .axis_roles import axis_roles, channels_first
from .collapse import Collapse, nodes_behind
from .evaluation import Constants
from .gates import has_positions, meets_map
from .head_statistics import check_statistics
from .hidden_layers import check_growth, check_nothing_hidden, stops_growth
from .images import GIVE_INPUT_SIZE, SYMBOLIC_BATCH, Image, spatial_axes
from .lift.pooling import POOLING, pooled_axes, pools_window
from .operators import GLOBAL_POOLS, POOLS, REDUCTIONS
from .result import RefusalCode, node_name, refuse
from .shapes import Shape
from .use_def import downstream, is_standard, producer, upstream
from .view_chain import is_view, walk_to_source
from .window import Window, whole_map
from .window_chain import window_behind


class HeadFinder:
    """Finds the collapses of one graph; changes nothing."""

    def __init__(
        self,
        graph: gs.Graph,
        images: Sequence[Image],
        shapes: Mapping[str, Shape],
        grown: Mapping[str, Shape],
        constants: Constants,
    ) -> None:
        """Look at a graph.

        Args:
            graph: the graph.
            images: its images.
            shapes: static shapes at the original image size, by tensor name.
            grown: the same at a much larger size.
            constants: constant tensors of the graph.
        """
        self._graph = graph
        self._position = {id(node): index for index, node in enumerate(graph.nodes)}
        self._sized_images = images
        self._shapes, self._grown = shapes, grown
        self._constants = constants
        self._roles = axis_roles(graph, shapes, images)
        self._maps = {
            tensor for tensor, roles in self._roles.items() if roles == channels_first(len(roles))
        }
        self._grown_maps = {
            id(tensor)
            for tensor in graph.tensors().values()
            if id(tensor) in self._maps and self._grows(tensor)
        }
        # An input with many axes may be an image whose layout nobody has told.
        self._images = [t for t in graph.inputs if len(shapes.get(t.name, ())) >= 3]
        self._from_image = {id(tensor) for tensor in self._images}
        for node in downstream(graph, self._images):
            self._from_image.update(id(output) for output in node.outputs)

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
            if not dense and not is_standard(node, *POOLING):
                continue
            second = dense and node.inputs[0] in self._constants
            data = node.inputs[1 if second else 0]
            if id(data) not in self._from_image:
                continue
            source, chain = walk_to_source(data, self._maps, self._constants)
            if self._meets_map(chain[0] if chain else node):
                continue
            if not self._starts(node, source, chain, dense=dense):
                far = walk_to_source(data, self._grown_maps, self._constants, far=True)
                if self._starts_far(node, *far, dense=dense):
                    source, chain = far
                elif not dense and not self._pools_map(node, source, chain):
                    continue
            found.append(Collapse(node, self._window(node, source), tuple(chain)))
            inside.update(id(output) for output in node.outputs)
        found += self._single_cells(found)
        if found:
            self._check_single_image(found)
            check_statistics(self._graph, found, self._stops_growth)
        else:
            check_nothing_hidden(self._graph, self._images)
            check_growth(self._graph, self._growing, self._meets_map, self._constants)
        return found

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
            source, chain = walk_to_source(node.inputs[0], self._maps, self._constants)
            first = chain[0] if chain else node
            rest = nodes_behind(self._graph, first)
            if self._is_single_cell(source) and not self._is_trunk(first, rest):
                cells.append(Collapse(node, self._window(node, source), tuple(chain)))
                taken.update(map(id, rest))
        return cells

    def _is_single_cell(self, tensor: gs.Tensor) -> bool:
        """Whether a map has one cell at the original size, and more on larger images."""
        if id(tensor) not in self._maps or id(tensor) not in self._from_image:
            return False
        shape, spatial = self._shapes[tensor.name], spatial_axes(self._roles[id(tensor)])
        growing = self._growing(tensor) or set()
        return all(shape[axis] == 1 for axis in spatial) and growing.issuperset(spatial)

    def _is_trunk(self, first: gs.Node, rest: Sequence[gs.Node]) -> bool:
        """Whether a map follows from a node, or meets what does."""
        outputs = (output for node in rest for output in node.outputs)
        return self._meets_map(first) or any(id(output) in self._maps for output in outputs)

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
        if shape is None or id(source) not in self._roles:
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
            self._window(reader, source, grows=False),
            self._shapes,
            self._constants,
        )

    def _starts(
        self, node: gs.Node, source: gs.Tensor, chain: Sequence[gs.Node], *, dense: bool
    ) -> bool:
        """Whether a head can start at the map where the chain before a layer or a pool does."""
        known = id(source) in self._roles and self._grows(source)
        return known and (dense or self._pools_map(node, source, chain))

    def _starts_far(
        self, node: gs.Node, source: gs.Tensor, chain: Sequence[gs.Node], *, dense: bool
    ) -> bool:
        """The same where pools along single axes, or layers at every position, are in the chain."""
        return (
            bool(chain)
            and self._starts(node, source, chain, dense=dense)
            and self._behind(node, source, chain) is not None
            and not self._meets_map(chain[0])
        )

    def _grows(self, tensor: gs.Tensor) -> bool:
        """Whether a map grows along all spatial axes, as far as that is known."""
        growing = self._growing(tensor)
        return growing is None or growing.issuperset(spatial_axes(self._roles[id(tensor)]))

    def _window(self, reader: gs.Node, source: gs.Tensor, *, grows: bool = True) -> Window:
        roles = self._roles.get(id(source))
        maker = producer(source)
        if roles is None or roles[0] != 0:
            raise refuse(
                RefusalCode.LAYOUT_UNKNOWN,
                maker or reader,
                expected="a tensor with a known layout, such as [N, C, H, W]",
                found=f"'{source.name}', which '{node_name(reader)}' ({reader.op}) reads",
                advice=""
                if maker and self._sized_images
                else "Say what the image's axes are: option input_layout, such as nchw",
            )
        if grows:
            self._check_grows(reader, source)
        shape = self._shapes[source.name]
        batch, *extents = shape
        known = tuple(extent for extent in extents if isinstance(extent, int))
        if len(known) != len(extents):
            sized = all(image.is_sized for image in self._sized_images)
            raise refuse(
                RefusalCode.SHAPE_UNKNOWN if sized else RefusalCode.INPUT_SIZE_NEEDED,
                reader,
                expected="a known size of the feature map",
                found=f"'{source.name}' of shape {list(shape)}",
                advice="" if sized else GIVE_INPUT_SIZE,
            )
        samples = batch if isinstance(batch, int) else SYMBOLIC_BATCH
        return whole_map(source, known, roles, samples)

    def _check_grows(self, reader: gs.Node, source: gs.Tensor) -> None:
        """A map that stays small on a large image cannot be slid over."""
        if self._grows(source):
            return
        culprit = self._first_that_stops_growth(source) or producer(source) or reader
        raise refuse(
            RefusalCode.BAKED_EXTENT,
            culprit,
            expected="a trunk whose feature map grows with the image",
            found=f"that '{source.name}' is {list(self._shapes[source.name])} at any image size",
        )

    def _growing(self, tensor: gs.Tensor) -> set[int] | None:
        """Axes that grow with the image; ``None`` where that is not known."""
        small, large = self._shapes.get(tensor.name), self._grown.get(tensor.name)
        if small is None or large is None or len(small) != len(large):
            return None
        if not all(isinstance(extent, int) for extent in (*small, *large)):
            return None
        return {axis for axis in range(len(small)) if small[axis] != large[axis]}

    def _first_that_stops_growth(self, source: gs.Tensor) -> gs.Node | None:
        """The first node behind the image after which fewer axes grow than before."""
        ancestors = upstream(source)
        for node in self._graph.nodes:
            if id(node) in ancestors and node.op != "Shape":
                before = [len(self._growing(tensor) or ()) for tensor in node.inputs]
                after = [len(self._growing(tensor) or ()) for tensor in node.outputs]
                if max(before, default=0) > max(after, default=0):
                    return node
        return None

    def _meets_map(self, first: gs.Node) -> bool:
        """Whether what follows from a node behind a map meets a spatial tensor again."""
        return meets_map(self._graph, first, self._position[id(first)], self._is_map)

    def _is_map(self, tensor: gs.Tensor) -> bool:
        shape = self._shapes.get(tensor.name, ())
        return id(tensor) in self._from_image and has_positions(shape, self._roles.get(id(tensor)))

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

    def _stops_growth(self, node: gs.Node) -> bool:
        """Whether a node reduces an axis that grows with the image."""
        pools = is_standard(node, *REDUCTIONS, *GLOBAL_POOLS)
        return pools and stops_growth(node, self._growing)
