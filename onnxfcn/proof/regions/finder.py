"""Find the regions of the trunk that a rewrite changed, by comparing the two models.

A tensor is shared where an equal node computes it from shared tensors. Around a node without an
equal one lies a region: the nodes between the next spatial tensor behind it that both models have
under one name, and the last shared spatial tensors before it. If the two models do the same there,
which ``region_proof`` finds out, the tensor behind the region is shared as well.

An equal node may be one that should have been changed. One that does not hand the image's axes on
(a sum over all positions, a cut of seven rows) is doubted, and lies in a region too.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass, replace

from onnx import NodeProto

from passes.operators import GLOBAL_POOLS, MOVES_DATA, POOLS, REDUCTIONS

from ...files.operands import operands
from ..graph_links import GraphLinks, node_text
from ..model_pair import ModelPair
from .twins import Twins

_STATISTICS = frozenset("GlobalAveragePool GlobalMaxPool ReduceMax ReduceMean ReduceMin".split())
"""Operators that say the same of a map and of its repetition."""
_COLLAPSES = GLOBAL_POOLS | POOLS | REDUCTIONS
"""Operators that end a trunk, if anything does."""


@dataclass(frozen=True)
class Region:
    """A part of the trunk that the two models compute by different nodes, or by doubtful ones.

    Attributes:
        output: name of the tensor that it computes.
        inputs: names of the tensors that the original computes it from.
        nodes: the original's nodes between them, in graph order.
        twin_inputs: names of the tensors that the rewritten model computes it from.
        twin_nodes: the rewritten model's nodes between those, in graph order.
        suspects: the original's nodes that make it a region, for people.
        changed: whether the rewritten model lacks one of them.
        is_global: whether the original computes something of the map as a whole there.
        required: whether it must be proven; unchanged nodes of which nothing can be told are
            taken for what they are, unless it is for them that an output does not grow.
        stops: names of the tensors at which it could have begun.
    """

    output: str
    inputs: frozenset[str]
    nodes: tuple[NodeProto, ...]
    twin_inputs: frozenset[str]
    twin_nodes: tuple[NodeProto, ...]
    suspects: tuple[str, ...]
    changed: bool
    is_global: bool
    required: bool
    stops: frozenset[str]


@dataclass(frozen=True)
class SharedTrunk:
    """What two models have in common.

    Attributes:
        untouched: names of the tensors that equal nodes compute.
        shared: those, and what depends on regions, given that the regions are proven.
        regions: the regions, in graph order; first those with changed nodes.
        is_whole: whether the rewritten model has all of the original's nodes, and no others.
    """

    untouched: frozenset[str]
    shared: frozenset[str]
    regions: tuple[Region, ...]
    is_whole: bool


class TrunkFinder:
    """Finds what two models share, and the regions in between."""

    def __init__(self, pair: ModelPair, named: Set[str] = frozenset()) -> None:
        """Compare two models.

        Args:
            pair: the models.
            named: names of the feature maps, where the user says which they are: the trunk ends
                there.
        """
        graph = pair.original.proto.graph
        self._graph, self._twin_graph = GraphLinks(graph), GraphLinks(pair.rewritten.proto.graph)
        self._pair, self._growth = pair, pair.growth
        self._small = pair.original_shapes(pair.image.size)
        self._twins = Twins(pair.original, pair.rewritten)
        self._outputs = [value.name for value in graph.output]
        self._named = named
        self._before = self._graph.before(named)

    def trunk(self, barred: Set[str] = frozenset()) -> SharedTrunk:
        """What the two models share.

        Args:
            barred: names of tensors at which no region is to end.
        """
        shared, regions = self._find(self._twins.unchanged, barred)
        certain, doubted = self._find(self._is_trusted, barred)
        regions += [region for region in doubted if not region.changed]
        regions += self._confined_outputs(certain)
        if self._named:
            regions = [region for region in regions if region.output in self._before]
        nodes = self._graph.nodes
        return SharedTrunk(
            untouched=self._twins.untouched,
            shared=frozenset(shared),
            regions=tuple(regions),
            is_whole=len(nodes) == len(self._twin_graph.nodes)
            and all(map(self._twins.unchanged, nodes)),
        )

    def enlarged(self, region: Region) -> Region | None:
        """The region with the same end that begins earlier.

        It fits where a region begins with what cannot have just any values, as a random map has:
        weights of positions that sum up to one, say.

        Returns:
            The region; ``None`` where there is nothing before its beginning.
        """
        stops = region.stops - region.inputs - region.twin_inputs
        larger = self._region(region.output, stops, self._twins.unchanged)
        if len(larger.nodes) == len(region.nodes):
            return None
        return replace(
            larger, suspects=region.suspects, changed=region.changed, required=region.required
        )

    def _find(
        self, settled: Callable[[NodeProto], bool], barred: Set[str]
    ) -> tuple[set[str], list[Region]]:
        """Shared tensors, and the regions around the nodes that are not settled."""
        shared = set(self._twins.given)
        ends: list[str] = []
        for node in self._graph.nodes:
            if settled(node) and shared.issuperset(operands(node)):
                shared.update(name for name in node.output if name)
            else:
                # All at once: a region must not begin at another output of its own node.
                names = [name for name in node.output if name not in barred]
                closed = [name for name in names if self._ends_region(name, shared)]
                shared.update(closed)
                ends += closed
        stops = self._stops(shared)
        return shared, [self._region(name, stops, settled) for name in ends]

    def _region(
        self, output: str, stops: frozenset[str], settled: Callable[[NodeProto], bool]
    ) -> Region:
        inputs, nodes = self._graph.between(output, stops)
        twin_inputs, twin_nodes = self._twin_graph.between(output, stops)
        suspects = [node for node in nodes if not settled(node)]
        changed = not all(map(self._twins.unchanged, suspects))
        return Region(
            output=output,
            inputs=inputs,
            nodes=nodes,
            twin_inputs=twin_inputs,
            twin_nodes=twin_nodes,
            suspects=tuple(map(node_text, suspects)),
            changed=changed,
            is_global=any(
                node.op_type not in MOVES_DATA and self._growth.is_reduced_by(node)
                for node in nodes
            ),
            required=changed or self._growth.is_confined(output),
            stops=stops,
        )

    def _confined_outputs(self, shared: Set[str]) -> list[Region]:
        """Regions that end in outputs which lost an axis of the image at a doubted node."""
        stops = self._stops(shared)
        producers = self._graph.producers.keys() & self._twin_graph.producers.keys()
        ends = [n for n in self._outputs if n in producers and self._growth.is_confined(n)]
        regions = [self._region(name, stops, self._is_trusted) for name in ends]
        return [region for region in regions if any(map(self._loses_the_image, region.nodes))]

    def _ends_region(self, name: str, shared: Set[str]) -> bool:
        """Whether both models have a tensor that is spatial, and alike at the original size."""
        return (
            name in self._twin_graph.producers
            and self._growth.axes(name) is not None
            and self._growth.shape(name) == self._small.get(name)
            and (name in self._named or not self._begins_the_head(name, shared))
        )

    def _begins_the_head(self, name: str, shared: Set[str]) -> bool:
        """Whether an axis of the image collapses to one cell between here and the trunk.

        Where the map has but one cell anyway, a pool or a reduction counts as a collapse. What
        strides in the original as it does in the rewritten model is no head that slides.
        """
        extents = self._growth.extents(name)
        inputs, nodes = self._graph.between(name, self._stops(shared))
        maps = [each for each in inputs if self._growth.axes(each)]
        if name in self._pair.grow_alike and self._growth.strides(name, maps):
            return False
        before = [self._growth.extents(each) for each in maps]
        if max(extents) == 1 and any(node.op_type in _COLLAPSES for node in nodes):
            return True
        return any(
            extent == 1 and all(others[axis] > 1 for others in before)
            for axis, extent in enumerate(extents)
        )

    def _stops(self, shared: Set[str]) -> frozenset[str]:
        """The shared tensors that are spatial, so that a walk towards the image ends there."""
        return frozenset(name for name in shared if self._growth.axes(name) is not None)

    def _is_trusted(self, node: NodeProto) -> bool:
        """Whether a node is unchanged, and none that should perhaps have been changed."""
        return self._twins.unchanged(node) and not self._loses_the_image(node)

    def _loses_the_image(self, node: NodeProto) -> bool:
        """Whether a node makes something of fixed extent of a map that is no mere statistic."""
        return node.op_type not in _STATISTICS and self._growth.is_reduced_by(node)
