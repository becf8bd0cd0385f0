"""Random weights that keep the scale of activations from layer to layer."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float32]

BIAS_SPREAD = 0.1
"""Standard deviation of biases: small beside activations of order 1, but never zero."""


def he_normal(rng: np.random.Generator, shape: Sequence[int]) -> Weights:
    """Draw a kernel that keeps the mean square of rectified activations.

    He et al. 2015, "Delving Deep into Rectifiers", equation 10: variance ``2 / fan_in``.

    Args:
        rng: Where the values come from; advanced by one value an element.
        shape: ``[outputs, ...]``; the fan-in is the product of all axes but the first.

    Returns:
        float32, of the given shape.
    """
    weights = rng.standard_normal(tuple(shape), dtype=np.float32)
    weights *= np.float32(math.sqrt(2 / math.prod(shape[1:])))
    return weights


def centred_normal(rng: np.random.Generator, shape: Sequence[int], *, rectified: bool) -> Weights:
    """Draw a kernel whose values sum to zero for each output.

    Rectified activations have a mean above zero, which a plain random kernel passes on: layer by
    layer what all positions share outgrows what tells them apart. A kernel that sums to zero
    ignores that mean. Brock et al. 2021, "Characterizing signal propagation to close the
    performance gap in unnormalized ResNets", section 4, with the gain for ReLU.

    Args:
        rng: Where the values come from; advanced by one value an element.
        shape: ``[outputs, ...]``; the fan-in is the product of all axes but the first.
        rectified: Whether the layer's input has gone through a ReLU, which keeps
            ``(1 - 1 / pi) / 2`` of the variance.

    Returns:
        float32, of the given shape.
    """
    gain = math.sqrt(2 / (1 - 1 / math.pi)) if rectified else 1.0
    weights = rng.standard_normal(tuple(shape), dtype=np.float32)
    weights -= weights.mean(axis=tuple(range(1, len(shape))), keepdims=True)
    weights *= np.float32(gain / math.sqrt(math.prod(shape[1:])))
    return weights


def near(rng: np.random.Generator, mean: float, spread: float, shape: Sequence[int]) -> Weights:
    """Draw float32 values of the given shape around ``mean``, ``spread`` their deviation."""
    noise = rng.standard_normal(tuple(shape), dtype=np.float32)
    return np.float32(mean) + np.float32(spread) * noise
