"""Find the feature maps of a model by comparing it with its rewritten form.

Nothing is asked of the passes: a tensor is shared when both models compute it from the image by
equal nodes and equal weights, and the feature maps are the last shared tensors that grow with the
image. Together they separate the image from the outputs; what follows them in the original is the
head, which becomes a model of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from passes.skeleton import Shape

from .errors import ValidationFailedError
from .stored_model import FIRST_IR_WITHOUT_WEIGHT_INPUTS


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
    original: ModelProto,
    rewritten: ModelProto,
    image: str,
    small: Mapping[str, Shape],
    large: Mapping[str, Shape],
) -> list[Frontier]:
    """Feature maps and heads of the original, one for each set of feature maps.

    Outputs that answer once an image have a frontier apart from those that answer once a window.

    Outputs that do not depend on the image, and feature maps that are outputs themselves, have
    no head and are left out.

    Args:
        original: the model before the rewrite.
        rewritten: the model after it.
        image: name of the image input.
        small: static shapes of the rewritten model's tensors at the original image size.
        large: the same at a larger size.

    Raises:
        ValidationFailedError: the two models share no tensors that separate image and outputs.
    """
    shared = shared_tensors(original.graph, rewritten.graph)
    maps = {name for name in shared if _grows(small.get(name), large.get(name))}
    producers = {name: node for node in original.graph.node for name in node.output if name}
    heads: dict[tuple[tuple[str, ...], bool], list[tuple[str, set[int], set[str]]]] = {}
    for output in original.graph.output:
        found, templates, nodes = _walk(output.name, maps, shared, producers, image)
        if found and output.name not in maps:
            slides = small.get(output.name) != large.get(output.name)
            key = (tuple(sorted(found)), slides)
            heads.setdefault(key, []).append((output.name, nodes, templates))
    if not heads:
        raise ValidationFailedError("no output of the model depends on a feature map")
    frontiers = []
    for (feature_maps, _), members in heads.items():
        inside = {index for _, nodes, _ in members for index in nodes}
        templates = {name for _, _, names in members for name in names}
        frontiers.append(
            Frontier(
                feature_maps=feature_maps,
                templates=tuple(sorted(templates - {*feature_maps})),
                head=tuple(node for node in original.graph.node if id(node) in inside),
                outputs=tuple(name for name, _, _ in members),
            )
        )
    return frontiers


def _walk(
    output: str,
    maps: set[str],
    shared: set[str],
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
                " two models have too little in common to be compared cell by cell"
            )
        node = producers.get(name)
        if node is None or id(node) in nodes:
            continue
        nodes.add(id(node))
        if node.op_type == "Shape" and node.input[0] in shared:
            templates.add(node.input[0])
            continue
        for operand in _operands(node):
            if operand and operand not in seen:
                seen.add(operand)
                pending.append(operand)
    return found, templates, nodes


def _grows(small: Shape | None, large: Shape | None) -> bool:
    if small is None or large is None:
        return False
    return len(small) == len(large) >= 3 and small[1:] != large[1:]


def shared_tensors(original: GraphProto, rewritten: GraphProto) -> set[str]:
    """Names of the tensors that both graphs compute by equal nodes from equal weights."""
    weights = {tensor.name: tensor for tensor in rewritten.initializer}
    shared = {
        tensor.name
        for tensor in original.initializer
        if tensor.name in weights and _same_weight(tensor, weights[tensor.name])
    }
    stored = {tensor.name for tensor in original.initializer}
    sparse = {tensor.values.name: tensor for tensor in rewritten.sparse_initializer}
    shared |= {
        tensor.values.name
        for tensor in original.sparse_initializer
        if sparse.get(tensor.values.name) == tensor
    }
    inputs = {value.name for value in rewritten.input} - weights.keys()
    shared |= {value.name for value in original.input if value.name in inputs} - stored
    nodes = {name: node for node in rewritten.node for name in node.output if name}
    for node in original.node:
        twin = next((nodes[name] for name in node.output if name in nodes), None)
        if (
            twin is not None
            and (twin.op_type, twin.domain) == (node.op_type, node.domain)
            and list(twin.input) == list(node.input)
            and list(twin.output) == list(node.output)
            and sorted(map(_bytes, twin.attribute)) == sorted(map(_bytes, node.attribute))
            and all(operand in shared for operand in _operands(node) if operand)
        ):
            shared.update(name for name in node.output if name)
    return shared


def _operands(node: NodeProto) -> Iterator[str]:
    """Names that a node reads; for a branch, all names that it might read from outside."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            own = {name for inner in graph.node for name in inner.output}
            own |= {value.name for value in (*graph.input,)}
            own |= {tensor.name for tensor in graph.initializer}
            for inner in graph.node:
                yield from (name for name in _operands(inner) if name not in own)


def _bytes(message: onnx.AttributeProto) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


def _same_weight(left: TensorProto, right: TensorProto) -> bool:
    if left.dims != right.dims or left.data_type != right.data_type:
        return False
    external = TensorProto.EXTERNAL in (left.data_location, right.data_location)
    # External bytes may lie at another place; the comparison at the original size covers them.
    return external or left.raw_data == right.raw_data != b"" or left == right


def head_model(
    original: ModelProto,
    frontier: Frontier,
    inputs: Mapping[str, np.dtype],
    extra_outputs: Iterable[str],
) -> ModelProto:
    """The head of the original as a model: feature maps in, outputs out.

    Args:
        original: the model before the rewrite; not changed.
        frontier: where its head begins.
        inputs: data types of the feature maps and templates, by name.
        extra_outputs: inner tensors of the head to return as well.
    """
    names = {name for node in frontier.head for name in _operands(node)}
    model = ModelProto(ir_version=max(original.ir_version, FIRST_IR_WITHOUT_WEIGHT_INPUTS))
    model.opset_import.extend(original.opset_import)
    model.functions.extend(original.functions)
    graph = model.graph
    graph.name = "head"
    graph.node.extend(frontier.head)
    graph.initializer.extend(t for t in original.graph.initializer if t.name in names)
    graph.sparse_initializer.extend(
        t for t in original.graph.sparse_initializer if t.values.name in names
    )
    for name, dtype in inputs.items():
        element = onnx.helper.np_dtype_to_tensor_dtype(dtype)
        graph.input.append(onnx.helper.make_tensor_value_info(name, element, None))
    declared = {value.name: value for value in original.graph.output}
    graph.output.extend(declared[name] for name in frontier.outputs)
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in extra_outputs)
    return model
