"""Powers in which numbers of positions went into a tensor, and what operators do to them.

A sum over ``H * W`` positions has ``H`` and ``W`` in the power 1, its square in the power 2, its
quotient by ``H * W`` in none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import prod

import onnx_graphsurgeon as gs

from .extents import Extent, Factor, fixed

SUMS: dict[str, Fraction | None] = {
    "GlobalLpPool": Fraction(1, 2),
    "ReduceL1": Fraction(1),
    "ReduceL2": Fraction(1, 2),
    "ReduceLogSum": None,
    "ReduceLogSumExp": None,
    "ReduceProd": None,
    "ReduceSum": Fraction(1),
    "ReduceSumSquare": Fraction(1),
    "Softmax": Fraction(-1),
}
"""The power in which the number of positions goes into a sum; ``None`` where it is no power."""

POWERS = {
    "Reciprocal": Fraction(-1),
    "ReduceL1": Fraction(1),
    "ReduceL2": Fraction(1),
    "ReduceSum": Fraction(1),
    "ReduceSumSquare": Fraction(2),
    "Sqrt": Fraction(1, 2),
}
"""What an operator, applied along axes that do not grow, does to the powers."""

ALIKE = frozenset({"Add", "Concat", "Max", "Mean", "Min", "Sub", "Sum", "Where"})
"""Operators whose operands must have the same powers."""
INDIFFERENT = frozenset(
    "ArgMax ArgMin GroupNormalization Hardmax InstanceNormalization LayerNormalization"
    " LpNormalization MeanVarianceNormalization RMSNormalization Shape Sign".split()
)
"""Operators whose output is the same for any multiple of their input."""
PROPORTIONAL = frozenset(
    "Abs AveragePool Cast DepthToSpace Dropout Expand Flatten Gather GlobalAveragePool"
    " GlobalMaxPool Identity LeakyRelu MaxPool Neg PRelu Pad ReduceMax ReduceMean ReduceMin Relu"
    " Reshape Resize Slice SpaceToDepth Split Squeeze Tile TopK Transpose Unsqueeze"
    " Upsample".split()
)
"""Operators whose output is multiplied where their first input is."""


@dataclass(frozen=True)
class Powers:
    """Powers in which numbers of positions went into a tensor's elements.

    Attributes:
        of: the power of each growing factor; none that is zero.
        since: the node that summed up.
    """

    of: frozenset[tuple[Factor, Fraction]]
    since: gs.Node

    @property
    def count(self) -> tuple[Extent, Fraction] | None:
        """The number of positions and the one power that it has; ``None`` where there are more."""
        grown = sorted(
            ((factor, power) for factor, power in self.of if factor.key),
            key=lambda item: item[0].key,
        )
        exponents = {power for _, power in grown}
        if len(exponents) != 1:
            return None
        power = exponents.pop()
        times = prod(factor.small ** (own / power) for factor, own in self.of if not factor.key)
        return (*(factor for factor, _ in grown), *fixed(round(times))), power

    def plus(self, other: "Powers | None", sign: int = 1) -> "Powers":
        """Powers of a product, or with ``sign`` -1 of a quotient."""
        total = dict(self.of)
        for factor, power in other.of if other else ():
            total[factor] = total.get(factor, Fraction(0)) + sign * power
        return Powers(frozenset((f, p) for f, p in total.items() if p), self.since)

    def times(self, by: Fraction) -> "Powers":
        """Powers of a tensor that was raised to a power."""
        return Powers(frozenset((factor, power * by) for factor, power in self.of), self.since)


def powers_of(node: gs.Node, factors: Iterable[Factor], power: Fraction) -> Powers:
    """Powers behind a node that brings in some factors, each in the same power."""
    total = Powers(frozenset(), node)
    for factor in factors:
        total = total.plus(Powers(frozenset({(factor, power)}), node))
    return total
