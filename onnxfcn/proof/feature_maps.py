"""Find the feature maps of a model by comparing it with its rewritten form.

Nothing is asked of the passes: a tensor is shared when both models compute it from the image by
equal nodes and equal weights, or by regions that are proven to do the same (``regions``). The
feature maps are the last shared tensors that grow with the image. Together they separate the image
from the outputs; what follows them in the original is the head, which becomes a model of its own.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from onnx import NodeProto

from ..errors import ValidationFailedError
from ..files.operands import operands
from .graph_links import node_text
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
    producers = {name: node for node in graph.node for name in node.output if name}
    heads: dict[tuple[tuple[str, ...], bool], list[tuple[str, set[int], set[str]]]] = {}
    for output in graph.output:
        found, templates, nodes = _walk(output.name, maps, shared, producers, pair.image.name)
        if found and output.name not in maps:
            inside = [node for node in graph.node if id(node) in nodes]
            _check_axes(output.name, growth, inside, found)
            key = (tuple(sorted(found)), bool(growth.spatial(output.name)))
            heads.setdefault(key, []).append((output.name, nodes, templates))
    if not heads and maps.isdisjoint(output.name for output in graph.output):
        raise ValidationFailedError("no output of the model depends on a feature map")
    frontiers = []
    for (feature_maps, _), members in heads.items():
        indices = {index for _, nodes, _ in members for index in nodes}
        templates = {name for _, _, names in members for name in names}
        head = tuple(node for node in graph.node if id(node) in indices)
        computed = {name for node in head for name in node.output}
        frontiers.append(
            Frontier(
                feature_maps=feature_maps,
                templates=tuple(sorted(templates - {*feature_maps} - computed)),
                head=head,
                outputs=tuple(name for name, _, _ in members),
            )
        )
    return frontiers


def _check_axes(
    output: str, growth: GrowthRates, nodes: Sequence[NodeProto], feature_maps: Set[str]
) -> None:
    """An output that grows must do so along an axis of its own for each axis of the image."""
    if growth.spatial(output) and not growth.slides(output):
        readers = [n for n in nodes if not feature_maps.isdisjoint(operands(n))]
        raise ValidationFailedError(
            f"'{output}' has not one axis for each axis of the image: what comes from"
            f" {', '.join(map(node_text, readers))} does not grow as the image does"
        )


def _walk(
    output: str,
    maps: set[str],
    shared: Set[str],
    producers: Mapping[str, NodeProto],
    image: str,
) -> tuple[set[str], set[str], set[int]]:
    """Go back from an output to feature maps.

    Returns:
        Names of the feature maps, names of tensors of which only the shape is read, and the
        ``id`` of the nodes between them and the output.
    """
    found: set[str] = set()
    templates: set[str] = set()
    nodes: set[int] = set()
    pending, seen = [output], {output}
    while pending:
        name = pending.pop()
        if name in maps:
            found.add(name)
            continue
        if name == image:
            raise ValidationFailedError(
                f"no feature map lies between the image '{name}' and the output '{output}': the"
                " two models have too little in common to be compared cell by cell; name the"
                " feature maps (--feature-map)"
            )
        node = producers.get(name)
        if node is None or id(node) in nodes:
            continue
        nodes.add(id(node))
        if node.op_type == "Shape" and node.input[0] in shared:
            templates.add(node.input[0])
            continue
        for operand in operands(node):
            if operand not in seen:
                seen.add(operand)
                pending.append(operand)
    return found, templates, nodes
