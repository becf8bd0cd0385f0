"""ONNX's checker, on a copy of the model without its weights: it would copy them several times."""

from collections.abc import Collection
from math import prod
from pathlib import Path

import onnx
from google.protobuf.message import Message
from onnx import ModelProto, NodeProto, TensorProto
from onnx.external_data_helper import uses_external_data

from passes.inference import drop_torn

from .stored_model import StoredModel
from .tensor_data import refer_no_more, stored_bytes, take_in, tensors

_LARGEST_KEPT = 1024
"""Elements; smaller constants may be shapes and axes, which shape inference reads."""


def check(model: StoredModel, *, infer_shapes: bool) -> str:
    """Ask the checker about a model.

    Args:
        model: the model; not changed. Of its weights, types and shapes are looked at.
        infer_shapes: whether declared shapes must agree with inferred ones as well.

    Returns:
        What the checker says, in one line; empty where it accepts the model.
    """
    try:
        skeleton = _skeleton(model.proto)
        for tensor in filter(uses_external_data, tensors(skeleton.graph)):
            _keep_type_and_shape(tensor, model.folder or Path())
        onnx.checker.check_model(skeleton)
        nodes = len(skeleton.graph.node)
        torn = drop_torn(skeleton) if infer_shapes else set()
        if torn:
            return f"'{min(torn)}' has a negative extent"
        # Where nodes are gone that inference cannot bear, it would miss what they make.
        if infer_shapes and len(skeleton.graph.node) == nodes:
            onnx.checker.check_model(skeleton, full_check=True)
    except Exception as error:  # of types of its own, and whatever its bindings raise
        return " ".join(str(error).split()) or type(error).__name__
    return ""


def _skeleton(model: ModelProto) -> ModelProto:
    """The model with its weights turned into inputs of the same type and shape."""
    skeleton = ModelProto()
    _copy_fields(model, skeleton, but=("graph",))
    _copy_fields(model.graph, skeleton.graph, but=("initializer", "node"))
    inputs = {value.name for value in model.graph.input}
    weights: dict[str, TensorProto] = {}
    for tensor in model.graph.initializer:
        if _is_weight(tensor):
            weights[tensor.name] = tensor
        else:
            skeleton.graph.initializer.append(tensor)
    for node in model.graph.node:
        if _makes_weight(node):
            weights[node.output[0]] = node.attribute[0].t
        else:
            skeleton.graph.node.append(node)
    skeleton.graph.input.extend(
        onnx.helper.make_tensor_value_info(name, tensor.data_type, tensor.dims)
        for name, tensor in weights.items()
        if name not in inputs
    )
    return skeleton


def _copy_fields(source: Message, target: Message, *, but: Collection[str]) -> None:
    """Copy the fields of a message, apart from some."""
    for field, value in source.ListFields():
        if field.name in but:
            continue
        if field.is_repeated:
            getattr(target, field.name).extend(value)
        elif field.message_type is not None:
            getattr(target, field.name).CopyFrom(value)
        else:
            setattr(target, field.name, value)


def _keep_type_and_shape(tensor: TensorProto, folder: Path) -> None:
    """Take external data off a tensor of a branch, which cannot become an input."""
    if prod(tensor.dims) <= _LARGEST_KEPT:
        take_in(tensor, folder)
    else:
        tensor.raw_data = bytes(stored_bytes(tensor))
        refer_no_more(tensor)


def _makes_weight(node: NodeProto) -> bool:
    """Whether a node is a Constant that is as good as an initializer."""
    if (node.op_type, node.domain) != ("Constant", "") or len(node.output) != 1:
        return False
    return [a.name for a in node.attribute] == ["value"] and _is_weight(node.attribute[0].t)


def _is_weight(tensor: TensorProto) -> bool:
    return prod(tensor.dims) > _LARGEST_KEPT or tensor.data_location == TensorProto.EXTERNAL
