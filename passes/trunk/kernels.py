"""Convolutions, pools and their like: how many positions a kernel has on an axis."""

from collections.abc import Sequence
from dataclasses import dataclass

import onnx_graphsurgeon as gs

from ..operators import GLOBAL_POOLS, POOLS
from ..result import Rewrite, node_name
from .extents import Axes, Extent, fixed, small
from .sources import Sources
from .trunk import Trunk, baked

_GLOBAL = {"AveragePool": "GlobalAveragePool", "LpPool": "GlobalLpPool", "MaxPool": "GlobalMaxPool"}
_REDUCTION = {"AveragePool": "ReduceMean", "MaxPool": "ReduceMax"}


@dataclass(frozen=True)
class Kernel:
    """A kernel along one axis, in elements of that axis.

    Attributes:
        span: from the first to the last element that one position reads, dilation included.
        stride: from one position to the next.
        before: pads in front.
        after: pads behind.
        same: whether the pads are such that ``ceil(n / stride)`` positions fit.
        ceil: whether a last position may hang over the end.
    """

    span: int
    stride: int
    before: int
    after: int
    same: bool
    ceil: bool

    def positions(self, trunk: Trunk, extent: Extent) -> Extent:
        """How many positions fit an axis (the formulas of Conv and the pools in ai.onnx)."""
        if self.same:
            return trunk.extents.strided(extent, -1, self.stride)
        slack = self.before + self.after - self.span
        if not self.ceil or self.stride == 1:
            return trunk.extents.strided(extent, slack, self.stride)
        origin = ("ceil", extent, self.before, slack, self.stride)
        return trunk.extents.derived(extent, self._rounded_up, *origin)

    def _rounded_up(self, extent: int) -> int:
        count = -(-(extent + self.before + self.after - self.span) // self.stride) + 1
        # No position starts in the pads behind.
        return count - ((count - 1) * self.stride >= extent + self.before)


def kernel(node: gs.Node, trunk: Trunk, axis: int) -> Kernel:
    """The kernel of a Conv or a pool along a spatial axis of its input."""
    rank = len(trunk.axes(node, node.inputs[0])) - 2
    place = axis - 2
    shape = node.attrs.get("kernel_shape")
    if not shape:
        shape = trunk.small_shape(node, node.inputs[1])[2:]
    pads = node.attrs.get("pads") or [0] * 2 * rank
    padding = node.attrs.get("auto_pad", "NOTSET")
    free = padding == "NOTSET"
    dilation = (node.attrs.get("dilations") or [1] * rank)[place]
    return Kernel(
        span=(shape[place] - 1) * dilation + 1,
        stride=(node.attrs.get("strides") or [1] * rank)[place],
        before=pads[place] if free else 0,
        after=pads[place + rank] if free else 0,
        same=padding.startswith("SAME"),
        ceil=bool(node.attrs.get("ceil_mode", 0)) and free,
    )


def keeps_extent(node: gs.Node, trunk: Trunk, axis: int) -> bool:
    """Whether a Conv or a pool has as many positions on an axis as it reads."""
    if axis < 2:
        return axis == 0
    own = kernel(node, trunk, axis)
    return own.stride == 1 and (own.same or own.before + own.after == own.span - 1)


def covers_axis(node: gs.Node, trunk: Trunk, axis: int) -> bool:
    """Whether a pool's kernel is all of an axis at the original size, each element once."""
    if axis < 2:
        return False
    own = kernel(node, trunk, axis)
    extent = small(trunk.axes(node, node.inputs[0])[axis])
    rank = len(trunk.axes(node, node.inputs[0])) - 2
    plain = not any(d != 1 for d in node.attrs.get("dilations") or [1] * rank)
    return plain and extent > 1 and own.span == extent and not (own.before or own.after)


def convolution(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Conv: the batch stays, the channels are the kernel's."""
    trunk.refuse_growing(node, [1])
    data = trunk.axes(node, node.inputs[0])
    units = trunk.small_shape(node, node.inputs[1])[0]
    return [(data[0], fixed(units), *_positions(node, trunk, data))]


def pool(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """A pool; one whose kernel is the whole map of a gate becomes global."""
    data = trunk.axes(node, node.inputs[0])
    whole = [axis for axis in range(2, len(data)) if trunk.wants(node.outputs[0], axis) == ()]
    positions = _positions(node, trunk, data)
    if whole:
        _make_global(node, trunk, whole)
        positions = [() if axis in whole else e for axis, e in enumerate(positions, 2)]
    return [(*data[:2], *positions)] * len(node.outputs)


def _positions(node: gs.Node, trunk: Trunk, data: Axes) -> list[Extent]:
    return [
        kernel(node, trunk, axis).positions(trunk, extent)
        for axis, extent in enumerate(data[2:], 2)
    ]


def _make_global(node: gs.Node, trunk: Trunk, whole: Sequence[int]) -> None:
    """Pool over all of some axes, whatever their extents are."""
    rank = len(trunk.axes(node, node.inputs[0]))
    others = [kernel(node, trunk, axis) for axis in range(2, rank) if axis not in whole]
    idle = all(k.span == k.stride == 1 and not (k.before or k.after) for k in others)
    if others and not (idle and node.op in _REDUCTION):
        raise baked(node, f"a kernel {node.attrs.get('kernel_shape')} as large as the map")

    def edit(sources: Sources) -> Rewrite:
        before = f"{node.op} {'x'.join(map(str, node.attrs['kernel_shape']))}"
        if others:
            node.op = _REDUCTION[node.op]
            node.attrs.clear()
            node.attrs["keepdims"] = 1
            sources.set_axes(node, whole)
        else:
            node.op = _GLOBAL[node.op]
            kept = {name: value for name, value in node.attrs.items() if name == "p"}
            node.attrs.clear()
            node.attrs.update(kept)
        return Rewrite(node=node_name(node), before=before, after=node.op)

    trunk.edits[id(node)] = edit


def global_pool(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Every spatial axis becomes one element."""
    data = trunk.axes(node, node.inputs[0])
    return [(*data[:2], *[()] * (len(data) - 2))]


def transposed_convolution(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """ConvTranspose: ``stride * (n - 1) + span + output_padding - pads`` positions."""
    trunk.refuse_growing(node, [1])
    data = trunk.axes(node, node.inputs[0])
    units = trunk.small_shape(node, node.inputs[1])[1] * int(node.attrs.get("group", 1))
    extra = node.attrs.get("output_padding") or [0] * (len(data) - 2)
    target = node.attrs.get("output_shape", [])[-len(data) + 2 :]
    positions, pads = [], []
    for axis, extent in enumerate(data[2:], 2):
        own = kernel(node, trunk, axis)
        whole = trunk.extents.product([extent, fixed(own.stride)])
        more = own.span - own.stride + extra[axis - 2] - own.before - own.after
        if target:
            more = target[axis - 2] - small(whole)
            pads.append(own.span - own.stride + extra[axis - 2] - more)
        positions.append(whole if own.same and not target else trunk.extents.shifted(whole, more))
    if target:
        _pad_explicitly(node, trunk, pads)
    return [(data[0], fixed(units), *positions)]


def _pad_explicitly(node: gs.Node, trunk: Trunk, totals: Sequence[int]) -> None:
    """Put pads in the place of an output shape (the formula of ConvTranspose in ai.onnx)."""
    if min(totals) < 0:
        raise baked(node, f"output_shape={node.attrs['output_shape']}, which adds positions")
    upper = node.attrs.get("auto_pad") == "SAME_UPPER"
    before = [total // 2 if upper else total - total // 2 for total in totals]
    after = [total - first for total, first in zip(totals, before, strict=True)]

    def edit(sources: Sources) -> Rewrite:
        shape = node.attrs.pop("output_shape")
        node.attrs.pop("auto_pad", None)
        node.attrs["pads"] = [*before, *after]
        return Rewrite(
            node=node_name(node),
            before=f"ConvTranspose to {shape}",
            after=f"ConvTranspose with pads {[*before, *after]}",
        )

    trunk.edits[id(node)] = edit


def depth_to_space(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Blocks of channels become blocks of positions."""
    block = int(node.attrs["blocksize"])
    trunk.refuse_growing(node, [1])
    batch, channels, *spatial = trunk.axes(node, node.inputs[0])
    outer = [trunk.extents.product([extent, fixed(block)]) for extent in spatial]
    return [(batch, fixed(small(channels) // block ** len(spatial)), *outer)]


def space_to_depth(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Blocks of positions become blocks of channels."""
    block = int(node.attrs["blocksize"])
    trunk.refuse_growing(node, [1])
    batch, channels, *spatial = trunk.axes(node, node.inputs[0])
    parts = [trunk.extents.divided(extent, block) for extent in spatial]
    found = [part for part in parts if part is not None]
    if len(found) != len(parts):
        raise baked(node, f"blocks of {block} that do not fit the map")
    return [(batch, fixed(small(channels) * block ** len(spatial)), *found)]


def normalization(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Operators with one number a channel, on ``[N, C, *s]``."""
    trunk.refuse_growing(node, [1])
    return [trunk.axes(node, node.inputs[0])] * len(node.outputs)


RULES = {
    **dict.fromkeys(POOLS, pool),
    **dict.fromkeys(GLOBAL_POOLS, global_pool),
    **dict.fromkeys(
        ("BatchNormalization", "GroupNormalization", "InstanceNormalization", "LRN"), normalization
    ),
    "Conv": convolution,
    "ConvTranspose": transposed_convolution,
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
}
