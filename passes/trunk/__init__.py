"""Follow the axes of a trunk from the image on, and free what was baked into it.

``RULES`` says for every operator which axes its outputs have; an operator that is not there is
refused. A rule leaves an edit where its node holds the original size.
"""

from . import along, cuts, elementwise, fills, products, resizing, sliding, splits, views
from .trunk import Rule

RULES: dict[str, Rule] = {
    **along.RULES,
    **cuts.RULES,
    **elementwise.RULES,
    **fills.RULES,
    **products.RULES,
    **resizing.RULES,
    **sliding.RULES,
    **splits.RULES,
    **views.RULES,
}
"""The rule of every operator type (ai.onnx only)."""
