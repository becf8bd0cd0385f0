"""Which nodes work at any image size, and which have the original one baked in.

Every tensor's shape is known at two sizes. A node none of whose inputs differ between them may be
anything. A node that sees an axis grow must have a rule here that says why it does not care.
"""

from collections.abc import Callable, Sequence

import numpy as np
import onnx_graphsurgeon as gs

from .operators import UNARY, VARIADIC
from .result import RefusalCode, refuse
from .skeleton import Dim
from .two_sizes import TwoSizes, baked
from .use_def import has_subgraph, is_standard, outer_inputs
from .view_chain import trains

_END = np.iinfo(np.int32).max
"""Bounds of a Slice from here on mean the end of the axis."""


Rule = Callable[[gs.Node, TwoSizes], None]
"""Raises ``Refused`` where a node would not work at the larger size."""


def check_size_free(graph: gs.Graph, nodes: Sequence[gs.Node], sizes: TwoSizes) -> None:
    """Check that nodes work at any image size.

    Args:
        graph: the graph that they belong to.
        nodes: all nodes that depend on the image, in graph order.
        sizes: the graph's shapes at two sizes.

    Raises:
        Refused: at the first node that does not, or of which it cannot be told.
    """
    dependent = {id(tensor) for tensor in graph.inputs}
    outputs = {id(tensor) for tensor in graph.outputs}
    for node in nodes:
        dependent.update(id(output) for output in node.outputs)
    for node in nodes:
        _check_inference(node, sizes)
        operands = [tensor for tensor in outer_inputs(node) if id(tensor) in dependent]
        if any(sizes.growing(tensor) for tensor in operands):
            for tensor in operands:
                _check_known(node, tensor, sizes)
            _rule(node)(node, sizes)
        elif is_standard(node, "Reshape") and sizes.growing(node.outputs[0]):
            raise refuse(
                RefusalCode.MAP_SIZED_CONSTANT,
                node,
                expected="a tensor that fits at any image size",
                found=f"'{node.inputs[0].name}', which is reshaped to the size of the map",
            )
        for output in node.outputs:
            if output.outputs or id(output) in outputs:
                _check_known(node, output, sizes)


def _check_inference(node: gs.Node, sizes: TwoSizes) -> None:
    """A node in its training form depends on chance, or on the batch at hand."""
    normalises = is_standard(node, "BatchNormalization") and node.attrs.get("training_mode", 0)
    if normalises or trains(node, sizes.constants):
        raise refuse(
            RefusalCode.TRAINING_MODE,
            node,
            expected=f"{node.op} at inference",
            found="its training form",
            advice="Export the model in evaluation mode",
        )


def _rule(node: gs.Node) -> Rule:
    if has_subgraph(node):
        code, found = RefusalCode.CONTROL_FLOW, "a subgraph that reads the map"
    elif not is_standard(node):
        code, found = RefusalCode.CUSTOM_OPERATOR, f"{node.domain}.{node.op}, of unknown meaning"
    elif node.op not in RULES:
        code, found = RefusalCode.BAKED_EXTENT, f"{node.op}, which may depend on the original size"
    else:
        return RULES[node.op]
    raise refuse(code, node, expected="operators that work at any image size", found=found)


def _check_known(node: gs.Node, tensor: gs.Tensor, sizes: TwoSizes) -> None:
    small, large = sizes.small.get(tensor.name), sizes.large.get(tensor.name)
    if small is None:
        raise refuse(
            RefusalCode.SHAPE_UNKNOWN,
            node,
            expected=f"a known shape of '{tensor.name}'",
            found="none",
        )
    if large is None or len(small) != len(large):
        raise baked(node, f"operands that fit together only where '{tensor.name}' is {list(small)}")


def _any(node: gs.Node, sizes: TwoSizes) -> None:
    """The operator's definition speaks of no fixed extent."""


def _broadcast(node: gs.Node, sizes: TwoSizes) -> None:
    """Every operand follows the result's extents, or is one element wide and stays so."""
    operands = [tensor for tensor in node.inputs if tensor.name]
    rank = max(sizes.rank(operand) for operand in operands)
    whole = [_widest(sizes, operands, axis) for axis in range(1, rank + 1)]
    for operand in operands:
        small, large = sizes.small[operand.name], sizes.large[operand.name]
        for pair, (own, larger) in zip(
            whole, zip(small[::-1], large[::-1], strict=True), strict=False
        ):
            if (own, larger) == pair or own == larger == 1:
                continue
            constant = operand in sizes.constants
            what = f"{'the constant ' if constant else ''}'{operand.name}'"
            raise refuse(
                RefusalCode.MAP_SIZED_CONSTANT if constant else RefusalCode.BAKED_EXTENT,
                node,
                expected="operands that grow with the map, or have one element where it grows",
                found=f"{what} of shape {list(small)}",
            )


def _widest(sizes: TwoSizes, operands: Sequence[gs.Tensor], axis: int) -> tuple[Dim, Dim]:
    """Extents of a broadcast result along an axis, counted from the last, at the two sizes."""
    pairs = [
        (sizes.small[operand.name][-axis], sizes.large[operand.name][-axis])
        for operand in operands
        if sizes.rank(operand) >= axis
    ]
    # An axis that grows in one operand grows in the result.
    return max(pairs, key=lambda pair: (pair[0] != pair[1], pair[0] != 1))


def _unless(attribute: str) -> Rule:
    def rule(node: gs.Node, sizes: TwoSizes) -> None:
        if attribute in node.attrs:
            raise baked(node, f"{attribute}={node.attrs[attribute]}")

    return rule


def _one_axis(default: int) -> Rule:
    """The operator cuts or indexes one axis, which must not be one that grows."""

    def rule(node: gs.Node, sizes: TwoSizes) -> None:
        data = node.inputs[0]
        _refuse_growing(node, sizes, [int(node.attrs.get("axis", default))], data)

    return rule


def _cumsum(node: gs.Node, sizes: TwoSizes) -> None:
    axis = sizes.operand(node, "axis", 1)
    rank = sizes.rank(node.inputs[0])
    _refuse_growing(node, sizes, range(rank) if axis is None else axis.tolist(), node.inputs[0])


def _quantization(node: gs.Node, sizes: TwoSizes) -> None:
    """One step for all, or one along an axis that does not grow."""
    steps = sizes.operand(node, "y_scale", 1)
    if steps is None or node.attrs.get("block_size", 0):
        raise baked(node, "steps a block")
    if steps.size > 1:
        _one_axis(1)(node, sizes)


def _gather(node: gs.Node, sizes: TwoSizes) -> None:
    _one_axis(0)(node, sizes)
    if sizes.growing(node.inputs[1]):
        raise baked(node, "indices that are computed from the map")


def _from_axis(default: int) -> Rule:
    """The operator treats all axes from ``axis`` on as one."""

    def rule(node: gs.Node, sizes: TwoSizes) -> None:
        rank = sizes.rank(node.inputs[0])
        first = int(node.attrs.get("axis", default)) % rank
        _refuse_growing(node, sizes, range(first, rank), node.inputs[0])

    return rule


def _softmax(node: gs.Node, sizes: TwoSizes) -> None:
    (_one_axis(-1) if sizes.opset >= 13 else _from_axis(1))(node, sizes)


def _axes(node: gs.Node, sizes: TwoSizes) -> None:
    """The operator acts along ``axes``; none of them may grow."""
    axes = sizes.operand(node, "axes", 1)
    everything = range(sizes.rank(node.inputs[0]))
    _refuse_growing(node, sizes, everything if axes is None else axes.tolist(), node.inputs[0])


def _slice(node: gs.Node, sizes: TwoSizes) -> None:
    """A cut from the start, or up to a distance from the end, means the same at any size."""
    starts, ends = sizes.operand(node, "starts", 1), sizes.operand(node, "ends", 2)
    axes, steps = sizes.operand(node, "axes", 3), sizes.operand(node, "steps", 4)
    if starts is None or ends is None:
        raise baked(node, "no constant bounds")
    growing, rank = sizes.growing(node.inputs[0]), sizes.rank(node.inputs[0])
    cut = range(len(starts)) if axes is None else axes.tolist()
    strides = [1] * len(starts) if steps is None else steps.tolist()
    for axis, start, end, step in zip(cut, starts.tolist(), ends.tolist(), strides, strict=True):
        if axis % rank in growing and not _is_relative(start, end, step):
            raise baked(node, f"a cut of axis {axis} from {start} to {end} by {step}")


def _is_relative(start: int, end: int, step: int) -> bool:
    """Whether bounds are distances from the two ends of an axis, whatever its extent."""
    if step > 0:
        return start >= 0 and (end < 0 or end >= _END)
    return (start < 0 or start >= _END) and end <= -_END


def _resize(node: gs.Node, sizes: TwoSizes) -> None:
    """Scales follow the image, sizes do not."""
    scales = sizes.operand(node, "scales", 1 if sizes.opset < 11 else 2)
    if scales is None or scales.size == 0 or (len(node.inputs) > 3 and node.inputs[3].name):
        raise baked(node, "a fixed size to resize to")


def _reshape(node: gs.Node, sizes: TwoSizes) -> None:
    """A target that copies every axis that grows, and says what becomes of the others."""
    target = sizes.operand(node, "shape", 1)
    growing = sizes.growing(node.inputs[0])
    copied = set() if target is None else {a for a, extent in enumerate(target) if extent == 0}
    if node.attrs.get("allowzero", 0) or not growing <= copied:
        raise baked(node, "a target that may hold the original size")


def _expand(node: gs.Node, sizes: TwoSizes) -> None:
    """A target that is 1 wherever the data grows: it repeats along other axes."""
    target = sizes.operand(node, "shape", 1)
    growing, rank = sizes.growing(node.inputs[0]), sizes.rank(node.inputs[0])
    extents = [] if target is None else target.tolist()
    padded = [1] * (rank - len(extents)) + extents
    if target is None or len(padded) != rank or any(padded[axis] != 1 for axis in growing):
        raise baked(node, "a target that may hold the original size")


def _matmul(node: gs.Node, sizes: TwoSizes) -> None:
    """A constant matrix applied to the last axis of every position."""
    data, weight = node.inputs[0], node.inputs[1]
    if weight not in sizes.constants or sizes.rank(weight) != 2:
        raise baked(node, "a product of two tensors that grow")
    _refuse_growing(node, sizes, [-1], data)


def _refuse_growing(node: gs.Node, sizes: TwoSizes, axes: Sequence[int], data: gs.Tensor) -> None:
    rank = sizes.rank(data)
    hit = sorted({axis % rank for axis in axes} & sizes.growing(data))
    if hit:
        raise baked(node, f"that it acts along axis {hit[0]} of '{data.name}', which grows")


_ANY = (
    UNARY
    | {"AveragePool", "BatchNormalization", "Clip", "Concat", "Conv", "DepthToSpace", "Dropout"}
    | {"GlobalAveragePool", "GlobalMaxPool", "GroupNormalization", "InstanceNormalization", "LRN"}
    | {"LpPool", "MaxPool", "Pad", "ReduceMax", "ReduceMean", "ReduceMin", "Shape", "SpaceToDepth"}
    | {"Transpose", "Unsqueeze"}
)
_SUMS = {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceProd", "ReduceSum"}

RULES: dict[str, Rule] = {
    **dict.fromkeys(_ANY, _any),
    **dict.fromkeys(VARIADIC, _broadcast),
    # A sum over positions is usually divided by their number, a constant elsewhere.
    **dict.fromkeys(_SUMS | {"ReduceSumSquare", "Squeeze"}, _axes),
    **dict.fromkeys(("ArgMax", "ArgMin"), _one_axis(0)),
    **dict.fromkeys(("Hardmax", "LogSoftmax", "Softmax"), _softmax),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), _from_axis(-1)),
    "ConvTranspose": _unless("output_shape"),
    "CumSum": _cumsum,
    **dict.fromkeys(("DequantizeLinear", "QuantizeLinear"), _quantization),
    "Expand": _expand,
    "Gather": _gather,
    **dict.fromkeys(("LpNormalization", "TopK"), _one_axis(-1)),
    "MatMul": _matmul,
    "Reshape": _reshape,
    "Resize": _resize,
    "Slice": _slice,
    "Split": _one_axis(0),
    "Upsample": _resize,
}
"""What every operator that may see an axis grow must fulfil, by operator type (ai.onnx only)."""
