"""Split."""

from collections.abc import Sequence

import onnx_graphsurgeon as gs

from ..opsets import SLICE_BOUNDS_AS_INPUTS
from ..result import Rewrite, node_name
from .cuts import bounds_text, cut_extent, relative_bounds
from .extents import Axes, fixed, grows, small
from .sources import Sources
from .trunk import Trunk, baked, smalls


def split(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Parts along an axis; parts of an axis that grows keep their distance from both ends."""
    data = trunk.axes(node, node.inputs[0])
    axis = int(node.attrs.get("axis", 0)) % len(data)
    sizes = trunk.constant_operand(node, "split", 1)
    if not grows(data[axis]):
        total, count = small(data[axis]), len(node.outputs)
        even = [-(-total // count)] * (count - 1)
        parts = [*even, total - sum(even)] if sizes is None else sizes.tolist()
        return [(*data[:axis], fixed(int(part)), *data[axis + 1 :]) for part in parts]
    if sizes is None:
        raise baked(node, f"equal parts of axis {axis}, which grows")
    joined = trunk.extents.parts(data[axis])
    if smalls(joined) == sizes.tolist():
        if "split" in node.attrs:
            raise baked(node, "parts that this opset cannot compute")
        _resplit(node, trunk, joined)
        return [(*data[:axis], part, *data[axis + 1 :]) for part in joined]
    firsts = [int(sizes[:index].sum()) for index in range(len(sizes))]
    total = small(data[axis])
    bounds = [
        relative_bounds(node, total, first, first + int(size), 1)
        for first, size in zip(firsts, sizes, strict=True)
    ]
    _to_slices(node, trunk, axis, bounds)
    cuts = [cut_extent(trunk, data[axis], pair, 1) for pair in bounds]
    return [(*data[:axis], cut, *data[axis + 1 :]) for cut in cuts]


def _resplit(node: gs.Node, trunk: Trunk, parts: Axes) -> None:
    """Split an axis into what it was put together from."""
    trunk.need(node, parts)

    def edit(sources: Sources) -> Rewrite:
        node.inputs = [node.inputs[0], sources.vector(parts)]
        return Rewrite(
            node=node_name(node),
            before=f"Split into {smalls(parts)}",
            after=f"Split into {trunk.text(parts)}",
        )

    trunk.edits[id(node)] = edit


def _to_slices(node: gs.Node, trunk: Trunk, axis: int, bounds: Sequence[tuple[int, int]]) -> None:
    """Put a Slice for every output in the place of a Split."""

    def edit(sources: Sources) -> Rewrite:
        data, outputs = node.inputs[0], list(node.outputs)
        before = f"Split into {len(outputs)}"
        for output, (start, end) in reversed(list(zip(outputs, bounds, strict=True))):
            cut = node
            if output is not outputs[0]:
                cut = gs.Node("Slice", sources.splice.names(f"{node_name(node)}_slice"))
                sources.splice.insert_after(node, cut)
            cut.op = "Slice"
            cut.attrs.clear()
            cut.inputs, cut.outputs = [data], [output]
            if trunk.opset < SLICE_BOUNDS_AS_INPUTS:
                cut.attrs.update({"axes": [axis], "starts": [start], "ends": [end]})
            else:
                names = (("starts", start), ("ends", end), ("axes", axis))
                cut.inputs += [sources.numbers([value], name) for name, value in names]
        return Rewrite(node=node_name(node), before=before, after=bounds_text(trunk, bounds))

    trunk.edits[id(node)] = edit


RULES = {"Split": split}
