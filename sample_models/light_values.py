"""Random values for a weight of a light model, by what it is for."""

import math
from collections.abc import Sequence

import numpy as np

from .light_roles import Role
from .weights import Weights, centred_normal, near

SPREAD = 0.05
"""Standard deviation of all that is not a kernel: small, so that positions outweigh constants."""

SHORTCUT_SCALE = 0.5
"""Scale of a residual branch: each adds a quarter of the variance. At 1 each would double it."""

_NEAR_ONE = {("BatchNormalization", 1), ("BatchNormalization", 4), ("Mul", 1)}
_NEAR_ZERO = {
    ("Conv", 2),
    ("Gemm", 2),
    ("BatchNormalization", 2),
    ("BatchNormalization", 3),
    ("Add", 1),
}


def draw(rng: np.random.Generator, role: Role, shape: Sequence[int]) -> Weights:
    """Draw float32 values of the given shape for a role.

    Kernels sum to zero for each output and keep the variance; scales and variances are near one;
    biases, means and offsets are near zero.

    Raises:
        ValueError: If no weight of a light model has that role.
    """
    use = (role.op_type, role.place)
    if role.is_kernel:
        return _kernel(rng, role, shape)
    if use in _NEAR_ONE:
        mean = SHORTCUT_SCALE if role.meets_shortcut and role.place == 1 else 1.0
        return near(rng, mean, SPREAD * mean, shape)
    if use in _NEAR_ZERO:
        return near(rng, 0.0, SPREAD, shape)
    raise ValueError(f"input {role.place} of {role.op_type} is no weight of a light model")


def _kernel(rng: np.random.Generator, role: Role, shape: Sequence[int]) -> Weights:
    # A Gemm's weight may have leading axes of extent 1 that a Reshape removes on the way.
    outputs_first = (math.prod(shape[:-1]), shape[-1]) if role.op_type == "Gemm" else shape
    return centred_normal(rng, outputs_first, rectified=role.rectified).reshape(shape)
