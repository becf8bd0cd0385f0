"""The state of a head while its nodes are matched: what every tensor becomes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import onnx_graphsurgeon as gs

from ..evaluation import Constants
from ..result import RefusalCode, Rewrite, refuse
from ..splice import Splice
from ..static_shapes import Shape
from ..view_chain import Window


@dataclass(frozen=True)
class Cells:
    """A vector ``[N, F]`` that becomes the map ``[N, F, *o]``.

    Attributes:
        tensor: the tensor that holds the map after the rewrite.
    """

    tensor: gs.Tensor


Edit = Callable[[Splice], Rewrite | None]
"""Lifts one node in place; returns what to tell the user, ``None`` where nothing changed."""


class Head:
    """What the rules may ask about the head that they lift.

    Attributes:
        graph: the whole graph.
        shapes: static shapes at the original input size, by tensor name.
        constants: constant tensors of the graph.
        spatial_rank: number of spatial axes of the feature maps.
        step: cells from one window to the next, an axis each.
        lifted: what every tensor of the head becomes, by ``id`` of the tensor.
    """

    def __init__(
        self,
        graph: gs.Graph,
        shapes: Mapping[str, Shape],
        constants: Constants,
        step: tuple[int, ...],
    ) -> None:
        self.graph = graph
        self.shapes = shapes
        self.constants = constants
        self.spatial_rank = len(step)
        self.step = step
        self.lifted: dict[int, Cells | Window] = {}

    @property
    def opset(self) -> int:
        """Version of ai.onnx that the model imports."""
        return int(self.graph.opset)

    def static_shape(self, node: gs.Node, tensor: gs.Tensor) -> Shape:
        """Shape of a tensor at the original size, batch included.

        Raises:
            Refused: the shape is not known.
        """
        shape = self.shapes.get(tensor.name)
        if shape is None or any(not isinstance(extent, int) for extent in shape[1:]):
            raise refuse(
                RefusalCode.SHAPE_UNKNOWN,
                node,
                expected=f"a known shape of '{tensor.name}'",
                found="no shape" if shape is None else f"shape {list(shape)}",
                advice="Run onnx.shape_inference on the model, or give --input-size",
            )
        return shape

    def cells(self, node: gs.Node, tensor: gs.Tensor) -> Cells:
        """The map that ``tensor`` becomes, for a node that reads it as a vector.

        Raises:
            Refused: the tensor is the flattened window itself, or no part of the head.
        """
        lifted = self.lifted.get(id(tensor))
        if isinstance(lifted, Cells):
            return lifted
        if isinstance(lifted, Window):
            raise refuse(
                RefusalCode.INTERNAL_OUTPUT,
                node,
                expected="a dense layer behind the flattened window",
                found=f"that {node.op} reads '{tensor.name}', the window itself",
            )
        raise refuse(
            RefusalCode.SECOND_INPUT,
            node,
            expected="vectors of the head and constants",
            found=f"'{tensor.name}', which does not come from the feature map",
        )

    def window(self, node: gs.Node, tensor: gs.Tensor) -> Window:
        """The window that ``tensor`` is a view of; for a vector ``[N, F]``, a window of one cell.

        Raises:
            Refused: the tensor is no part of the head.
        """
        lifted = self.lifted.get(id(tensor))
        if isinstance(lifted, Window):
            return lifted
        self.cells(node, tensor)
        shape = self.static_shape(node, tensor)
        return Window(
            source=tensor,
            batch=shape[0] if isinstance(shape[0], int) else None,
            channels=self.features(node, tensor),
            extents=(1,) * (len(shape) - 2),
        )

    def features(self, node: gs.Node, tensor: gs.Tensor) -> int:
        """``F`` of a vector ``[N, F]`` or ``[N, F, 1, ...]``."""
        shape = self.static_shape(node, tensor)
        if len(shape) < 2 or any(extent != 1 for extent in shape[2:]):
            raise refuse(
                RefusalCode.NO_RULE,
                node,
                expected="vectors [N, F]",
                found=f"'{tensor.name}' of shape {list(shape)}",
            )
        assert isinstance(shape[1], int)
        return shape[1]
