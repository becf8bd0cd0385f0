"""What was seen of a part of the trunk whose axes were freed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .comparison import Comparison
from .listing import listed
from .sizes import Size

Method = Literal["windows", "repetition", "extrapolation"]
"""What a part of the trunk is compared on."""
_NAMED = 4
"""Nodes of a part that are named in a sentence; ``nodes`` holds all."""


@dataclass(frozen=True, kw_only=True)
class RegionResult:
    """What validation saw of a part of the trunk that the rewrite changed.

    Attributes:
        output: name of the tensor that it computes.
        nodes: the original's nodes there that make it doubtful, such as ``split (Reshape)``.
        changed: whether the rewritten model has other nodes in their place; else they are the
            same, and may be ones that should have been changed.
        method: what it was compared on: ``windows`` of larger maps; a ``repetition`` of one
            window, where every cell depends on a statistic of the whole window; or an
            ``extrapolation`` from several, where that depends on the number of cells too.
        sizes: extents of the output on the larger maps; where the original has no size baked in,
            those with something left over behind whole strides are among them.
        comparison: of the output on all of them; ``None`` where it came to none.
        problem: why it came to none, or how the rewritten region fails.
        undecided: whether it cannot be told what would be right.
        assumed: whether it is taken for right then, because the user named the feature maps.
    """

    output: str
    nodes: tuple[str, ...]
    changed: bool
    method: Method = "windows"
    sizes: tuple[Size, ...] = ()
    comparison: Comparison | None = None
    problem: str = ""
    undecided: bool = False
    assumed: bool = False

    @property
    def passed(self) -> bool:
        """Whether the two models do the same there, or are taken to."""
        return self.assumed or (self.comparison is not None and self.comparison.passed)

    @property
    def finding(self) -> str:
        """What is wrong with it, or cannot be told, naming nodes.

        Of no meaning where the comparison passed.
        """
        reason = self.problem
        if self.comparison is not None:
            error, limit = self.comparison.max_error, self.comparison.tolerance
            reason = f"it differs by up to {error:.1e} on larger maps, more than {limit:.1e}"
        where = f"{listed(self.nodes, _NAMED)}, which '{self.output}' is made by"
        if self.undecided:
            return f"whether the trunk is right at {where}, cannot be determined: {reason}"
        return f"the trunk is wrong at {where}: {reason}"

    @property
    def proven(self) -> bool:
        """Whether no difference was seen, and one would have shown."""
        return self.passed and self.comparison is not None and self.comparison.proven


def failure_of(regions: Iterable[RegionResult]) -> str:
    """What is wrong with those regions that are not right; empty where all are."""
    return "; ".join(region.finding for region in regions if not region.passed)
