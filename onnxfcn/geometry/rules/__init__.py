"""What operators read: for every operator type (ai.onnx only) a rule.

A rule says what the positions of a node's outputs have seen, given what those of its inputs have.
"""

from collections.abc import Sequence
from hashlib import blake2b

import onnx_graphsurgeon as gs

from passes.operators import VARIADIC
from passes.result import node_name

from ..seen import Seen, joined, moved, reduced
from ..trace import Rule, Trace
from . import along, cuts, elementwise, products, resizing, sliding, views

_READ_ALL = VARIADIC | {"Concat", "Gather"}
"""Operators whose rules read all of their inputs."""
_READ_PLACES = cuts.RULES.keys() | resizing.RULES.keys() | views.RULES.keys()
"""Operators whose operands say which positions there are, as their rules read them."""


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


def _with_values(rule: Rule) -> Rule:
    """A rule that reads positions, for nodes with an operand that is computed from a shape.

    Its value goes into every position: on a crop it is another one.
    """

    def found(node: gs.Node, trace: Trace) -> Sequence[Seen]:
        parts = rule(node, trace)
        for tensor in node.inputs if trace.view.marked else ():
            if not tensor.name or not trace.is_known(tensor) or trace.program.is_constant(tensor):
                continue
            value = trace.known(tensor)
            if node.op in along.RULES and value.dtype.kind in "iu":
                continue  # which axes, or how many elements: the rule reads them
            mark = int.from_bytes(blake2b(value.tobytes(), digest_size=8).digest())
            parts = [joined([part, trace.nothing((), mark)], trace.salt(node)) for part in parts]
        return parts

    return found


def _complete(name: str, rule: Rule) -> Rule:
    """A rule that reads all operands of a node."""
    if name in _READ_ALL:
        return rule
    if name in products.RULES:
        return _with_values(rule)
    return _with_parameters(rule if name in _READ_PLACES else _with_values(rule))


_RULES: dict[str, Rule] = {
    **along.RULES,
    **cuts.RULES,
    **elementwise.RULES,
    **products.RULES,
    **resizing.RULES,
    **sliding.RULES,
    **views.RULES,
}
RULES: dict[str, Rule] = {name: _complete(name, rule) for name, rule in _RULES.items()}
"""The rule of every operator type (ai.onnx only)."""
