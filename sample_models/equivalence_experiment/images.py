"""The images: real handwritten digits that scikit-learn ships, scaled to 28x28."""
# scikit-learn is not installed where types are checked.
# mypy: disable-error-code="import-not-found, import-untyped"

from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits

from .scaling import Floats, enlarge

SIDE = 28
"""Height and width in pixels."""
COUNT = 1000
"""Images to train on, and as many new ones."""
DESCRIPTION = (
    "scikit-learn's handwritten digits, 8x8 pixels scaled to 28x28: 1000 to train on; the new ones"
    " are the 797 others and 203 of these mirrored"
)
_BRIGHTEST = 16
"""Largest value of a pixel as shipped."""


@dataclass(frozen=True)
class Images:
    """Images with pixels from 0 to 1.

    Attributes:
        training: those to train on, ``[1000, 1, 28, 28]``.
        new: others, which no network has seen, ``[1000, 1, 28, 28]``.
    """

    training: Floats
    new: Floats


def load() -> Images:
    """Load the digits in the order in which scikit-learn has them.

    There are 1797: the first 203 of those that are not trained on come a second time, mirrored.
    """
    digits = enlarge(load_digits().images / _BRIGHTEST, SIDE)[:, None]
    training, others = digits[:COUNT], digits[COUNT:]
    mirrored = others[: COUNT - len(others), :, :, ::-1]
    return Images(training, np.concatenate([others, mirrored]))
