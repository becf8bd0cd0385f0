"""Operators that act along axes: reductions, normalisations, softmax and their like."""

from collections.abc import Sequence

import onnx_graphsurgeon as gs

from passes.operators import GLOBAL_POOLS, REDUCTIONS
from passes.result import node_name
from passes.signatures import reduced_axes, softmax_axes

from ..reshaping import reshaped
from ..seen import Seen, dropped, joined, reduced, with_extent
from ..trace import Rule, Trace


def _reduced(node: gs.Node, trace: Trace, seen: Seen, axes: Sequence[int]) -> Seen:
    return reduced(seen, axes, trace.salt(node), node_name(node))


def reduction(node: gs.Node, trace: Trace) -> list[Seen]:
    """Some axes become one position, or vanish."""
    data = trace[node.inputs[0]]
    axes = sorted(reduced_axes(node, trace.operand(node, "axes", 1), len(data.shape)))
    if not axes:
        return [data]
    found = _reduced(node, trace, data, axes)
    return [found if node.attrs.get("keepdims", 1) else dropped(found, axes)]


def index_of_extreme(node: gs.Node, trace: Trace) -> list[Seen]:
    """ArgMax and ArgMin."""
    data = trace[node.inputs[0]]
    axis = int(node.attrs.get("axis", 0)) % len(data.shape)
    found = _reduced(node, trace, data, [axis])
    return [found if node.attrs.get("keepdims", 1) else dropped(found, [axis])]


def global_pool(node: gs.Node, trace: Trace) -> list[Seen]:
    """All axes behind the channels become one position."""
    data = trace[node.inputs[0]]
    return [_reduced(node, trace, data, range(2, len(data.shape)))]


def _beside(node: gs.Node, trace: Trace, axes: Sequence[int]) -> Seen:
    """Every element, and what the elements along some axes have seen."""
    data = trace[node.inputs[0]]
    return joined([data, _reduced(node, trace, data, axes)], trace.salt(node))


def along_one(node: gs.Node, trace: Trace) -> list[Seen]:
    """LpNormalization, TopK, CumSum: along one axis."""
    rank = len(trace[node.inputs[0]].shape)
    told = trace.operand(node, "axis", 1) if node.op == "CumSum" else None
    axis = int(node.attrs.get("axis", -1)) if told is None else int(told[0])
    found = _beside(node, trace, [axis % rank])
    if node.op != "TopK":
        return [found]
    count = trace.operand(node, "k", 1)
    place = int(node.attrs.get("axis", -1)) % rank
    largest = _reduced(node, trace, found, [place])
    return [with_extent(largest, place, int(count[0]) if count is not None else 0)] * 2


def softmax(node: gs.Node, trace: Trace) -> list[Seen]:
    """Hardmax, LogSoftmax and Softmax, with the meaning that they have at the opset."""
    rank = len(trace[node.inputs[0]].shape)
    return [_beside(node, trace, softmax_axes(node, rank, trace.program.opset))]


def from_axis(node: gs.Node, trace: Trace) -> list[Seen]:
    """LayerNormalization and RMSNormalization: along all axes from one on."""
    rank = len(trace[node.inputs[0]].shape)
    return [_beside(node, trace, range(int(node.attrs.get("axis", -1)) % rank, rank))]


def over_space(node: gs.Node, trace: Trace) -> list[Seen]:
    """InstanceNormalization: over all axes behind the channels."""
    rank = len(trace[node.inputs[0]].shape)
    return [_beside(node, trace, range(2, rank))]


def group_normalization(node: gs.Node, trace: Trace) -> list[Seen]:
    """GroupNormalization: over the channels of a group and all axes behind them."""
    data = trace[node.inputs[0]]
    groups = int(node.attrs["num_groups"])
    batch, channels, *rest = data.shape
    split = reshaped(data, (batch, groups, channels // max(1, groups), *rest))
    statistic = _reduced(node, trace, split, range(2, len(split.shape)))
    return [reshaped(joined([split, statistic], trace.salt(node)), data.shape)]


def mean_variance(node: gs.Node, trace: Trace) -> list[Seen]:
    """MeanVarianceNormalization."""
    return [_beside(node, trace, list(node.attrs.get("axes", (0, 2, 3))))]


def dynamic_quantization(node: gs.Node, trace: Trace) -> list[Seen]:
    """DynamicQuantizeLinear: every element, and the range of all for scale and zero point."""
    axes = range(len(trace[node.inputs[0]].shape))
    extremes = dropped(_reduced(node, trace, trace[node.inputs[0]], axes), axes)
    return [_beside(node, trace, axes), extremes, extremes]


def over_channels(node: gs.Node, trace: Trace) -> list[Seen]:
    """LRN: over neighbouring channels, which are taken together."""
    return [_beside(node, trace, [1])]


RULES: dict[str, Rule] = {
    **dict.fromkeys(REDUCTIONS, reduction),
    **dict.fromkeys(("ArgMax", "ArgMin"), index_of_extreme),
    **dict.fromkeys(GLOBAL_POOLS, global_pool),
    **dict.fromkeys(("Hardmax", "LogSoftmax", "Softmax"), softmax),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), from_axis),
    **dict.fromkeys(("CumSum", "LpNormalization", "TopK"), along_one),
    "DynamicQuantizeLinear": dynamic_quantization,
    "GroupNormalization": group_normalization,
    "InstanceNormalization": over_space,
    "LRN": over_channels,
    "MeanVarianceNormalization": mean_variance,
}
