"""Why a node computes something else on a crop than on the whole image."""

from enum import StrEnum

import onnx_graphsurgeon as gs

from passes.operators import POOLS
from passes.use_def import is_standard

from .seen import Seen
from .trace import Trace


class Reason(StrEnum):
    """Why a node computes something else on a crop, in words that follow its name."""

    PADS = "pads, where the whole image goes on"
    HANGS_OVER = "has a last window that hangs over the edge (ceil_mode)"
    OVERLAPS = "spreads across the edge"
    INTERPOLATES = "interpolates across the edge"
    WHOLE = "sees the whole image"
    SIZE = "uses the image's size"
    ELSEWHERE = "reads other pixels: its positions do not move with the cells"


def own_reason(node: gs.Node, trace: Trace) -> Reason | None:
    """Why a node by itself looks past the edge of a crop; ``None`` where it does not.

    Args:
        node: the node.
        trace: a run with the crop that has just reached it.
    """
    if is_standard(node, "ConvTranspose"):
        return Reason.OVERLAPS
    if is_standard(node, "Conv", "ConvInteger", "QLinearConv", *POOLS):
        return _of_kernel(node, trace[node.inputs[0]])
    if is_standard(node, "Pad"):
        return Reason.PADS
    if is_standard(node, "Resize", "Upsample") and node.attrs.get("mode", "nearest") != "nearest":
        return Reason.INTERPOLATES
    return None


def first_reason(node: gs.Node, trace: Trace) -> Reason:
    """Why a node computes something else, although what goes into it is the same."""
    tensors = [tensor for tensor in node.inputs if tensor.name]
    sized = [t for t in tensors if trace.is_known(t) and not trace.program.is_constant(t)]
    return Reason.SIZE if sized else Reason.ELSEWHERE


def _of_kernel(node: gs.Node, data: Seen) -> Reason | None:
    rank = len(data.shape) - 2
    pads = list(node.attrs.get("pads") or [0] * 2 * rank)
    if str(node.attrs.get("auto_pad") or "NOTSET").startswith("SAME"):
        return Reason.PADS
    axes = [axis - 2 for axis in data.varies if axis >= 2]
    if any(pads[axis] > 0 or pads[axis + rank] > 0 for axis in axes):
        return Reason.PADS
    return Reason.HANGS_OVER if node.attrs.get("ceil_mode", 0) else None
