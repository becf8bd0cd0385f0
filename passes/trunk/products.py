"""Matrix products."""

import onnx_graphsurgeon as gs

from ..result import RefusalCode, refuse
from .demands import ask
from .elementwise import broadcast_axes, meet
from .extents import Axes, Extent, grows, small
from .trunk import Trunk, baked


def matmul(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """MatMul: ``[*b, I, K] x [*b, K, J]`` gives ``[*b, I, J]``."""
    left, right = (trunk.axes(node, tensor) for tensor in node.inputs[:2])
    if len(left) < 2 or len(right) < 2:
        raise baked(node, "a product with a vector")
    _contract(node, trunk, (len(left) - 1, len(right) - 2))
    batches = [(node.inputs[0], range(len(left) - 2)), (node.inputs[1], range(len(right) - 2))]
    batch = broadcast_axes(node, trunk, batches)
    _refuse_attention(node, left[-2], right[-1])
    return [(*batch, left[-2], right[-1])]


def gemm(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Gemm: ``A x B + C``, with ``A`` or ``B`` transposed where it says so."""
    left, right = (trunk.axes(node, tensor) for tensor in node.inputs[:2])
    flips = [int(node.attrs.get(name, 0)) for name in ("transA", "transB")]
    _contract(node, trunk, (1 - flips[0], flips[1]))
    rows, columns = left[flips[0]], right[1 - flips[1]]
    _refuse_attention(node, rows, columns)
    bias = node.inputs[2] if len(node.inputs) > 2 and node.inputs[2].name else None
    if bias is not None and any(
        grows(extent) and own and own != extent
        for own, extent in zip(trunk.axes(node, bias)[::-1], (columns, rows), strict=False)
    ):
        raise baked(node, f"'{bias.name}', which is as large as the map")
    return [(rows, columns)]


def _contract(node: gs.Node, trunk: Trunk, axes: tuple[int, int]) -> None:
    """Check the axes that are summed over.

    Raises:
        Refused: they are positions, and the other matrix is a constant.
    """
    for tensor, axis in zip(node.inputs, axes, strict=False):
        extent = trunk.axes(node, tensor)[axis]
        spare = grows(extent) and all(f.small == 1 for f in extent if f.key)
        if spare and ask(node, trunk, tensor, axis, ()):
            return
    pairs = list(zip(node.inputs, axes, strict=False))
    for (tensor, axis), (other, _) in (pairs, pairs[::-1]):
        extent = trunk.axes(node, tensor)[axis]
        if grows(extent) and other in trunk.constants:
            raise refuse(
                RefusalCode.MAP_SIZED_CONSTANT,
                node,
                expected="weights that act on the channels",
                found=f"'{other.name}', which weighs the {small(extent)} elements of axis {axis}"
                f" of '{tensor.name}' one by one",
                advice="A dense layer of a head slides after the pass flatten_gemm_to_conv",
            )
    meet(node, trunk, pairs, broadcasts=False)


def _refuse_attention(node: gs.Node, rows: Extent, columns: Extent) -> None:
    """Refuse a product of every position with every other.

    Raises:
        Refused: both extents grow with the image.
    """
    if grows(rows) and grows(columns):
        shape = f"{small(rows)} x {small(columns)}"
        raise refuse(
            RefusalCode.POSITIONS_MIXED,
            node,
            expected="positions that are computed alike, or pooled",
            found=f"attention between positions: a product of {shape} that grows on both axes",
        )


RULES = {"Gemm": gemm, "MatMul": matmul}
