"""Numbers that a head computes from shapes, such as how many features or positions there are."""

from collections.abc import Collection, Sequence

import numpy as np
import onnx_graphsurgeon as gs

from ..evaluation import evaluate
from ..result import RefusalCode, refuse
from ..shapes import shape_value
from ..use_def import is_standard
from ..window import Scattered, Window
from .head import Head
from .lifted import Cells


def computes_shapes(node: gs.Node, head: Head, shapes: Collection[int]) -> bool:
    """Whether a node computes with shapes alone.

    Args:
        node: the node.
        head: the head, which knows the constants.
        shapes: ``id`` of the tensors so far that are computed from shapes.
    """
    if is_standard(node, "Shape"):
        return True
    operands = [tensor for tensor in node.inputs if tensor.name]
    return any(id(tensor) in shapes for tensor in operands) and all(
        id(tensor) in shapes or tensor in head.constants for tensor in operands
    )


def declare_counts(node: gs.Node, head: Head, shapes: Collection[int]) -> None:
    """Take numbers computed from shapes for constants, the same in every window.

    The head sees one window, which is the map at the original size: what stands before the head
    has the shape that it has there.

    Args:
        node: a node of the head that such numbers reach together with vectors.
        head: the head, matched up to there.
        shapes: ``id`` of the tensors that are computed from shapes alone.

    Raises:
        Refused: the number of samples changes such a number, or a shape cannot be told.
    """
    for tensor in node.inputs:
        if id(tensor) not in shapes or tensor in head.constants:
            continue
        value, other = (_value(tensor, head, head.samples + more) for more in (0, 1))
        if value is None or other is None or not np.array_equal(value, other):
            known = value is not None and other is not None
            raise refuse(
                RefusalCode.BATCH_MIXED if known else RefusalCode.SHAPE_UNKNOWN,
                node,
                expected="vectors of the head, constants, and numbers that shapes tell",
                found=f"'{tensor.name}', computed from shapes, "
                + (
                    "which the number of samples changes"
                    if known
                    else "of which one cannot be told"
                ),
            )
        head.constants.declare(tensor, value)


def _value(tensor: gs.Tensor, head: Head, samples: int) -> np.ndarray | None:
    """The value for some number of samples; ``None`` where a shape cannot be told."""
    known: dict[int, np.ndarray] = {}
    pending, seen = [*tensor.inputs], set[int]()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if not is_standard(node, "Shape"):
            pending += [maker for operand in node.inputs for maker in operand.inputs]
            continue
        value = _measured(node, head, samples)
        if value is None:
            return None
        known[id(node.outputs[0])] = value
    try:
        return evaluate(head.graph, tensor, known)
    except Exception:  # whatever numpy raises where the numbers do not fit
        return None


def _measured(node: gs.Node, head: Head, samples: int) -> np.ndarray | None:
    """What a Shape node gives for some number of samples; ``None`` where that cannot be told."""
    batch: Sequence[int | None] | None
    extents = list(head.shapes.get(node.inputs[0].name, ()))
    lifted, roles = head.lifted.get(id(node.inputs[0])), head.roles(node.inputs[0])
    if isinstance(lifted, Cells):
        batch = lifted.axes
    elif isinstance(lifted, Window):
        batch = (0,)
    elif isinstance(lifted, Scattered):
        batch = () if lifted.window.samples == 1 else None
    else:
        batch = roles
    if batch is None or len(batch) > len(extents):
        return None
    if 0 in batch:
        extents[batch.index(0)] = samples
    return shape_value(node, extents)
