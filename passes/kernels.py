"""Kernels of convolutions and pools, one an axis, and how many positions they have."""

from collections.abc import Sequence
from dataclasses import dataclass

import onnx_graphsurgeon as gs


@dataclass(frozen=True)
class Kernel:
    """A kernel along one axis.

    Attributes:
        size: its elements.
        stride: positions of the finer side from one position of the coarser one to the next.
        dilation: positions from one element to the next.
        auto_pad: ``NOTSET``, ``VALID``, ``SAME_UPPER`` or ``SAME_LOWER``.
        pads: positions added before and behind, where ``auto_pad`` is ``NOTSET``; else none.
        ceil: whether a last position may hang over the end.
        more: positions that a ConvTranspose adds behind.
    """

    size: int
    stride: int
    dilation: int
    auto_pad: str
    pads: tuple[int, int]
    ceil: bool = False
    more: int = 0

    @property
    def span(self) -> int:
        """Positions from the first element to the last."""
        return self.dilation * (self.size - 1) + 1

    @property
    def is_same(self) -> bool:
        """Whether the pads are such that ``ceil(extent / stride)`` positions fit."""
        return self.auto_pad.startswith("SAME")

    @property
    def is_trivial(self) -> bool:
        """Whether every position is read by itself."""
        return self.span == self.stride == 1 and not any(self.pads) and not self.more

    @property
    def constant_pads(self) -> tuple[int, int] | None:
        """Positions added before and behind; ``None`` where they depend on the extent.

        SAME keeps ``ceil(extent / stride)`` positions, for which it adds ``(ceil(H / s) - 1) * s +
        d * (k - 1) + 1 - H``, but not less than none: ``d * (k - 1)`` for a stride of one, and none
        for a kernel of one element.
        """
        if not self.is_same:
            return self.pads
        if self.size > 1 and self.stride > 1:
            return None
        total = self.span - 1
        less, more = total // 2, total - total // 2
        return (more, less) if self.auto_pad == "SAME_LOWER" else (less, more)

    @property
    def is_padded(self) -> bool:
        """Whether a position may see what was added."""
        return self.constant_pads != (0, 0)

    def positions(self, extent: int) -> int:
        """How many positions fit an axis: the formulas of Conv and the pools in ai.onnx.

        Returns:
            Less than 1 where the axis with its pads is shorter than the kernel.
        """
        if self.is_same:
            return -(-extent // self.stride)
        slack = extent + sum(self.pads) - self.span
        if not self.ceil:
            return slack // self.stride + 1
        count = -(-slack // self.stride) + 1
        # No position starts in the pads behind.
        return count - ((count - 1) * self.stride >= extent + self.pads[0])


def kernels(node: gs.Node, sizes: Sequence[int]) -> list[Kernel]:
    """Kernels of a convolution or a pool, one for each axis behind the channels.

    Args:
        node: the node.
        sizes: elements of its kernel, an axis each.
    """
    rank = len(sizes)
    auto_pad = str(node.attrs.get("auto_pad") or "NOTSET")
    explicit = auto_pad == "NOTSET"
    pads = (node.attrs.get("pads") if explicit else None) or [0] * 2 * rank
    strides = node.attrs.get("strides") or [1] * rank
    dilations = node.attrs.get("dilations") or [1] * rank
    extra = node.attrs.get("output_padding") or [0] * rank
    return [
        Kernel(
            size=int(size),
            stride=int(strides[axis]),
            dilation=int(dilations[axis]),
            auto_pad=auto_pad,
            pads=(int(pads[axis]), int(pads[axis + rank])),
            ceil=bool(node.attrs.get("ceil_mode", 0)) and explicit,
            more=int(extra[axis]),
        )
        for axis, size in enumerate(sizes)
    ]
