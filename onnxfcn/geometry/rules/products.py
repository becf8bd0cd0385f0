"""Matrix products."""

import numpy as np
import onnx_graphsurgeon as gs

from passes.result import node_name

from ..errors import DoesNotFitError
from ..seen import Seen, dropped, joined, moved, reduced
from ..trace import Rule, Trace


def _operand(node: gs.Node, trace: Trace, place: int) -> Seen:
    """A factor; the elements of constant ones are not told apart."""
    tensor = node.inputs[place]
    return trace.nothing(trace.shape(tensor), place) if trace.is_known(tensor) else trace[tensor]


def _turned(seen: Seen) -> Seen:
    return moved(seen, seen.shape[::-1], lambda array: array.T)


def _product(node: gs.Node, trace: Trace, left: Seen, right: Seen) -> Seen:
    """``[*, i, k]`` times ``[*, k, j]``: every element sees a row and a column."""
    if left.shape[-1] != right.shape[-2]:
        raise DoesNotFitError(f"{list(left.shape)} times {list(right.shape)}")
    salt, name = trace.salt(node), node_name(node)
    if len(left.varies) and len(right.varies) and len(left.shape) > 1:
        # Each term is a pair of elements.
        rows = _with_axis(left, len(left.shape))
        columns = _with_axis(right, len(right.shape) - 2)
        axis = max(len(left.shape), len(right.shape)) - 1
        terms = joined([rows, columns], salt)
        return dropped(reduced(terms, [axis], salt, name), [axis])
    rows = reduced(left, [len(left.shape) - 1], salt, name)
    columns = reduced(right, [len(right.shape) - 2], salt, name)
    return joined([rows, columns], salt)


def _with_axis(seen: Seen, axis: int) -> Seen:
    shape = (*seen.shape[:axis], 1, *seen.shape[axis:])
    return moved(seen, shape, lambda array: np.expand_dims(array, axis))


def matmul(node: gs.Node, trace: Trace) -> list[Seen]:
    """MatMul and its integer forms; vectors are rows or columns."""
    left = _operand(node, trace, 0)
    right = _operand(node, trace, 3 if node.op == "QLinearMatMul" else 1)
    from_left, from_right = len(left.shape) == 1, len(right.shape) == 1
    found = _product(
        node,
        trace,
        _with_axis(left, 0) if from_left else left,
        _with_axis(right, 1) if from_right else right,
    )
    if from_left:
        found = dropped(found, [len(found.shape) - 2])
    return [dropped(found, [len(found.shape) - 1]) if from_right else found]


def gemm(node: gs.Node, trace: Trace) -> list[Seen]:
    """Gemm."""
    left, right = _operand(node, trace, 0), _operand(node, trace, 1)
    left = _turned(left) if node.attrs.get("transA", 0) else left
    right = _turned(right) if node.attrs.get("transB", 0) else right
    found = _product(node, trace, left, right)
    if len(node.inputs) > 2 and node.inputs[2].name and not trace.is_known(node.inputs[2]):
        found = joined([found, trace[node.inputs[2]]], trace.salt(node))
    return [found]


RULES: dict[str, Rule] = {
    "Gemm": gemm,
    **dict.fromkeys(("MatMul", "MatMulInteger", "QLinearMatMul"), matmul),
}
