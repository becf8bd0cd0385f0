"""Shapes of tensors, and tensors that hold shapes."""

from collections.abc import Sequence

import numpy as np
import onnx_graphsurgeon as gs

Dim = int | str | None
"""An extent, the name of a symbolic one, or ``None`` where nothing is known."""
Shape = tuple[Dim, ...]

LARGEST_SHAPE_OPERAND = 1024
"""Elements; a tensor with more of them is data: no operator takes a shape, an axis list or a scale
list as long as that."""

LARGEST_EXTENT = 2**63 - 1
"""What a shape can say, in int64; pads and repetitions may ask for more."""


def shape_value(node: gs.Node, dims: Sequence[Dim]) -> np.ndarray | None:
    """What a Shape node gives for a tensor with these extents; ``None`` where that is not known."""
    known = [dim for dim in dims if isinstance(dim, int)]
    if not known or len(known) != len(dims) or max(map(abs, known)) > LARGEST_EXTENT:
        return None
    start, end = node.attrs.get("start", 0), node.attrs.get("end", len(known))
    return np.array(known[start:end], np.int64)
