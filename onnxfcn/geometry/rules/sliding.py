"""Operators with a kernel on ``[N, C, *s]``."""

from dataclasses import replace
from functools import partial

import numpy as np
import onnx_graphsurgeon as gs

from passes.kernels import Kernel
from passes.operators import POOLS
from passes.result import node_name

from ..errors import DoesNotFitError, UnknownError
from ..reshaping import reshaped
from ..seen import FIRST_OF_NONE, Seen, Windows, check_few, read, reduced, with_extent
from ..trace import Rule, Trace

_WEIGHTS = {"Conv": 1, "ConvInteger": 1, "ConvTranspose": 1, "QLinearConv": 3}
"""Which input of a convolution is its kernel."""
_BIAS = 2
"""Which input of a ConvTranspose is its bias."""


def _count(kernel: Kernel, extent: int) -> int:
    """Windows on so many positions.

    Raises:
        DoesNotFitError: the kernel is longer than they are.
    """
    if not kernel.is_same and extent + sum(kernel.pads) < kernel.span:
        raise DoesNotFitError(f"a kernel of {kernel.span} on {extent} positions")
    return kernel.positions(extent)


def _windows(kernel: Kernel, extent: int) -> Windows:
    """What each window reads.

    Raises:
        UnknownError: that is not defined, or there are too many.
    """
    count, before = _count(kernel, extent), kernel.pads[0]
    if kernel.is_same:
        # Where the kernel is smaller than the stride, ONNX Runtime cuts off, rounded to 0.
        total = (count - 1) * kernel.stride + kernel.span - extent
        if total < -1:
            raise UnknownError("its automatic pads are negative, which ONNX does not define")
        before = int((total + (kernel.auto_pad == "SAME_LOWER")) / 2)
    check_few(count * kernel.size)
    elements = np.arange(kernel.size)
    starts = np.arange(count)[:, None] * kernel.stride - before
    index = starts + elements * kernel.dilation
    return np.where((index < 0) | (index >= extent), -1, index), elements[None]


def _spread(kernel: Kernel, extent: int) -> int:
    """Positions of a ConvTranspose's result: see there in ONNX."""
    if kernel.is_same:
        return extent * kernel.stride
    return (extent - 1) * kernel.stride + kernel.span + kernel.more - sum(kernel.pads)


def _sources(kernel: Kernel, extent: int) -> Windows:
    """What goes into each position of a ConvTranspose's result."""
    before = kernel.pads[0]
    if kernel.is_same:
        total = kernel.span + kernel.more - kernel.stride
        before = (total + (kernel.auto_pad == "SAME_LOWER")) // 2
    check_few(_spread(kernel, extent) * kernel.size)
    elements = np.arange(kernel.size)
    places = np.arange(_spread(kernel, extent))[:, None] + before - elements * kernel.dilation
    index, rest = np.divmod(places, kernel.stride)
    return np.where((rest != 0) | (index < 0) | (index >= extent), -1, index), elements[None]


def convolution(node: gs.Node, trace: Trace) -> list[Seen]:
    """A convolution sees the channels of its group, and a window of every other axis."""
    data, weight = trace[node.inputs[0]], trace.shape(node.inputs[_WEIGHTS[node.op]])
    axes = trace.program.kernels(node, node.attrs.get("kernel_shape") or weight[2:])
    groups = int(node.attrs.get("group", 1))
    spreads = node.op == "ConvTranspose"
    if spreads and node.attrs.get("output_shape"):
        raise UnknownError("its result has a fixed size")
    units = weight[1] * groups if spreads else weight[0]
    salt = trace.salt(node)
    found = _channels(node, trace, data, groups, units)
    count, windows = (_spread, _sources) if spreads else (_count, _windows)
    for axis, kernel in enumerate(axes, 2):
        if not kernel.is_trivial:
            extent = found.shape[axis]
            found = read(found, axis, count(kernel, extent), partial(windows, kernel, extent), salt)
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
    for axis, kernel in enumerate(trace.program.kernels(node, node.attrs["kernel_shape"]), 2):
        if not kernel.is_trivial:
            extent = found.shape[axis]
            windows = partial(_windows, kernel, extent)
            found = read(found, axis, _count(kernel, extent), windows, salt)
    # The second output of MaxPool, the maxima's places in the whole map, is left unknown.
    return [found]


RULES: dict[str, Rule] = {
    **dict.fromkeys(_WEIGHTS, convolution),
    **dict.fromkeys(POOLS, pool),
}
