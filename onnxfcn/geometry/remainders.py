"""Whether what cells see depends on what strides leave over of an image's size."""

import onnx_graphsurgeon as gs

from passes.use_def import is_standard

from .program import Program

_PLACES = {
    "Gather": {"indices": 1},
    "GatherND": {"indices": 1},
    "Slice": {"starts": 1, "steps": 4},
}
"""Operands that say which positions are taken, and which inputs they are."""


def depends_on_remainders(program: Program) -> bool:
    """Whether any node may read, of some images, at other places counted from the start.

    What counts from the end may: automatic pads, mirrored pads, interpolation, cuts. So may what is
    computed from the size.
    """
    return any(_counts_from_the_end(program, node) for node in program.nodes)


def _counts_from_the_end(program: Program, node: gs.Node) -> bool:
    if str(node.attrs.get("auto_pad") or "NOTSET").startswith("SAME"):
        return any(stride > 1 for stride in node.attrs.get("strides") or [])
    if is_standard(node, "Pad"):
        # Zeros behind the end are no pixels, like those of a convolution.
        repeats = node.attrs.get("mode", "constant") != "constant"
        return repeats or program.operand(node, "pads", 1) is None
    if is_standard(node, *_PLACES):
        places = [program.operand(node, *operand) for operand in _PLACES[node.op].items()]
        return any(found is None or bool((found < 0).any()) for found in places)
    return is_standard(node, "Resize", "Upsample")
