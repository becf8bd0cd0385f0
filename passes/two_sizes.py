"""A graph's shapes at two image sizes: what differs between them grows with the image."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs

from .evaluation import Constants
from .result import RefusalCode, Refused, refuse
from .skeleton import Shape


@dataclass(frozen=True)
class TwoSizes:
    """A graph's shapes at the original image size and at a larger one.

    Attributes:
        opset: version of ai.onnx.
        constants: constant tensors of the graph.
        small: shapes at the original size, by tensor name.
        large: shapes at the larger size, by tensor name.
    """

    opset: int
    constants: Constants
    small: Mapping[str, Shape]
    large: Mapping[str, Shape]

    def growing(self, tensor: gs.Tensor) -> set[int]:
        """Axes of a tensor that differ between the two sizes; none where a shape is unknown."""
        if tensor.name not in self.small or tensor.name not in self.large:
            return set()
        pairs = zip(self.small[tensor.name], self.large[tensor.name], strict=True)
        return {axis for axis, (small, large) in enumerate(pairs) if small != large}

    def rank(self, tensor: gs.Tensor) -> int:
        """Number of axes of a tensor."""
        return len(self.small[tensor.name])

    def operand(self, node: gs.Node, name: str, index: int) -> np.ndarray | None:
        """An operand that older opsets have as attribute ``name`` and newer ones as an input.

        Returns:
            Its value, one-dimensional; ``None`` where it is absent.

        Raises:
            Refused: it is computed from data.
        """
        if name in node.attrs:
            return np.atleast_1d(np.asarray(node.attrs[name]))
        if len(node.inputs) <= index or not node.inputs[index].name:
            return None
        if node.inputs[index] not in self.constants:
            raise baked(node, f"'{node.inputs[index].name}' ({name}), computed at run time")
        return np.atleast_1d(self.constants.values(node.inputs[index]))


def baked(node: gs.Node, found: str) -> Refused:
    """Refusal of a node that works at the original image size only."""
    return refuse(
        RefusalCode.BAKED_EXTENT, node, expected="a node that works at any image size", found=found
    )
