"""Extents for people."""

from collections.abc import Mapping
from fractions import Fraction

from .extents import Axes, Extents, Factor

_LARGEST_STRIDE = 64


def axes_text(extents: Extents, names: Mapping[int, str], axes: Axes) -> str:
    """Axes for people, such as ``[batch, 24, height/4, width/4]``.

    Args:
        extents: what made the axes.
        names: names of the factors that others are derived from, by key.
        axes: the axes.
    """
    texts = [
        " * ".join(_factor_text(extents, names, factor) for factor in axis) or "1" for axis in axes
    ]
    return f"[{', '.join(texts)}]"


def _factor_text(extents: Extents, names: Mapping[int, str], factor: Factor) -> str:
    """A factor as a fraction of what it was derived from, up to a constant."""
    if not factor.key:
        return str(factor.small)
    parts = extents.parts((factor,))
    if parts:
        texts = axes_text(extents, names, parts)[1:-1].split(", ")
        return f"({' + '.join(texts)})"
    root = factor
    while root.key not in names:
        before = extents.parents(root)
        if not before:
            return "?"
        root = before[0]
    rate = Fraction(root.large - root.small, max(1, factor.large - factor.small))
    rate = rate.limit_denominator(_LARGEST_STRIDE)
    if rate in (0, 1):
        return names[root.key]
    return f"{names[root.key]}/{rate}" if rate > 1 else f"{names[root.key]}*{1 / rate}"
