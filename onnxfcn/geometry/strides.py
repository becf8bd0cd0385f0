"""What the strides of a graph multiply up to."""

from math import lcm

import onnx_graphsurgeon as gs

from passes.use_def import is_standard

from .program import Program

_STEPS = 4
"""Place of a Slice's operand ``steps``."""


def common_stride(program: Program) -> int:
    """A multiple of the product of the strides along every path from the image.

    Upsampling, after which maps repeat in fewer pixels, is not counted: it is then a larger
    multiple than need be.
    """
    so_far: dict[int, int] = {}
    for node in program.nodes:
        before = lcm(*(so_far.get(id(tensor), 1) for tensor in node.inputs))
        for tensor in node.outputs:
            so_far[id(tensor)] = before * _stride(program, node)
    return lcm(*so_far.values())


def _stride(program: Program, node: gs.Node) -> int:
    """A multiple of a node's strides along all axes."""
    if is_standard(node, "ConvTranspose"):
        return 1
    if is_standard(node, "Slice"):
        steps = program.operand(node, "steps", _STEPS)
        found = [] if steps is None else steps.reshape(-1).tolist()
    else:
        found = node.attrs.get("strides") or []
    return lcm(*(abs(int(stride)) or 1 for stride in found))
