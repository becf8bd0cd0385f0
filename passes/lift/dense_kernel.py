"""Kernel and bias of the convolution that takes a dense layer's place."""

from dataclasses import dataclass
from math import prod

import numpy as np
import onnx_graphsurgeon as gs

from ..splice import Splice
from ..window import Window
from .head import Head


@dataclass(frozen=True)
class Dense:
    """What a dense layer computes: ``alpha * x @ W + beta * bias``.

    Attributes:
        weight: the constant ``W``.
        transposed: whether it is stored as ``[units, F]`` instead of ``[F, units]``.
        units: its number of outputs.
        alpha: factor of the product.
        bias: constant with one number or one a unit; ``None`` for none.
        beta: factor of the bias.
    """

    weight: gs.Tensor
    transposed: bool
    units: int
    alpha: float = 1.0
    bias: gs.Tensor | None = None
    beta: float = 0.0


def kernel(splice: Splice, dense: Dense, window: Window) -> gs.Tensor:
    """The weight as a kernel ``[units, C, *window]``, its bytes unread where they may stay."""
    shape = (dense.units, window.channels, *window.extents)
    in_order = np.array_equal(window.order, np.arange(window.size))
    plain = dense.alpha == 1.0 and window.scale is None
    each_once = in_order or len(np.unique(window.order)) == window.size == window.order.size

    def transform(weight: np.ndarray) -> np.ndarray:
        rows = _scaled(weight if dense.transposed else weight.T, window.scale, dense.alpha)
        return _spread(rows, window.order, window.size)

    if plain and each_once:
        stays = dense.transposed and in_order
        axis = 0 if dense.transposed else 1
        kept = splice.weights.quantized(dense.weight, shape, None if stays else transform, axis)
        if kept is not None:
            return kept
        if stays:
            return splice.weights.reshaped(dense.weight, shape)
    return splice.weights.computed(dense.weight, shape, transform, reorders=each_once and plain)


def lifted_bias(splice: Splice, dense: Dense, window: Window, head: Head) -> gs.Tensor | None:
    """``beta * bias``, and the dense layer's answer to the window's shift."""
    units, bias, shift = dense.units, dense.bias, window.shift
    if shift is not None:
        weight = head.constants.values(dense.weight)
        rows = (weight if dense.transposed else weight.T).astype(np.float64)
        total = dense.alpha * (rows @ shift)
        if bias is not None:
            own = head.constants.values(bias).astype(np.float64).reshape(-1)
            total = total + dense.beta * own
        return splice.constant(f"{dense.weight.name}_bias", total.astype(weight.dtype))
    if bias is None:
        return None
    filled = head.constants.declared(bias) is not None
    if dense.beta == 1.0 and not filled and prod(head.stored_shape(bias)) == units:
        return splice.weights.reshaped(bias, (units,))
    return splice.weights.computed(
        bias,
        (units,),
        lambda values: np.broadcast_to(_scaled(values, None, dense.beta).reshape(-1), (units,)),
        reorders=dense.beta == 1.0,
    )


def _spread(rows: np.ndarray, order: np.ndarray, size: int) -> np.ndarray:
    """Rows ``[units, F]`` as kernels ``[units, size]``.

    Elements of the window that no column looks at get a zero; those that several look at, the
    sum of their weights.
    """
    if len(np.unique(order)) == order.size:
        kernel = np.zeros((rows.shape[0], size), rows.dtype)
        kernel[:, order] = rows
        return kernel
    wide = np.zeros((size, rows.shape[0]), np.float64)
    np.add.at(wide, order, rows.T.astype(np.float64))
    return wide.T.astype(rows.dtype)


def _scaled(values: np.ndarray, scale: np.ndarray | None, factor: float) -> np.ndarray:
    """``values * scale * factor``, rounded once to the dtype of ``values``."""
    if scale is None and factor == 1.0:
        return values
    wide = values.astype(np.float64) * factor
    return (wide if scale is None else wide * scale).astype(values.dtype)
