"""Rules that turn an operator on vectors ``[N, F]`` into the same one on maps ``[N, F, *o]``.

A rule checks one node and returns the edit that lifts it; it changes nothing itself, and raises
``Refused`` where it cannot. A new operator is a new entry in one family's ``RULES``.
"""

from collections.abc import Callable

import onnx_graphsurgeon as gs

from . import axis, dense, elementwise, reduction, structure, view
from .head import Head
from .lifted import Edit

Rule = Callable[[gs.Node, Head], Edit]

RULES: dict[str, Rule] = {
    **view.RULES,
    **elementwise.RULES,
    **axis.RULES,
    **reduction.RULES,
    **structure.RULES,
    **dense.RULES,
}
"""Rule of every operator that can be lifted, by operator type (ai.onnx only)."""
