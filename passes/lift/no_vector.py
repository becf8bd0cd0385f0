"""Refusals of tensors that cannot be lifted as vectors of a head."""

import onnx_graphsurgeon as gs

from ..result import RefusalCode, Refused, refuse
from ..shapes import Shape


def no_vector(node: gs.Node, tensor: gs.Tensor, *, constant: bool, grows: bool) -> Refused:
    """Refusal of a node that reads a tensor which is no part of the head.

    Args:
        node: the node.
        tensor: the tensor.
        constant: whether it is a constant.
        grows: whether it is larger on a larger image.
    """
    code, found = RefusalCode.SECOND_INPUT, "which is not a vector of the head"
    if constant:
        code, found = RefusalCode.NO_RULE, "a constant, where only vectors of the head may stand"
    elif grows:
        code, found = RefusalCode.WINDOWS_DIFFER, "which is larger on larger images: no one window"
    return refuse(
        code,
        node,
        expected="vectors of the head" if constant else "vectors of the head and constants",
        found=f"'{tensor.name}', {found}",
    )


def shape_unknown(node: gs.Node, tensor: gs.Tensor, shape: Shape | None) -> Refused:
    """Refusal of a node that needs a shape which is not known."""
    return refuse(
        RefusalCode.SHAPE_UNKNOWN,
        node,
        expected=f"a known shape of '{tensor.name}'",
        found="no shape" if shape is None else f"shape {list(shape)}",
        advice="Run onnx.shape_inference on the model, or give the option input_size",
    )
