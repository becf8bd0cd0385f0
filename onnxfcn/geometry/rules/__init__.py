"""What operators read: for every operator type (ai.onnx only) a rule.

A rule says what the positions of a node's outputs have seen, given what those of its inputs have.
"""

from ..trace import Rule
from . import along, cuts, elementwise, products, resizing, sliding, views

RULES: dict[str, Rule] = {
    **along.RULES,
    **cuts.RULES,
    **elementwise.RULES,
    **products.RULES,
    **resizing.RULES,
    **sliding.RULES,
    **views.RULES,
}
"""The rule of every operator type (ai.onnx only)."""
