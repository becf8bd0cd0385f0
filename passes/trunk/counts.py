"""Sums over positions grow with the map: who divides them by how many there are?

Every tensor has the powers in which numbers of positions went into its elements: 1 behind a sum, -1
behind a softmax over positions, 1/2 behind a Euclidean norm. A product adds them, a constant such
as ``1/49`` that was baked for 7x7 positions takes them back, and becomes ``1/(H*W)``. What is left
where an operator is not proportional would be another value on a larger map: it is refused.
"""

from collections.abc import Sequence
from fractions import Fraction

import onnx_graphsurgeon as gs

from ..result import Refused
from ..signatures import softmax_axes
from ..use_def import has_subgraph, is_standard, outer_inputs
from .along import reduction_axes
from .baked_counts import TELLING, compute_number, single_number, takes_back
from .extents import Axes, Extent, grows, small
from .powers import ALIKE, INDIFFERENT, POWERS, PROPORTIONAL, SUMS, Powers, powers_of
from .trunk import Trunk, baked, operands

_NEGLIGIBLE = 1e-3
"""Constants up to here guard a division against zero."""


def free_counts(trunk: Trunk, nodes: Sequence[gs.Node]) -> None:
    """Free the numbers of positions that are baked into factors and divisors.

    Args:
        trunk: a followed trunk; gets edits.
        nodes: all nodes that depend on the image, in graph order.

    Raises:
        Refused: a sum over positions is not divided by their number.
    """
    _Counts(trunk).walk(nodes)


class _Counts:
    def __init__(self, trunk: Trunk) -> None:
        self._trunk = trunk
        self._powers: dict[int, Powers] = {}
        self._averaged: dict[int, Extent] = {}

    def walk(self, nodes: Sequence[gs.Node]) -> None:
        for node in nodes:
            if not is_standard(node) or has_subgraph(node):
                for tensor in outer_inputs(node):
                    if id(tensor) in self._powers:
                        raise _undivided(self._powers[id(tensor)])
                continue
            self._note_average(node)
            found = self._behind(node) or self._undone_average(node)
            if found is not None and any(factor.key for factor, _ in found.of):
                self._powers.update((id(output), found) for output in node.outputs)
        for output in self._trunk.graph.outputs:
            if id(output) in self._powers:
                raise _undivided(self._powers[id(output)])

    def _note_average(self, node: gs.Node) -> None:
        """Remember what was averaged over positions."""
        first = node.inputs[0] if node.inputs else None
        if node.op in ("GlobalAveragePool", "ReduceMean"):
            axes = self._trunk.axes(node, node.inputs[0])
            pools = node.op == "GlobalAveragePool"
            gone = range(2, len(axes)) if pools else reduction_axes(node, self._trunk, len(axes))
            positions = self._trunk.extents.product(axes[axis] for axis in sorted(gone))
            if grows(positions):
                self._averaged[id(node.outputs[0])] = positions
        elif id(first) in self._averaged and node.op in PROPORTIONAL:
            self._averaged[id(node.outputs[0])] = self._averaged[id(first)]

    def _undone_average(self, node: gs.Node) -> Powers | None:
        """An unbiased variance: an average times ``n`` over ``n - 1``, both baked."""
        # Where numbers of positions are in the average, the product is theirs to take back.
        counted = any(self._of(tensor) is not None for tensor in operands(node))
        if node.op != "Mul" or counted or len(node.outputs[0].outputs) != 1:
            return None
        positions = self._averaged.get(id(node.inputs[0]), ())
        count = small(positions)
        times, divides = self._number(node, node.inputs[1]), node.outputs[0].outputs[0]
        if not positions or times is None or divides.op != "Div" or count < TELLING:
            return None
        less = self._number(divides, divides.inputs[1])
        if times != (count, count) or less is None or less[0] != count - 1:
            return None
        compute_number(self._trunk, node, 1, positions)
        return powers_of(node, positions, Fraction(1))

    def _number(self, node: gs.Node, tensor: gs.Tensor) -> tuple[float, float] | None:
        return single_number(self._trunk, node, tensor)

    def _of(self, tensor: gs.Tensor) -> Powers | None:
        return self._powers.get(id(tensor))

    def _behind(self, node: gs.Node) -> Powers | None:
        """Powers behind a node."""
        own = [self._of(tensor) for tensor in operands(node)]
        first = own[0] if own else None
        summed, counted = self._summed(node), next((p for p in own if p is not None), None)
        total = summed or counted
        if total is not None and self._adds_bias(node):
            raise _undivided(total)
        if summed is not None and node.op in ("Gemm", "MatMul"):
            return summed
        if summed is not None and (first is None or node.op != "Softmax"):
            return summed if first is None else summed.plus(first.times(_exponent(node)))
        if counted is None or node.op in INDIFFERENT:
            return None
        if node.op in ("MatMul", "Gemm", "Mul", "Div"):
            return self._product(node, counted)
        if node.op in ALIKE:
            return self._alike(node)
        if first is not None and node.op in POWERS:
            return first.times(POWERS[node.op])
        exponent = self._number(node, node.inputs[1]) if node.op == "Pow" else None
        if first is not None and exponent is not None:
            return first.times(Fraction(exponent[0]).limit_denominator(12))
        if first is not None and self._is_proportional(node):
            return first
        raise _undivided(counted)

    def _summed(self, node: gs.Node) -> Powers | None:
        """Powers that a node itself brings in by summing over positions."""
        if node.op not in SUMS and node.op not in ("Gemm", "MatMul"):
            return None
        axes = self._trunk.axes(node, node.inputs[0])
        gone = self._summed_axes(node, axes)
        factors = [factor for axis in gone for factor in axes[axis]]
        if not any(factor.key for factor in factors):
            return None
        if node.op in ("Gemm", "MatMul"):
            total = powers_of(node, factors, Fraction(1))
            for tensor in node.inputs[:2]:
                total = total.plus(self._of(tensor))
            return total
        power = SUMS[node.op]
        if power is None:
            raise baked(node, "a sum over positions that no number of them takes back")
        return powers_of(node, factors, power)

    def _summed_axes(self, node: gs.Node, axes: Axes) -> Sequence[int]:
        if node.op == "Softmax":
            return softmax_axes(node, len(axes), self._trunk.opset)
        if node.op == "Gemm":
            return [0 if node.attrs.get("transA", 0) else 1]
        if node.op == "MatMul":
            return [len(axes) - 1]
        if node.op == "GlobalLpPool":
            return range(2, len(axes))
        return sorted(reduction_axes(node, self._trunk, len(axes)))

    def _adds_bias(self, node: gs.Node) -> bool:
        """Whether a Gemm adds what has no, or other, numbers of positions in it."""
        if node.op != "Gemm" or len(operands(node)) < 3 or not node.attrs.get("beta", 1.0):
            return False
        return self._number(node, node.inputs[2]) != (0.0, 0.0)

    def _product(self, node: gs.Node, counted: Powers) -> Powers | None:
        """Powers of a product or a quotient.

        Args:
            node: the node.
            counted: those of an operand.
        """
        left, right = node.inputs[0], node.inputs[1]
        sign = -1 if node.op == "Div" else 1
        powers = (self._of(left) or Powers(frozenset(), node)).plus(self._of(right), sign)
        total = Powers(powers.of, counted.since)
        if node.op in ("Mul", "Div") and total.of:
            for index in (0, 1) if node.op == "Mul" else (1,):
                if takes_back(self._trunk, node, index, total):
                    return None
        return total

    def _alike(self, node: gs.Node) -> Powers | None:
        """Operands that are added or compared must have the same powers."""
        found: list[Powers | None] = []
        for tensor in operands(node)[node.op == "Where" :]:
            number = self._number(node, tensor)
            if number is None or not abs(number[0]) <= _NEGLIGIBLE:
                found.append(self._of(tensor))
        first = next((powers for powers in found if powers is not None), None)
        if first is None:
            return None
        if any(powers is None or powers.of != first.of for powers in found):
            raise _undivided(first)
        return first

    def _is_proportional(self, node: gs.Node) -> bool:
        """Whether a multiple of the first input gives that multiple of the output."""
        others = operands(node)[1:]
        if node.op in ("Conv", "ConvTranspose"):
            return len(others) < 2
        if node.op == "Clip":
            values = [self._number(node, tensor) for tensor in others]
            return len(values) == 1 and values[0] is not None and 0 <= values[0][0] <= _NEGLIGIBLE
        if node.op == "Pad":
            fill = self._number(node, node.inputs[2]) if len(node.inputs) > 2 else None
            return node.attrs.get("value", 0) == 0 and fill in (None, (0.0, 0.0))
        return node.op in PROPORTIONAL


def _undivided(powers: Powers) -> Refused:
    return baked(powers.since, "a sum over positions that nothing divides by how many there are")


def _exponent(node: gs.Node) -> Fraction:
    return Fraction(2 if node.op == "ReduceSumSquare" else 1)
