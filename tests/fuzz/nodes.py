"""Mutations of nodes, of the edges between them, and of what surrounds a graph."""

import random

import onnx
from onnx import AttributeProto, ModelProto, NodeProto

from .tensors import HOSTILE

_OPERATORS = (
    "Add Concat Constant ConstantOfShape Conv ConvTranspose CumSum DepthToSpace Einsum Expand"
    " EyeLike Flatten Gather GatherND Gemm GlobalAveragePool GlobalMaxPool Identity If LSTM Loop"
    " MatMul MaxPool MaxUnpool NonZero Pad QLinearConv Range ReduceMean Reshape Resize RoiAlign"
    " Scan SequenceAt Shape Size Slice Softmax SpaceToDepth Split SplitToSequence Squeeze Tile TopK"
    " Transpose Unsqueeze Upsample Where Nonsense"
).split()
_ATTRIBUTES = (
    "axis axes kernel_shape strides pads dilations group perm transA transB keepdims alpha value"
    " shape mode auto_pad to start end blocksize output_shape num_outputs select_last_index"
).split()


def change_edge(model: ModelProto, choice: random.Random) -> None:
    """Let a node read or write another tensor: cycles, duplicates, missing names."""
    graph = model.graph
    node = choice.choice(graph.node)
    names = ["", "missing", *(name for n in graph.node for name in (*n.input, *n.output))]
    names += [entry.name for entry in (*graph.input, *graph.initializer)]
    ends = node.input if choice.random() < 0.7 else node.output
    kind = choice.randrange(4)
    if kind <= 1 and ends:
        ends[choice.randrange(len(ends))] = choice.choice([*names, *node.output])
    elif kind == 2:
        ends.append(choice.choice(names))
    elif ends:
        del ends[choice.randrange(len(ends))]


def change_node(model: ModelProto, choice: random.Random) -> None:
    """Remove, repeat, move or rename a node."""
    nodes = model.graph.node
    at = choice.randrange(len(nodes))
    kind = choice.randrange(6)
    if kind == 0:
        del nodes[at]
    elif kind == 1:
        nodes.append(nodes[at])
    elif kind == 2:
        moved = NodeProto()
        moved.CopyFrom(nodes[at])
        del nodes[at]
        nodes.insert(choice.randint(0, len(nodes)), moved)
    elif kind == 3:
        nodes[at].op_type = choice.choice(_OPERATORS)
    elif kind == 4:
        nodes[at].domain = choice.choice(["ai.onnx", "com.microsoft", "ai.onnx.ml", "other", "\0"])
    else:
        nodes[at].name = choice.choice(["", nodes[0].name, "n" * 99_999, "\n[red]x"])


def change_attribute(model: ModelProto, choice: random.Random) -> None:
    """Change, remove or add an attribute."""
    node = choice.choice([n for n in model.graph.node if n.attribute] or [model.graph.node[0]])
    if not node.attribute or choice.random() < 0.2:
        number = choice.choice(HOSTILE)
        value = choice.choice([number, [number] * choice.choice([1, 2, 4, 99]), 1e30, "text"])
        node.attribute.append(onnx.helper.make_attribute(choice.choice(_ATTRIBUTES), value))
        return
    attribute: AttributeProto = choice.choice(node.attribute)
    kind = choice.randrange(6)
    if kind == 0:
        node.attribute.remove(attribute)
    elif kind == 1:
        attribute.type = choice.randrange(15)
    elif kind == 2:
        attribute.name = choice.choice(_ATTRIBUTES)
    elif attribute.ints and kind == 3:
        attribute.ints.append(choice.choice(HOSTILE))
    elif attribute.ints:
        attribute.ints[choice.randrange(len(attribute.ints))] = choice.choice(HOSTILE)
    elif attribute.type == AttributeProto.FLOAT:
        attribute.f = choice.choice([float("nan"), float("inf"), -1.0, 1e30])
    elif attribute.type == AttributeProto.STRING:
        attribute.s = choice.choice([b"", b"\xff\xfe", b"linear", b"SAME_UPPER", b"DCR"])
    else:
        attribute.i = choice.choice(HOSTILE)


def change_versions(model: ModelProto, choice: random.Random) -> None:
    """Change the opset or the IR version."""
    kind = choice.randrange(4)
    if kind == 0:
        model.ir_version = choice.choice([*range(1, 16), -1, 2**62])
    elif kind == 1 and model.opset_import:
        entry = choice.choice(model.opset_import)
        entry.version = choice.choice([*range(-1, 31), 2**31, 2**62])
    elif kind == 2:
        model.opset_import.add(domain=choice.choice(["", "ai.onnx", "other"]), version=11)
    else:
        del model.opset_import[:]


def change_names(model: ModelProto, choice: random.Random) -> None:
    """Rename, repeat or remove an entry of the graph's lists."""
    graph = model.graph
    entries = choice.choice([graph.input, graph.output, graph.initializer, graph.value_info])
    if not entries:
        return
    entry = choice.choice(entries)
    kind = choice.randrange(3)
    if kind == 0:
        others = [*graph.input, *graph.output, *graph.initializer, *graph.value_info]
        entry.name = choice.choice(["", "missing", choice.choice(others).name])
    elif kind == 1:
        entries.append(entry)
    else:
        entries.remove(entry)
