"""Operators with a kernel on ``[N, C, *s]``."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import onnx_graphsurgeon as gs

from passes.operators import POOLS
from passes.result import node_name

from ..reshaping import reshaped
from ..seen import (
    FIRST_OF_NONE,
    DoesNotFitError,
    Seen,
    UnknownError,
    Windows,
    read,
    reduced,
    with_extent,
)
from ..trace import Rule, Trace

_WEIGHTS = {"Conv": 1, "ConvInteger": 1, "ConvTranspose": 1, "QLinearConv": 3}
"""Which input of a convolution is its kernel."""
_BIAS = 2
"""Which input of a ConvTranspose is its bias."""


@dataclass(frozen=True)
class Kernel:
    """A kernel along one axis.

    Attributes:
        size: its elements.
        stride: positions of the finer side from one position of the coarser one to the next.
        dilation: positions from one element to the next.
        auto_pad: ``NOTSET``, ``VALID``, ``SAME_UPPER`` or ``SAME_LOWER``.
        pads: positions added before and behind, where ``auto_pad`` is ``NOTSET``.
        ceil: whether a last window that hangs over is taken too.
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
        """Whether pads are such that as many windows fit as the stride allows."""
        return self.auto_pad.startswith("SAME")

    @property
    def is_trivial(self) -> bool:
        """Whether every position is read by itself."""
        return self.span == self.stride == 1 and not any(self.pads) and not self.more

    def count(self, extent: int) -> int:
        """Windows on so many positions: see Conv and MaxPool in ONNX."""
        if self.is_same:
            return -(-extent // self.stride)
        slack = extent + sum(self.pads) - self.span
        if slack < 0:
            raise DoesNotFitError(f"a kernel of {self.span} on {extent} positions")
        if not self.ceil:
            return slack // self.stride + 1
        count = -(-slack // self.stride) + 1
        # No window starts in the pads behind.
        return count - ((count - 1) * self.stride >= extent + self.pads[0])

    def windows(self, extent: int) -> Windows:
        """What each window reads."""
        before = self.pads[0]
        if self.is_same:
            # Where the kernel is smaller than the stride, ONNX Runtime cuts off, rounded to 0.
            total = (self.count(extent) - 1) * self.stride + self.span - extent
            before = int((total + (self.auto_pad == "SAME_LOWER")) / 2)
        elements = np.arange(self.size)
        starts = np.arange(self.count(extent))[:, None] * self.stride - before
        index = starts + elements * self.dilation
        return np.where((index < 0) | (index >= extent), -1, index), elements[None]

    def spread(self, extent: int) -> int:
        """Positions of a ConvTranspose's result: see there in ONNX."""
        if self.is_same:
            return extent * self.stride
        return (extent - 1) * self.stride + self.span + self.more - sum(self.pads)

    def sources(self, extent: int) -> Windows:
        """What goes into each position of a ConvTranspose's result."""
        before = self.pads[0]
        if self.is_same:
            total = self.span + self.more - self.stride
            before = (total + (self.auto_pad == "SAME_LOWER")) // 2
        elements = np.arange(self.size)
        places = np.arange(self.spread(extent))[:, None] + before - elements * self.dilation
        index, rest = np.divmod(places, self.stride)
        return np.where((rest != 0) | (index < 0) | (index >= extent), -1, index), elements[None]


def _kernels(node: gs.Node, sizes: Sequence[int]) -> list[Kernel]:
    """Kernels of a convolution or a pool, one for each axis behind the channels."""
    rank = len(sizes)
    auto_pad = str(node.attrs.get("auto_pad") or "NOTSET")
    pads = list(node.attrs.get("pads") or [0] * 2 * rank)
    if auto_pad != "NOTSET":
        pads = [0] * 2 * rank
    extra = list(node.attrs.get("output_padding") or [0] * rank)
    return [
        Kernel(
            size=int(size),
            stride=int((node.attrs.get("strides") or [1] * rank)[axis]),
            dilation=int((node.attrs.get("dilations") or [1] * rank)[axis]),
            auto_pad=auto_pad,
            pads=(int(pads[axis]), int(pads[axis + rank])),
            ceil=bool(node.attrs.get("ceil_mode", 0)) and auto_pad == "NOTSET",
            more=int(extra[axis]),
        )
        for axis, size in enumerate(sizes)
    ]


def convolution(node: gs.Node, trace: Trace) -> list[Seen]:
    """A convolution sees the channels of its group, and a window of every other axis."""
    data, weight = trace[node.inputs[0]], trace.shape(node.inputs[_WEIGHTS[node.op]])
    kernels = _kernels(node, node.attrs.get("kernel_shape") or weight[2:])
    groups = int(node.attrs.get("group", 1))
    spreads = node.op == "ConvTranspose"
    if spreads and node.attrs.get("output_shape"):
        raise UnknownError("its result has a fixed size")
    units = weight[1] * groups if spreads else weight[0]
    salt = trace.salt(node)
    found = _channels(node, trace, data, groups, units)
    for axis, kernel in enumerate(kernels, 2):
        if not kernel.is_trivial:
            count, windows = (
                (kernel.spread, kernel.sources) if spreads else (kernel.count, kernel.windows)
            )
            extent = found.shape[axis]
            found = read(found, axis, count(extent), partial(windows, extent), salt)
    has_bias = len(node.inputs) > _BIAS and bool(node.inputs[_BIAS].name)
    return [found if has_bias or not spreads else _with_gaps(found)]


def _with_gaps(seen: Seen) -> Seen:
    """Positions of a ConvTranspose that nothing goes into are zeros, as pads are."""
    if seen.mark is None or seen.whole:
        return seen
    gap = seen.first == FIRST_OF_NONE
    return replace(seen, mark=np.where(gap, np.uint64(0), seen.mark))


def _channels(node: gs.Node, trace: Trace, data: Seen, groups: int, units: int) -> Seen:
    """Every unit sees the channels of its group."""
    if len(data.shape) < 3 or groups < 1 or data.shape[1] % groups:
        raise DoesNotFitError(f"{groups} groups of {list(data.shape)}")
    salt, name = trace.salt(node), node_name(node)
    if data.first.shape[1] == 1 or groups == 1:
        return with_extent(_summed(data, 1, salt, name), 1, units)
    batch, channels, *rest = data.shape
    grouped = reshaped(data, (batch, groups, channels // groups, *rest))
    seen = with_extent(_summed(grouped, 2, salt, name), 2, units // groups)
    return reshaped(seen, (batch, units, *rest))


def _summed(data: Seen, axis: int, salt: int, name: str) -> Seen:
    """Channels, weighed and summed: zeros stay zeros, as pads are."""
    found = reduced(data, [axis], salt, name)
    if found.mark is None or data.mark is None:
        return found
    zeros = (data.mark == 0).all(axis, keepdims=True)
    return replace(found, mark=np.where(zeros, np.uint64(0), found.mark))


def pool(node: gs.Node, trace: Trace) -> list[Seen]:
    """A pool sees a window of every axis behind the channels."""
    found = trace[node.inputs[0]]
    salt = trace.salt(node)
    for axis, kernel in enumerate(_kernels(node, node.attrs["kernel_shape"]), 2):
        if not kernel.is_trivial:
            extent = found.shape[axis]
            found = read(found, axis, kernel.count(extent), partial(kernel.windows, extent), salt)
    # The second output of MaxPool, the maxima's places in the whole map, is left unknown.
    return [found]


RULES: dict[str, Rule] = {
    **dict.fromkeys(_WEIGHTS, convolution),
    **dict.fromkeys(POOLS, pool),
}
