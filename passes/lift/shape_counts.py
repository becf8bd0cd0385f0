"""Numbers that a head computes from shapes, such as how many features there are."""

import numpy as np
import onnx_graphsurgeon as gs

from ..evaluation import evaluate
from ..shapes import shape_value
from ..use_def import is_standard, upstream
from .head import Head
from .lifted import Cells


def count_in(tensor: gs.Tensor, head: Head) -> np.ndarray | None:
    """Value of a tensor that is computed from shapes of a head's tensors alone.

    Args:
        tensor: the tensor.
        head: the head, matched up to there.

    Returns:
        The value for any window, ``None`` where the number of samples changes it, or where a
        shape is not known.
    """
    first, other = (_value(tensor, head, samples) for samples in (head.samples, head.samples + 1))
    if first is None or other is None:
        return None
    return first if np.array_equal(first, other) else None


def _value(tensor: gs.Tensor, head: Head, samples: int) -> np.ndarray | None:
    """The value for some number of samples."""
    behind = upstream(tensor)
    known: dict[int, np.ndarray] = {}
    for node in head.graph.nodes:
        if id(node) not in behind or not is_standard(node, "Shape"):
            continue
        measured = node.inputs[0]
        extents = list(head.shapes.get(measured.name, ()))
        lifted = head.lifted.get(id(measured))
        batch = lifted.axes.index(0) if isinstance(lifted, Cells) and 0 in lifted.axes else 0
        if lifted is None or batch >= len(extents):
            return None
        extents[batch] = samples
        value = shape_value(node, extents)
        if value is None:
            return None
        known[id(node.outputs[0])] = value
    try:
        return evaluate(head.graph, tensor, known)
    except Exception:  # whatever numpy raises where the numbers do not fit
        return None
