"""Elementwise operators stay as they are; a constant of one number a feature gets spatial axes."""

import onnx_graphsurgeon as gs

from ..operators import UNARY, VARIADIC
from ..result import RefusalCode, Rewrite, node_name, refuse
from ..splice import Splice
from .head import Cells, Edit, Head


def lift_unary(node: gs.Node, head: Head) -> Edit:
    """An operator on every element alone acts the same at every cell."""
    head.cells(node, node.inputs[0])
    head.lifted[id(node.outputs[0])] = Cells(node.outputs[0])
    return lambda splice: None


def lift_clip(node: gs.Node, head: Head) -> Edit:
    """Clip whose bounds, attributes or inputs, are constant numbers.

    Raises:
        Refused: a bound is computed.
    """
    for bound in node.inputs[1:]:
        if bound.name and bound not in head.constants:
            raise refuse(
                RefusalCode.COMPUTED_WEIGHT,
                node,
                expected="constant bounds",
                found=f"'{bound.name}', which is computed at run time",
            )
    return lift_unary(node, head)


def lift_variadic(node: gs.Node, head: Head) -> Edit:
    """A broadcasting operator between vectors and constants of one number, or one a feature.

    Raises:
        Refused: a constant operand differs between samples or has more axes than the vector.
    """
    per_feature: list[tuple[int, int]] = []
    for index, operand in enumerate(node.inputs):
        if operand not in head.constants:
            head.features(node, operand)
            head.cells(node, operand)
            continue
        features = _features_of_constant(node, head, operand)
        if features != 1:
            per_feature.append((index, features))
    rank = max(len(head.static_shape(node, operand)) for operand in node.inputs)
    if rank != len(head.static_shape(node, node.outputs[0])) or rank != 2:
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="vectors [N, F]",
            found=f"operands of rank {rank}",
        )
    head.lifted[id(node.outputs[0])] = Cells(node.outputs[0])

    def edit(splice: Splice) -> Rewrite | None:
        for index, features in per_feature:
            shape = (features, *[1] * head.spatial_rank)
            node.inputs[index] = splice.weights.reshaped(node.inputs[index], shape)
        if not per_feature:
            return None
        features = per_feature[0][1]
        spatial = "x1" * head.spatial_rank
        return Rewrite(
            node=node_name(node),
            before=f"{node.op} {features}",
            after=f"{node.op} {features}{spatial}",
        )

    return edit


def _features_of_constant(node: gs.Node, head: Head, operand: gs.Tensor) -> int:
    shape = head.static_shape(node, operand)
    if any(extent != 1 for extent in shape[:-1]) or len(shape) > 2:
        raise refuse(
            RefusalCode.BIAS_SHAPE,
            node,
            expected="a constant of one number, or one a feature",
            found=f"'{operand.name}' of shape {list(shape)}",
        )
    last = shape[-1] if shape else 1
    assert isinstance(last, int)
    return last


RULES = dict.fromkeys(UNARY - {"Identity"}, lift_unary)
RULES["Clip"] = lift_clip
RULES.update(dict.fromkeys(VARIADIC, lift_variadic))
