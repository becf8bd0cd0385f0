"""What waits for the next dense layer, done on the map itself: factors and summands a channel."""

from collections.abc import Callable, Mapping
from math import prod

import numpy as np
import onnx_graphsurgeon as gs
from onnx import TensorProto
from onnx.helper import tensor_dtype_to_np_dtype

from ..result import RefusalCode, refuse
from ..splice import Splice
from ..window import Window

_FLOATING = (TensorProto.FLOAT16, TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.BFLOAT16)


def on_map(
    node: gs.Node, window: Window, types: Mapping[str, int]
) -> Callable[[Splice], gs.Tensor]:
    """The window's source with the factors and summands of its elements, for a node to read.

    Args:
        node: the node that reads the window.
        window: the window.
        types: data types by tensor name.

    Returns:
        What makes the tensor, in the layout of the window's source, right before the node.

    Raises:
        Refused: a factor or a summand differs between the positions of a channel, or the elements
            are integers.
    """
    if not window.is_affine:
        return lambda splice: window.source
    data = types.get(window.source.name or window.feature_map, TensorProto.UNDEFINED)
    scale, shift = (_a_channel(window, own) for own in (window.scale, window.shift))
    if data not in _FLOATING or scale is None or shift is None:
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="a dense layer after constants of one number per element",
            found=f"{node.op}, which they cannot be folded into",
        )
    dtype = tensor_dtype_to_np_dtype(data)
    # Of tokens, the positions are one axis: those behind the first say nothing of their own.
    roles = [role for role in window.roles[1:] if role <= 2 or window.tokens is None]
    shape = [window.channels if role == 1 else 1 for role in roles]

    def make(splice: Splice) -> gs.Tensor:
        made = window.source
        for op, own, values in (("Mul", window.scale, scale), ("Add", window.shift, shift)):
            if own is not None:
                name = f"{window.source.name}_{op.lower()}"
                given = splice.constant(f"{name}_by", values.reshape(shape).astype(dtype))
                made = splice.before(node, op, [made, given], name)
        return made

    return make


def _a_channel(window: Window, values: np.ndarray | None) -> np.ndarray | None:
    """One number a channel, float64 ``[C]``; ``None`` where its positions have several.

    Channels that no element is of get zeros: nothing reads them.
    """
    own = np.zeros(window.channels)
    if values is None:
        return own
    channels = window.order // prod(window.extents)
    own[channels] = values
    return own if np.array_equal(own[channels], values) else None
