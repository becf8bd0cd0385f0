"""Logits: what goes into operators that saturate, and may hide what is wrong with it."""

from collections.abc import Sequence

from onnx import ModelProto, NodeProto

_SATURATES = frozenset(
    "ArgMax ArgMin Clip HardSigmoid Hardmax LogSoftmax Relu Sigmoid Softmax Tanh TopK".split()
)
"""Operators whose output may hide a difference of their input."""


def find_logits(
    head: Sequence[NodeProto], outputs: Sequence[str], rewritten: ModelProto
) -> dict[str, str]:
    """Inputs of the saturating operators that end the head, where both models have them.

    Returns:
        The output that saturates, by the name of what goes into it.
    """
    theirs = {name for node in rewritten.graph.node for name in node.output}
    computed = {name for node in head for name in node.output}
    return {
        node.input[0]: node.output[0]
        for node in head
        if node.op_type in _SATURATES
        and node.output[0] in outputs
        and node.input[0] in theirs & computed - set(outputs)
    }
