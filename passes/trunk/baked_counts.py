"""Numbers of positions that were baked into constants, such as ``1/49`` for 7x7 positions."""

import numpy as np
import onnx_graphsurgeon as gs

from ..result import Rewrite, node_name
from .extents import Extent, large, small
from .powers import Powers
from .sources import Sources
from .trunk import Pair, Trunk

_ROUNDING, _ROUNDING_ELSE = {"float16": 2e-3, "bfloat16": 1e-2}, 1e-5
"""Largest relative error of a number that was baked."""
_FORMS = ((1.0, 0), (0.5, 0), (1.0, 1))
"""Exponent and what is taken off first: the number of positions itself, its root (attention), and
one less (unbiased variance)."""
TELLING = 4
"""Fewer positions than that are no telling number."""


def single_number(trunk: Trunk, node: gs.Node, tensor: gs.Tensor) -> tuple[float, float] | None:
    """The number that a constant holds in all its elements, at both image sizes.

    Returns:
        ``None`` where the tensor is not known, or holds several numbers or none.
    """
    if tensor not in trunk.constants and not trunk.has_value(tensor):
        return None
    pair: Pair = trunk.value(node, tensor)
    uniform = all(v.size and v.dtype.kind == "f" and np.all(v == v.flat[0]) for v in pair)
    return (float(pair[0].flat[0]), float(pair[1].flat[0])) if uniform else None


def takes_back(trunk: Trunk, node: gs.Node, index: int, powers: Powers) -> bool:
    """Whether an operand is the number of positions that went into the product; frees it then.

    Args:
        trunk: a followed trunk; gets an edit where the number is baked.
        node: a Mul or a Div.
        index: which operand.
        powers: of the product without the operand.
    """
    tensor = node.inputs[index]
    values, count = single_number(trunk, node, tensor), powers.count
    if values is None or count is None or small(count[0]) < TELLING:
        return False
    extent, power = count
    exponent = float(power) * (1 if node.op == "Div" else -1)
    rows = [
        [(number - less) ** (exponent * root) for number in (small(extent), large(extent))]
        for root, less in _FORMS
    ]
    errors = [abs(values[0] - at_small) / at_small for at_small, _ in rows]
    best, rounding = int(np.argmin(errors)), _ROUNDING.get(str(tensor.dtype), _ROUNDING_ELSE)
    if errors[best] > rounding:
        return False
    if not np.isclose(values[1], rows[best][1], rtol=rounding):
        root, less = _FORMS[best]
        compute_number(trunk, node, index, extent, exponent * root, less)
    return True


def compute_number(
    trunk: Trunk,
    node: gs.Node,
    index: int,
    extent: Extent,
    exponent: float = 1.0,
    less: int = 0,
) -> None:
    """Compute a number of positions that was baked into an operand.

    Args:
        trunk: a followed trunk; gets the edit.
        node: who reads the operand.
        index: which operand.
        extent: the positions.
        exponent: of their number.
        less: what is taken off their number first.
    """
    constant = node.inputs[index]
    trunk.need(node, [extent])
    value = trunk.value(node, constant)[0]

    def edit(sources: Sources) -> Rewrite:
        number = sources.scalar(extent, value.dtype)
        if less:
            one = sources.splice.constant("one", np.array(less, value.dtype))
            number = sources.apply("Sub", [number, one])
        if abs(exponent) == 0.5:
            number = sources.apply("Sqrt", [number])
        elif abs(exponent) != 1:
            power = sources.splice.constant("power", np.array(abs(exponent), value.dtype))
            number = sources.apply("Pow", [number, power])
        node.inputs[index] = sources.apply("Reciprocal", [number]) if exponent < 0 else number
        return Rewrite(
            node=node_name(node),
            before=f"{node.op} by {value.flat[0]:.6g}",
            after=f"{node.op} by {_text(trunk.text((extent,))[1:-1], exponent, less)}",
        )

    trunk.edits[id(node)] = edit


def _text(positions: str, exponent: float, less: int) -> str:
    """A power of a number of positions, such as ``1/(height * width)``."""
    number = f"({positions}{' - 1' if less else ''})"
    number = f"sqrt{number}" if abs(exponent) == 0.5 else number
    return f"1/{number}" if exponent < 0 else number
