"""Which nodes of a model stand unchanged in its rewritten form, told from the two protos alone."""

import onnx
from onnx import NodeProto, TensorProto

from ...files.operands import operands
from ...files.stored_model import StoredModel
from ...files.weights import same_bytes


class Twins:
    """The nodes and weights that two models have in common.

    Attributes:
        given: names of the inputs and weights that are equal in both.
        untouched: those, and names of the tensors that both compute by equal nodes from them.
    """

    def __init__(self, before: StoredModel, after: StoredModel) -> None:
        original, rewritten = before.proto.graph, after.proto.graph
        self.given = frozenset(_equal_weights(before, after))
        twins = {name: node for node in rewritten.node for name in node.output if name}
        known = self.given.union(name for node in original.node for name in node.output)
        self._unchanged = {
            name
            for node in original.node
            for name in node.output
            if name in twins and _equal(node, twins[name]) and known.issuperset(operands(node))
        }
        untouched = set(self.given)
        for node in original.node:
            if self.unchanged(node) and untouched.issuperset(operands(node)):
                untouched.update(name for name in node.output if name)
        self.untouched = frozenset(untouched)

    def unchanged(self, node: NodeProto) -> bool:
        """Whether the rewritten model has the same node with the same weights.

        What other nodes compute for it has the same names, but may be something else.
        """
        return any(name in self._unchanged for name in node.output)


def _equal_weights(before: StoredModel, after: StoredModel) -> set[str]:
    original, rewritten = before.proto.graph, after.proto.graph
    weights = {tensor.name: tensor for tensor in rewritten.initializer}
    shared = {
        tensor.name
        for tensor in original.initializer
        if tensor.name in weights and _same_weight(before, tensor, after, weights[tensor.name])
    }
    stored = {tensor.name for tensor in original.initializer}
    sparse = {tensor.values.name: tensor for tensor in rewritten.sparse_initializer}
    shared |= {
        tensor.values.name
        for tensor in original.sparse_initializer
        if sparse.get(tensor.values.name) == tensor
    }
    inputs = {value.name for value in rewritten.input} - weights.keys()
    return shared | {value.name for value in original.input if value.name in inputs} - stored


def _equal(node: NodeProto, twin: NodeProto) -> bool:
    return (
        (twin.op_type, twin.domain) == (node.op_type, node.domain)
        and list(twin.input) == list(node.input)
        and list(twin.output) == list(node.output)
        and sorted(map(_bytes, twin.attribute)) == sorted(map(_bytes, node.attribute))
    )


def _bytes(message: onnx.AttributeProto) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


def _same_weight(
    before: StoredModel, left: TensorProto, after: StoredModel, right: TensorProto
) -> bool:
    if left.dims != right.dims or left.data_type != right.data_type:
        return False
    own, other = before.weight(left), after.weight(right)
    if own is None or other is None:
        return own is None and other is None and left == right
    return same_bytes(own, other)
