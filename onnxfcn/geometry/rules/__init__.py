"""What operators read: for every operator type (ai.onnx only) a rule.

A rule says what the positions of a node's outputs have seen, given what those of its inputs have.
"""

from collections.abc import Sequence

import onnx_graphsurgeon as gs

from passes.operators import VARIADIC
from passes.result import node_name

from ..seen import Seen, joined, moved, reduced
from ..trace import Rule, Trace
from . import along, cuts, elementwise, products, resizing, sliding, views

_READ_ALL = VARIADIC | products.RULES.keys() | {"Concat"}
"""Operators whose rules read all of their inputs."""


def _with_parameters(rule: Rule) -> Rule:
    """A rule that reads the first input, for nodes of which others depend on the image too.

    Weights, scales and bounds that are computed from the image go into every position.
    """

    def found(node: gs.Node, trace: Trace) -> Sequence[Seen]:
        parts = rule(node, trace)
        for tensor in node.inputs[1:]:
            if tensor.name and not trace.is_known(tensor):
                axes = range(len(trace.shape(tensor)))
                single = reduced(trace[tensor], axes, trace.salt(node), node_name(node))
                scalar = moved(single, (), lambda array: array.reshape(()))
                parts = [joined([part, scalar], trace.salt(node)) for part in parts]
        return parts

    return found


_RULES: dict[str, Rule] = {
    **along.RULES,
    **cuts.RULES,
    **elementwise.RULES,
    **products.RULES,
    **resizing.RULES,
    **sliding.RULES,
    **views.RULES,
}
RULES: dict[str, Rule] = {
    name: rule if name in _READ_ALL else _with_parameters(rule) for name, rule in _RULES.items()
}
"""The rule of every operator type (ai.onnx only)."""
