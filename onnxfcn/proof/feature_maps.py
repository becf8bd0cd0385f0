"""Find the feature maps of a model by comparing it with its rewritten form.

Nothing is asked of the passes: a tensor is shared when both models compute it from the image by
equal nodes and equal weights, or by regions that are proven to do the same (``regions``). The
feature maps are the last shared tensors that grow with the image. Together they separate the image
from the outputs; what follows them in the original is the head, which becomes a model of its own.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from onnx import NodeProto

from ..errors import ValidationFailedError
from ..files.operands import operands
from .graph_links import GraphLinks, node_text
from .growth_rates import GrowthRates
from .model_pair import ModelPair


@dataclass(frozen=True)
class Frontier:
    """Where trunk and head part, for the outputs that read the same feature maps.

    Attributes:
        feature_maps: names of the feature maps.
        templates: names of trunk tensors of which the head reads nothing but the shape.
        head: the original's nodes behind them, in graph order.
        outputs: the original's outputs that the head computes.
    """

    feature_maps: tuple[str, ...]
    templates: tuple[str, ...]
    head: tuple[NodeProto, ...]
    outputs: tuple[str, ...]


def find_frontiers(
    pair: ModelPair, shared: Set[str], named: Set[str] = frozenset()
) -> list[Frontier]:
    """Feature maps and heads of the original, one for each set of feature maps.

    Outputs that answer once an image have a frontier apart from those that answer once a window.

    Outputs that do not depend on the image, and feature maps that are outputs themselves, have
    no head and are left out: a model of such outputs alone has no frontier.

    Args:
        pair: the models.
        shared: names of the tensors that mean the same in both models.
        named: names of the feature maps, where the user says which they are.

    Raises:
        ValidationFailedError: the two models share no tensors that separate image and outputs.
    """
    graph, growth = pair.original.proto.graph, pair.growth
    # Positions on one axis, such as tokens, cannot be cut into windows: what they were made of can.
    maps = {*named} or {
        name
        for name in shared
        if len(growth.shapes.get(name, ())) >= 3 and growth.spatial(name) and growth.slides(name)
    }
    walk = _Walk(GraphLinks(graph), maps, shared, pair.image.name)
    heads: dict[tuple[tuple[str, ...], bool], list[_WayBack]] = {}
    for output in (value.name for value in graph.output if value.name not in maps):
        way = walk.back_from(output)
        if way.feature_maps:
            _check_axes(way, growth, walk.links)
            key = (tuple(sorted(way.feature_maps)), bool(growth.spatial(output)))
            heads.setdefault(key, []).append(way)
    if not heads and maps.isdisjoint(output.name for output in graph.output):
        raise ValidationFailedError("no output of the model depends on a feature map")
    return [_frontier(found, ways, walk.links) for (found, _), ways in heads.items()]


@dataclass(frozen=True)
class _WayBack:
    """The way from an output back to feature maps.

    Attributes:
        output: its name.
        feature_maps: names of the feature maps.
        templates: names of tensors of the trunk of which only the shape is read.
        nodes: indices of the nodes in between.
    """

    output: str
    feature_maps: frozenset[str]
    templates: frozenset[str]
    nodes: frozenset[int]


@dataclass(frozen=True)
class _Walk:
    """Goes back from outputs.

    Attributes:
        links: the original's graph.
        maps: names of tensors that may be feature maps.
        shared: names of the tensors that mean the same in both models.
        image: name of the image.
    """

    links: GraphLinks
    maps: Set[str]
    shared: Set[str]
    image: str

    def back_from(self, output: str) -> _WayBack:
        """Go back from an output to feature maps.

        Raises:
            ValidationFailedError: a way ends at the image.
        """
        found, templates, nodes = set[str](), set[str](), set[int]()
        pending, producers = [output], self.links.producers
        while pending:
            name = pending.pop()
            if name in self.maps:
                found.add(name)
            elif name == self.image:
                raise ValidationFailedError(
                    f"no feature map lies between the image '{name}' and the output '{output}': the"
                    " two models have too little in common to be compared cell by cell; name the"
                    " feature maps (--feature-map)"
                )
            elif name in producers and producers[name] not in nodes:
                nodes.add(producers[name])
                node = self.links.nodes[producers[name]]
                if node.op_type == "Shape" and node.input[0] in self.shared:
                    templates.add(node.input[0])
                else:
                    pending += operands(node)
        return _WayBack(output, frozenset(found), frozenset(templates), frozenset(nodes))


def _check_axes(way: _WayBack, growth: GrowthRates, links: GraphLinks) -> None:
    """An output that grows must do so along an axis of its own for each axis of the image."""
    if growth.spatial(way.output) and not growth.slides(way.output):
        nodes = [links.nodes[index] for index in sorted(way.nodes)]
        readers = [n for n in nodes if not way.feature_maps.isdisjoint(operands(n))]
        raise ValidationFailedError(
            f"'{way.output}' has not one axis for each axis of the image: what comes from"
            f" {', '.join(map(node_text, readers))} does not grow as the image does"
        )


def _frontier(
    feature_maps: tuple[str, ...], ways: Sequence[_WayBack], links: GraphLinks
) -> Frontier:
    """The frontier of all outputs that read the same feature maps."""
    indices = {index for way in ways for index in way.nodes}
    head = tuple(links.nodes[index] for index in sorted(indices))
    computed = {name for node in head for name in node.output}
    templates = {name for way in ways for name in way.templates}
    return Frontier(
        feature_maps=feature_maps,
        templates=tuple(sorted(templates - {*feature_maps} - computed)),
        head=head,
        outputs=tuple(way.output for way in ways),
    )
