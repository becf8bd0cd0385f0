"""Maps that a rewritten model keeps channels-last, in the form that the original has them in.

Between matrix products ``conv_to_gemm`` keeps ``[N, *s, C]`` in the place of ``[N, C, *s]``, under
another name. A model of matrix products alone would have no tensor in common with its original; and
where both forms are there, what reads the one would not be seen to depend on the other.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from onnx import NodeProto, helper

from passes.matmul.product import CHANNELS_LAST
from passes.matmul.windows import to_channels_first, to_channels_last
from passes.static_shapes import static_shapes

from ..files.graph_view import graph_view
from ..files.stored_model import StoredModel

_SUFFIX = f"_{CHANNELS_LAST}"
_AGAIN = "_again"


def with_channels_first(original: StoredModel, rewritten: StoredModel) -> StoredModel:
    """A rewritten model whose channels-last maps all pass through the original's form of them.

    Two Transposes behind each of them undo one another. Names only say where: what is found there
    is compared as all else is.

    Args:
        original: the model before the rewrite.
        rewritten: the model after it; not changed.
    """
    own = {name for node in original.proto.graph.node for name in node.output}
    theirs = {name for node in rewritten.proto.graph.node for name in node.output}
    missing = {name + _SUFFIX: name for name in own - theirs if name + _SUFFIX in theirs}
    present = {
        node.output[0]: node.input[0]
        for node in rewritten.proto.graph.node
        if node.op_type == "Transpose" and node.output[0] in own and node.input[0] in theirs - own
    }
    lasts = missing.keys() | present.values()
    if not lasts or any(last + _AGAIN in theirs for last in lasts):
        return rewritten
    shapes = static_shapes(graph_view(original))
    names = (*missing.values(), *present)
    ranks = {name: len(shapes[name]) - 2 for name in names if len(shapes.get(name, ())) > 2}
    copy = rewritten.copy()
    through = _Through(missing, present.keys(), ranks)
    nodes = [each for node in rewritten.proto.graph.node for each in through.nodes(node)]
    del copy.proto.graph.node[:]
    copy.proto.graph.node.extend(nodes)
    return copy


@dataclass(frozen=True)
class _Through:
    """Lets nodes, one after the other, read channels-last maps by way of the original's form.

    Attributes:
        missing: names of the original's tensors that are to be made, by what they are made of.
        present: names of those that Transposes make already.
        ranks: numbers of spatial axes, by the original's names.
        again: what is read in the place of channels-last maps so far, by their names.
    """

    missing: Mapping[str, str]
    present: Set[str]
    ranks: Mapping[str, int]
    again: dict[str, str] = field(default_factory=dict)

    def nodes(self, node: NodeProto) -> Iterator[NodeProto]:
        """The node as it should be, and Transposes behind it."""
        first = node.output[0]
        if first in self.present and self._makes_first(node):
            yield node
            yield self._back(first, node.input[0])
            return
        reader = NodeProto()
        reader.CopyFrom(node)
        reader.input[:] = [self.again.get(name, name) for name in node.input]
        yield reader
        for last in node.output:
            first = self.missing.get(last, "")
            if first in self.ranks:
                perm = to_channels_first(self.ranks[first])
                yield helper.make_node("Transpose", [last], [first], perm=perm)
                yield self._back(first, last)

    def _makes_first(self, node: NodeProto) -> bool:
        rank = self.ranks.get(node.output[0], 0)
        perms = [list(each.ints) for each in node.attribute if each.name == "perm"]
        return rank > 0 and perms == [to_channels_first(rank)]

    def _back(self, first: str, last: str) -> NodeProto:
        self.again[last] = last + _AGAIN
        perm = to_channels_last(self.ranks[first])
        return helper.make_node("Transpose", [first], [last + _AGAIN], perm=perm)
