"""What onnx's shape inference cannot bear: a Slice of a tensor with a negative extent.

A kernel that is larger than what it reads gives such extents, on a hostile model or at an image
size that is too small. Inference of the Slice then ends the process in an assertion of C++.
"""

from collections.abc import Mapping

import onnx

_KERNELS = frozenset({"AveragePool", "Conv", "LpPool", "MaxPool"})
_DEEPEST = 16
"""Kernels that follow one another, with a Slice before each of them."""


def negative_extents(model: onnx.ModelProto) -> set[str]:
    """Names of tensors that Slices read and that have, or might have, a negative extent.

    Args:
        model: the model; not changed.
    """
    levels = _levels(model)
    torn: set[str] = set()
    for level in range(min(max(levels.values(), default=-1), _DEEPEST) + 1):
        whole = onnx.ModelProto()
        whole.CopyFrom(model)
        for node in filter(_is_slice, whole.graph.node):
            # One that cuts nothing leaves what is behind it as large as it can be.
            if levels[node.input[0]] >= level or node.input[0] in torn:
                keep_shape(node)
        inferred = onnx.shape_inference.infer_shapes(whole).graph.value_info
        torn |= {
            value.name
            for value in inferred
            if levels.get(value.name) == level
            and any(dim.dim_value < 0 for dim in value.type.tensor_type.shape.dim)
        }
    return torn | {name for name, level in levels.items() if level > _DEEPEST}


def _levels(model: onnx.ModelProto) -> dict[str, int]:
    """For each tensor that a Slice reads, how many kernels before it read what is cut."""
    weights = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    for value in model.graph.input:
        weights[value.name] = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    levels: dict[str, int] = {}
    cut: set[str] = set()
    read: dict[str, int] = {}
    for node in model.graph.node:
        level = max((levels.get(name, 0) for name in node.input), default=0)
        is_cut = any(name in cut for name in node.input)
        if _is_slice(node):
            read[node.input[0]] = level
            is_cut = True
        elif is_cut and node.op_type in _KERNELS and _may_not_fit(node, weights):
            level, is_cut = level + 1, False
        levels.update(dict.fromkeys(node.output, level))
        cut.update(node.output if is_cut else ())
    return read


def _may_not_fit(node: onnx.NodeProto, weights: Mapping[str, list[int]]) -> bool:
    """Whether a kernel may be larger than what it reads, of which there is one position."""
    attributes: Mapping[str, onnx.AttributeProto] = {a.name: a for a in node.attribute}
    if "kernel_shape" in attributes:
        kernel = list(attributes["kernel_shape"].ints)
    elif len(node.input) > 1 and node.input[1] in weights:
        kernel = weights[node.input[1]][2:]
    else:
        return True
    dilations = attributes["dilations"].ints if "dilations" in attributes else [1] * len(kernel)
    pads = attributes["pads"].ints if "pads" in attributes else [0] * 2 * len(kernel)
    padded = [1 + a + b for a, b in zip(pads, pads[len(kernel) :], strict=False)]
    spans = [(extent - 1) * by + 1 for extent, by in zip(kernel, dilations, strict=False)]
    return any(span > length for span, length in zip(spans, padded, strict=False))


def drop_torn_slices(model: onnx.ModelProto) -> None:
    """Take out the Slices that inference cannot bear: what they make is then not known."""
    torn = negative_extents(model)
    for index in reversed(range(len(model.graph.node) if torn else 0)):
        node = model.graph.node[index]
        if _is_slice(node) and node.input[0] in torn:
            del model.graph.node[index]


def keep_shape(node: onnx.NodeProto) -> None:
    """Let inference take a node for one that keeps the shape of its first input."""
    node.op_type = "Identity"
    del node.input[1:], node.attribute[:]


def _is_slice(node: onnx.NodeProto) -> bool:
    return node.op_type == "Slice" and not node.domain
