"""What a Conv node computes, read from its attributes and its weight."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import onnx_graphsurgeon as gs

from ..evaluation import Constants
from ..kernels import Kernel, kernels
from ..result import RefusalCode, node_name, refuse
from ..use_def import is_standard, producer

_AXES_OF_A_FILTER = 2
_LARGEST_RANK = 3
_LARGEST_GAP = 2
"""Positions between two windows of a padding by SAME; with more of them, ONNX Runtime cuts the map
off in front, as if the zeros that it takes to keep ``ceil(extent / stride)`` windows were negative.
"""


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """A Conv whose weight is a constant.

    Attributes:
        name: the node's name for people.
        filters: number of filters, ``f``.
        groups: number of groups, each of which sees its own channels.
        channels: channels that one filter sees, ``C_in / groups``.
        axes: the kernel along each spatial axis.
        dtype: data type of the weight, and of the map; ``None`` for one that numpy lacks.
    """

    name: str
    filters: int
    groups: int
    channels: int
    axes: tuple[Kernel, ...]
    dtype: np.dtype | None

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return len(self.axes)

    @property
    def cells(self) -> int:
        """Number of cells of the kernel."""
        return prod(axis.size for axis in self.axes)

    @property
    def features(self) -> int:
        """Numbers of a window that one filter sees."""
        return self.cells * self.channels

    @property
    def strides(self) -> tuple[int, ...]:
        """Cells from one window to the next, an axis each."""
        return tuple(axis.stride for axis in self.axes)

    @property
    def pads(self) -> tuple[tuple[int, int], ...] | None:
        """Zeros at both ends of each axis; ``None`` where they depend on the map's extent."""
        known = [axis.constant_pads for axis in self.axes]
        constant = tuple(pads for pads in known if pads is not None)
        return constant if len(constant) == self.rank else None

    @property
    def is_padded(self) -> bool:
        """Whether a window may see a zero beyond the map."""
        return any(axis.is_padded for axis in self.axes)

    @property
    def is_strided(self) -> bool:
        """Whether windows are left out."""
        return any(axis.stride > 1 for axis in self.axes)

    @property
    def text(self) -> str:
        """Such as ``Conv 3x3x64 -> 128``."""
        layer = "x".join(map(str, (*(axis.size for axis in self.axes), self.channels)))
        grouped = f", {self.groups} groups" if self.groups > 1 else ""
        return f"Conv {layer} -> {self.filters}{grouped}"


def read_convolution(node: gs.Node, constants: Constants) -> Convolution:
    """What a Conv computes; changes nothing.

    Raises:
        Refused: the weight is not constant, is quantized, or is none of one to three spatial axes;
            the pads of SAME may be negative.
    """
    shape = _weight_shape(node, constants)
    axes = tuple(kernels(node, shape[_AXES_OF_A_FILTER:]))
    _check_pads(node, axes)
    return Convolution(
        name=node_name(node),
        filters=shape[0],
        groups=int(node.attrs.get("group", 1)),
        channels=shape[1],
        axes=axes,
        dtype=_dtype(node.inputs[1], constants),
    )


def _check_pads(node: gs.Node, axes: Sequence[Kernel]) -> None:
    if any(axis.is_same and axis.stride > axis.span + _LARGEST_GAP for axis in axes):
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="pads that are the same to every runtime",
            found=f"auto_pad={axes[0].auto_pad} with strides that pass over positions",
            advice="Write its pads out: attribute pads in place of auto_pad",
        )


def _weight_shape(node: gs.Node, constants: Constants) -> tuple[int, ...]:
    weight = node.inputs[1]
    maker = producer(weight)
    if weight not in constants:
        raise refuse(
            RefusalCode.COMPUTED_WEIGHT,
            node,
            expected="a constant weight",
            found=f"'{weight.name}', which is computed at run time or fed as an input",
        )
    if maker is not None and is_standard(maker, "DequantizeLinear"):
        raise refuse(
            RefusalCode.TYPE_UNSUPPORTED,
            node,
            expected="a weight of floating-point numbers",
            found=f"'{weight.name}', which is stored quantized and would grow",
            advice="Convert the model before it is quantized",
        )
    stored = isinstance(weight, gs.Constant)
    shape = tuple(int(e) for e in (weight.shape if stored else constants.values(weight).shape))
    if not 0 < len(shape) - _AXES_OF_A_FILTER <= _LARGEST_RANK:
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="a convolution along one to three axes",
            found=f"a weight '{weight.name}' of shape {list(shape)}",
        )
    return shape


def _dtype(weight: gs.Tensor, constants: Constants) -> np.dtype | None:
    known = weight.dtype if isinstance(weight, gs.Constant) else constants.values(weight).dtype
    # graphsurgeon has ONNX's own number for bfloat16.
    return None if isinstance(known, int) else np.dtype(known)
