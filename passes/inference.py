"""What onnx's shape inference cannot bear: on it, an assertion of C++ ends the process.

A Slice or a GatherND must read no negative extent. A kernel makes one that is larger than what it
reads, and so do margins that are cut off and wider than it: on a hostile model, or at an image size
that is too small.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import onnx

from .operators import ELEMENTWISE, GLOBAL_POOLS, KEEPS_AXES, MOVES_DATA, POOLS, REDUCTIONS

_NEEDY = frozenset({"GatherND", "Slice"})
"""Operators that end the process where they read a negative extent."""
_NEVER_NEGATIVE = (
    ELEMENTWISE
    | GLOBAL_POOLS
    | KEEPS_AXES
    | MOVES_DATA
    | REDUCTIONS
    | {"Constant", "Gemm", "Shape"}
) - {"Expand", "Pad", "Resize", "Split", "Tile", "Upsample"}
"""Operators that make no negative extent where they read none, whatever their operands say."""
_BODIES = frozenset({onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS})
_DEEPEST = 16
"""How often what was cut may become negative and be cut again: behind that, no cut is known."""


def drop_torn(model: onnx.ModelProto, *, data_prop: bool = False) -> set[str]:
    """Take out what inference cannot bear, so that what it makes is not known.

    Where a Slice or a GatherND is in the model, these are all nodes that make negative extents.
    Where one is in a branch or a body, which is not looked into, it is the whole node. A Split that
    tells another number of parts than it has goes as well.

    Args:
        model: the model; changed in place. Its functions are not looked into.
        data_prop: whether inference is to follow values, by which it knows more shapes.

    Returns:
        Names of the tensors with a negative extent.
    """
    nodes = model.graph.node
    if not any(_is_needy(node) or _holds_needy(node) or node.op_type == "Split" for node in nodes):
        # What is negative then ends no process: most models are done with here.
        return set()
    dropped = {
        index for index, node in enumerate(nodes) if _holds_needy(node) or _is_contradictory(node)
    }
    levels = _levels(model)
    torn = {value.name for value in model.graph.input if levels and _is_negative(value)}
    for value in model.graph.input:
        if value.name in torn:
            value.type.tensor_type.ClearField("shape")
    for level in range(min(max(levels.values(), default=-1), _DEEPEST) + 1):
        # Here are all negative extents behind the cuts of earlier levels, and no cut reads one.
        part = onnx.ModelProto()
        part.CopyFrom(model)
        _drop(part, dropped | {index for index, own in levels.items() if own >= level})
        torn |= _negative_extents(part, data_prop=data_prop)
        dropped |= {index for index, node in enumerate(nodes) if not torn.isdisjoint(node.output)}
    _drop(model, dropped | {index for index, own in levels.items() if own > _DEEPEST})
    return torn


def _negative_extents(model: onnx.ModelProto, *, data_prop: bool) -> set[str]:
    """Names of tensors that have one, of a model that inference can bear."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=data_prop).graph
    return {v.name for v in (*inferred.value_info, *inferred.output) if _is_negative(v)}


def _levels(model: onnx.ModelProto) -> dict[int, int]:
    """How often what a needy node reads was cut and may be negative since, by the node's index."""
    constants = _constants(model.graph)
    found: dict[int, int] = {}
    levels: dict[str, int] = {}
    cut: set[str] = set()
    for index, node in enumerate(model.graph.node):
        level = max((levels.get(name, 0) for name in node.input), default=0)
        is_cut = not cut.isdisjoint(node.input)
        if _is_needy(node):
            found[index] = level
            is_cut = True
        elif is_cut and _may_tear(node, constants):
            level, is_cut = level + 1, False
        levels.update(dict.fromkeys(node.output, level))
        cut.update(node.output if is_cut else ())
    return found


def _constants(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """Weights, as far as they are known: of those that are inputs, their dims."""
    found = {}
    for value in graph.input:
        dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        found[value.name] = onnx.TensorProto(dims=dims)
    found |= {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            found[node.output[0]] = node.attribute[0].t
    return found


def _may_tear(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> bool:
    """Whether a node might make a negative extent, where it reads none."""
    operand = constants.get(node.input[1]) if len(node.input) > 1 else None
    if node.domain or node.op_type in _NEVER_NEGATIVE:
        return bool(node.domain)
    if node.op_type == "Pad" and operand is not None and operand.data_type:
        return bool((onnx.numpy_helper.to_array(operand) < 0).any())
    if node.op_type in POOLS or node.op_type == "Conv":
        return _may_not_fit(node, [] if operand is None else operand.dims[2:])
    return True


def _may_not_fit(node: onnx.NodeProto, sizes: Sequence[int]) -> bool:
    """Whether a kernel may be larger than what it reads, of which there is one position."""
    attributes: Mapping[str, onnx.AttributeProto] = {a.name: a for a in node.attribute}
    kernel = attributes["kernel_shape"].ints if "kernel_shape" in attributes else sizes
    dilations = attributes["dilations"].ints if "dilations" in attributes else [1] * len(kernel)
    pads = attributes["pads"].ints if "pads" in attributes else [0] * 2 * len(kernel)
    padded = [1 + a + b for a, b in zip(pads, pads[len(kernel) :], strict=False)]
    spans = [(extent - 1) * by + 1 for extent, by in zip(kernel, dilations, strict=False)]
    return not kernel or any(span > length for span, length in zip(spans, padded, strict=False))


def _is_needy(node: onnx.NodeProto) -> bool:
    return node.op_type in _NEEDY and not node.domain


def _holds_needy(node: onnx.NodeProto) -> bool:
    """Whether a node has a branch or a body with a needy node in it."""
    holders = (attribute for attribute in node.attribute if attribute.type in _BODIES)
    bodies = chain.from_iterable((attribute.g, *attribute.graphs) for attribute in holders)
    return any(_is_needy(inner) or _holds_needy(inner) for body in bodies for inner in body.node)


def _is_contradictory(node: onnx.NodeProto) -> bool:
    """Whether a Split is into another number of parts than it has."""
    numbers = [attribute.i for attribute in node.attribute if attribute.name == "num_outputs"]
    return node.op_type == "Split" and any(number != len(node.output) for number in numbers)


def _is_negative(value: onnx.ValueInfoProto) -> bool:
    return any(dim.dim_value < 0 for dim in value.type.tensor_type.shape.dim)


def _drop(model: onnx.ModelProto, indices: Iterable[int]) -> None:
    for index in sorted(indices, reverse=True):
        del model.graph.node[index]
