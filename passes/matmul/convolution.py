"""What a Conv node computes, read from its attributes and its weight."""

from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs

from ..evaluation import Constants
from ..kernels import Kernel, kernels
from ..result import RefusalCode, node_name, refuse
from ..use_def import is_standard, producer

_AXES_OF_A_FILTER = 2
_LARGEST_RANK = 3


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """A Conv whose weight is a constant.

    Attributes:
        name: the node's name for people.
        filters: number of filters, ``f``.
        groups: number of groups, each of which sees its own channels.
        channels: channels that one filter sees, ``C_in / groups``.
        kernel: cells of the kernel, an axis each.
        strides: cells from one window to the next, an axis each.
        dilations: cells from one cell of the kernel to the next, an axis each.
        pads: zeros at the beginning and the end of each axis; ``None`` where they depend on the
            extent of the map.
        dtype: data type of the weight, and of the map; ``None`` for one that numpy lacks.
        extra_pad_first: where ``pads`` is ``None``, whether an odd zero goes to the beginning.
    """

    name: str
    filters: int
    groups: int
    channels: int
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[tuple[int, int], ...] | None
    dtype: np.dtype | None
    extra_pad_first: bool = False

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return len(self.kernel)

    @property
    def reach(self) -> tuple[int, ...]:
        """Cells of the map from the first to the last that a window sees, an axis each."""
        pairs = zip(self.kernel, self.dilations, strict=True)
        return tuple(dilation * (extent - 1) + 1 for extent, dilation in pairs)

    @property
    def is_pointwise(self) -> bool:
        """Whether every window is the cell in its place."""
        return (*self.kernel, *self.strides) == (1,) * 2 * self.rank and not self.is_padded

    @property
    def is_padded(self) -> bool:
        """Whether a window may see a zero beyond the map."""
        return self.pads is None or any(map(any, self.pads))

    @property
    def is_strided(self) -> bool:
        """Whether windows are left out."""
        return any(stride > 1 for stride in self.strides)

    @property
    def text(self) -> str:
        """Such as ``Conv 3x3x64 -> 128``."""
        layer = "x".join(map(str, (*self.kernel, self.channels)))
        grouped = f", {self.groups} groups" if self.groups > 1 else ""
        return f"Conv {layer} -> {self.filters}{grouped}"


def read_convolution(node: gs.Node, constants: Constants) -> Convolution:
    """What a Conv computes; changes nothing.

    Raises:
        Refused: the weight is not constant, is quantized, or is none of one to three spatial axes.
    """
    shape = _weight_shape(node, constants)
    axes = kernels(node, shape[_AXES_OF_A_FILTER:])
    pads: list[tuple[int, int] | None] = [
        _same_pads(kernel) if kernel.is_same else kernel.pads for kernel in axes
    ]
    known = tuple(pad for pad in pads if pad is not None)
    return Convolution(
        name=node_name(node),
        filters=shape[0],
        groups=int(node.attrs.get("group", 1)),
        channels=shape[1],
        kernel=shape[_AXES_OF_A_FILTER:],
        strides=tuple(kernel.stride for kernel in axes),
        dilations=tuple(kernel.dilation for kernel in axes),
        pads=known if len(known) == len(axes) else None,
        dtype=_dtype(node.inputs[1], constants),
        extra_pad_first=axes[0].auto_pad == "SAME_LOWER",
    )


def _same_pads(kernel: Kernel) -> tuple[int, int] | None:
    """Pads that keep ``ceil(extent / stride)`` windows; ``None`` where they depend on the extent.

    ``(ceil(H / s) - 1) * s + d * (k - 1) + 1 - H``, but not less than none, is ``d * (k - 1)`` for
    a stride of one, and none for a kernel of one cell.
    """
    if kernel.size > 1 and kernel.stride > 1:
        return None
    total = kernel.span - 1
    less, more = total // 2, total - total // 2
    return (more, less) if kernel.auto_pad == "SAME_LOWER" else (less, more)


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
