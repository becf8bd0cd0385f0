"""Convolutions, pools and their like: how many positions a kernel has on an axis."""

from collections.abc import Sequence

import onnx_graphsurgeon as gs

from ..kernels import Kernel, kernels
from ..operators import GLOBAL_POOLS, NORMALIZATIONS, POOLS
from ..result import RefusalCode, Rewrite, node_name, refuse
from ..use_def import is_standard
from .extents import Axes, Extent, fixed, grows, small
from .sources import Sources
from .trunk import Trunk, baked

_GLOBAL = {"AveragePool": "GlobalAveragePool", "LpPool": "GlobalLpPool", "MaxPool": "GlobalMaxPool"}
_REDUCTION = {"AveragePool": "ReduceMean", "MaxPool": "ReduceMax"}


def kernel(node: gs.Node, trunk: Trunk, axis: int) -> Kernel:
    """The kernel of a Conv or a pool along a spatial axis of its input."""
    sizes = node.attrs.get("kernel_shape") or trunk.small_shape(node, node.inputs[1])[2:]
    return kernels(node, sizes)[axis - 2]


def _fitting(own: Kernel, trunk: Trunk, extent: Extent) -> Extent:
    """How many positions of a kernel fit an axis."""
    if own.is_same:
        return trunk.extents.strided(extent, -1, own.stride)
    slack = sum(own.pads) - own.span
    if not own.ceil or own.stride == 1:
        return trunk.extents.strided(extent, slack, own.stride)
    origin = ("ceil", extent, own.pads[0], slack, own.stride)
    return trunk.extents.derived(extent, own.positions, *origin)


def keeps_extent(node: gs.Node, trunk: Trunk, axis: int) -> bool:
    """Whether a Conv or a pool has as many positions on an axis as it reads."""
    if axis < 2:
        return axis == 0
    own = kernel(node, trunk, axis)
    return own.stride == 1 and (own.is_same or sum(own.pads) == own.span - 1)


def covers_axis(node: gs.Node, trunk: Trunk, axis: int) -> bool:
    """Whether a pool's kernel is all of an axis at the original size, each element once."""
    if axis < 2:
        return False
    own = kernel(node, trunk, axis)
    extent = small(trunk.axes(node, node.inputs[0])[axis])
    plain = all(dilation == 1 for dilation in node.attrs.get("dilations") or ())
    return plain and extent > 1 and own.span == extent and not any(own.pads)


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
        _fitting(kernel(node, trunk, axis), trunk, extent)
        for axis, extent in enumerate(data[2:], 2)
    ]


def _make_global(node: gs.Node, trunk: Trunk, whole: Sequence[int]) -> None:
    """Pool over all of some axes, whatever their extents are."""
    rank = len(trunk.axes(node, node.inputs[0]))
    others = [kernel(node, trunk, axis) for axis in range(2, rank) if axis not in whole]
    idle = all(other.is_trivial for other in others)
    if others and not (idle and node.op in _REDUCTION):
        raise refuse(
            RefusalCode.BAKED_EXTENT,
            node,
            expected="a kernel as large as the map along all axes or none",
            found=f"{node.attrs.get('kernel_shape')}, as large as the map along {sorted(whole)}",
            advice="If that is so at this size alone, export the model at a larger image size",
        )

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
    target = node.attrs.get("output_shape", [])[-len(data) + 2 :]
    positions, pads = [], []
    for axis, extent in enumerate(data[2:], 2):
        own = kernel(node, trunk, axis)
        whole = trunk.extents.product([extent, fixed(own.stride)])
        unpadded = own.span - own.stride + own.more
        more = unpadded - sum(own.pads)
        if target:
            more = target[axis - 2] - small(whole)
            pads.append(unpadded - more)
        positions.append(
            whole if own.is_same and not target else trunk.extents.shifted(whole, more)
        )
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
    """Operators with one number a channel, on ``[N, C, *s]``.

    Raises:
        Refused: axis 1 grows: their numbers belong to rows or columns.
    """
    data = node.inputs[0]
    if is_standard(node, *NORMALIZATIONS) and grows(trunk.axes(node, data)[1]):
        raise refuse(
            RefusalCode.MAP_SIZED_CONSTANT,
            node,
            expected="numbers for each channel, on [N, C, ...]",
            found=f"numbers for each position along axis 1 of '{data.name}', which grows",
        )
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
