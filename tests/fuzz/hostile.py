"""Mutations made to cost memory, time or safety: expressions, subgraphs, functions, paths."""

import os
import random
from pathlib import Path

import onnx
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto

from .tensors import HOSTILE

_LARGE = (2**20, 2**28, 2**31, 2**40, 2**62, -1)
_EXPRESSIONS = (
    "big = ConstantOfShape (large)",
    "big = Expand (one, large)",
    "big = Tile (one_vector, large)",
    "big = Range (zero, large_scalar, one)",
    "wide = Expand (one, large) big = Neg (wide)",
    "wide = ConstantOfShape (large) big = Cast <to = 1> (wide)",
    "wide = ConstantOfShape (large) big = NonZero (wide)",
    "padded = Concat <axis = 0> (zero_vector, large) big = Pad (one_vector, padded)",
    "big = OneHot (one_vector, large_scalar, pair)",
    "wide = Expand (one, large) big = Concat <axis = 0> (wide, wide)",
    "big = Einsum <equation = \"i,j,k,l->ijkl\"> (pair, pair, pair, pair)",
    "big = Unsqueeze (one, large)",
    "big = Gather (pair, large)",
    "big = Slice (pair, large, large)",
    "big = Pow (pair, large)",
    "big = BitShift <direction = \"LEFT\"> (pair, large)",
    "big = Div (pair, zero)",
    "big = Resize (image, none, none, sizes)",
    "big = Upsample <mode = \"nearest\"> (image, scales)",
    "big = BlackmanWindow (large_scalar)",
    "big = Trilu (pair, large_scalar)",
    "big = CenterCropPad (one_vector, large)",
    "big = ReduceSum <keepdims = 0> (pair, large)",
    "big = Split <axis = 0> (pair, large)",
)  # fmt: skip


def add_expression(model: ModelProto, choice: random.Random) -> None:
    """Compute an operand of a node by a constant expression of hostile size."""
    large = choice.choice(_LARGE)
    text = f"""
        <ir_version: 8, opset_import: ["" : 17]>
        g () => ()
        <int64[1] large = {{{large}}}, int64 large_scalar = {{{large}}}, int64 zero = {{0}},
         int64 one = {{1}}, int64[1] one_vector = {{1}}, int64[1] zero_vector = {{0}},
         int64[2] pair = {{3, 4}}, float[1,1,1,1] image = {{1}}, float[0] none = {{}},
         int64[4] sizes = {{1, 1, {large}, {large}}}, float[4] scales = {{1, 1, 1e9, 1e9}}>
        {{ {choice.choice(_EXPRESSIONS)} }}
    """
    expression = onnx.parser.parse_model(text).graph
    nodes = [NodeProto.FromString(node.SerializeToString()) for node in model.graph.node]
    users = [node for node in nodes if node.input]
    if not users:
        return
    user = choice.choice(users)
    user.input[choice.randrange(len(user.input))] = "big"
    if choice.random() < 0.5:
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info("big"))
    del model.graph.node[:]
    model.graph.node.extend([*expression.node, *nodes])
    model.graph.initializer.extend(expression.initializer)


def nest(model: ModelProto, choice: random.Random) -> None:
    """Put a node into branches within branches, some of them without what they need."""
    graph = model.graph
    inner = NodeProto()
    at = choice.randrange(len(graph.node))
    inner.CopyFrom(graph.node[at])
    if any(attribute.HasField("g") for attribute in inner.attribute):
        return  # deeper ones protobuf itself does not copy
    outputs = list(inner.output)
    condition = choice.choice([graph.node[0].output[0] if graph.node[0].output else "", "missing"])
    for depth in range(choice.choice([1, 2, 10, 23, 30])):
        branch = onnx.GraphProto(name=f"level{depth}", node=[inner])
        branch.output.extend(map(onnx.helper.make_empty_tensor_value_info, outputs))
        outer = NodeProto(op_type=choice.choice(["If", "If", "Loop", "Scan"]), output=outputs)
        outer.input.append(condition)
        names = ["then_branch", "else_branch"] if outer.op_type == "If" else ["body"]
        names = names[: choice.randint(1, 2)] if depth < 3 else names[:1]
        for name in names:
            attribute = outer.attribute.add(name=name, type=AttributeProto.GRAPH)
            attribute.g.CopyFrom(branch)
        inner = outer
    graph.node[at].CopyFrom(inner)


def add_function(model: ModelProto, choice: random.Random) -> None:
    """Call local functions: themselves, each other, or twice as often at every level."""
    node = choice.choice(model.graph.node)
    levels = choice.choice([1, 2, 20, 40])
    target = choice.choice(["f0", "f1", "Relu"])
    for level in range(levels):
        callee = f"f{level + 1}" if level + 1 < levels else target
        domain = "local" if callee.startswith("f") else ""
        calls = [
            NodeProto(op_type=callee, domain=domain, input=["x"], output=["y"]),
            NodeProto(op_type=callee, domain=domain, input=["y"], output=["z"]),
        ]
        function = onnx.helper.make_function(
            "local", f"f{level}", ["x"], ["z"], calls,
            [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("local", 1)],
        )  # fmt: skip
        model.functions.append(function)
    node.op_type, node.domain = "f0", "local"
    if choice.random() < 0.8:
        model.opset_import.add(domain="local", version=1)
        model.ir_version = max(model.ir_version, 8)


def move_outside(model: ModelProto, choice: random.Random) -> None:
    """Point a weight to a data file that is missing, too short, outside or no file at all."""
    if not model.graph.initializer:
        return
    tensor = choice.choice(model.graph.initializer)
    locations = [*_LOCATIONS, *_PLANTED]
    entries = {"location": choice.choice(locations)}
    if choice.random() < 0.6:
        entries["offset"] = choice.choice([*map(str, HOSTILE), "x", "1e3", ""])
    if choice.random() < 0.6:
        entries["length"] = choice.choice([*map(str, HOSTILE), str(len(tensor.raw_data)), "x"])
    if choice.random() < 0.1:
        del entries["location"]
    tensor.data_location = TensorProto.EXTERNAL
    if choice.random() < 0.8:
        tensor.ClearField("raw_data")
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)


_LOCATIONS = (
    "/etc/passwd", "/dev/zero", "/dev/stdin", "../outside.bin", "a/../../outside.bin", "", ".",
    "..", "missing.bin", "a\0b", "model.onnx", "x" * 5000, "a/" * 3000, "C:\\x", "~/.profile", "*",
)  # fmt: skip
_PLANTED = ("link_out", "link_to_folder/x", "link_to_itself", "folder", "pipe", "short.bin", "hole")


def plant(folder: Path) -> None:
    """Make a folder of models have beside them what ``move_outside`` points to."""
    (folder / "link_out").symlink_to("/etc/passwd")
    (folder / "link_to_folder").symlink_to(folder.parent)
    (folder / "link_to_itself").symlink_to(folder / "link_to_itself")
    (folder / "folder").mkdir()
    (folder / "short.bin").write_bytes(b"\0" * 64)
    os.mkfifo(folder / "pipe")
    with (folder / "hole").open("wb") as file:
        file.truncate(2**42)


def change_metadata(model: ModelProto, choice: random.Random) -> None:
    """Tell lies about a rewrite in the metadata."""
    key = choice.choice(
        ["onnxfcn.version", "onnxfcn.windows", "onnxfcn.geometry", "onnxfcn.geometry.output"]
        + [f"onnxfcn.{output.name}" for output in model.graph.output]
        + [entry.key for entry in model.metadata_props]
    )
    values = ["1", "[" * 50_000, "9" * 5000, "1e999999", "NaN", "{}", "[]", "null", '{"a": -1}']
    model.metadata_props.add(key=key, value=choice.choice(values))
