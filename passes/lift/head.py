"""The state of a head while its nodes are matched: what every tensor becomes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod

import numpy as np
import onnx_graphsurgeon as gs
from onnx import TensorProto

from ..evaluation import Constants
from ..images import Roles, spatial_axes
from ..opsets import CONV_OF_BFLOAT16
from ..result import RefusalCode, refuse
from ..shapes import Shape
from ..signatures import attribute_or_input
from ..static_shapes import StaticShapes
from ..view_chain import mixed
from ..window import Scattered, Window
from .lifted import Cells, Edit, Grid, Lifted
from .no_vector import no_vector, shape_unknown
from .single_cell import as_vector
from .single_sample import cell_of, without_batch


class Head:
    """What the rules may ask about the head that they lift.

    Attributes:
        graph: the whole graph.
        shapes: static shapes at the original input size, by tensor name.
        roles: the roles of a tensor's axes before the head, where they are known.
        constants: constant tensors of the graph.
        spatial_rank: number of spatial axes of the feature maps.
        step: cells from one window to the next, an axis each.
        samples: number of samples, two where the batch is symbolic.
        lifted: what every tensor of the head becomes, by ``id`` of the tensor.
        entries: edits that make maps of windows of one cell, to be made before all others.
    """

    def __init__(
        self,
        graph: gs.Graph,
        shapes: StaticShapes,
        grown: Mapping[str, Shape],
        roles: Callable[[gs.Tensor], Roles | None],
        constants: Constants,
        samples: int,
        step: tuple[int, ...],
    ) -> None:
        self.graph = graph
        self.shapes = shapes
        self.roles = roles
        self.constants = constants
        self.spatial_rank = len(step)
        self.step = step
        self.samples = samples
        self.lifted: dict[int, Lifted] = {}
        self.entries: list[Edit] = []
        self._grown = grown

    @property
    def opset(self) -> int:
        """Version of ai.onnx that the model imports."""
        return int(self.graph.opset)

    @property
    def one_cell(self) -> tuple[int, ...]:
        """Extents of a window of one cell."""
        return (1,) * self.spatial_rank

    def grid(self, window: Window) -> Grid:
        """Which windows the cells of a map made from such windows stand for."""
        shape, roles = self._grown.get(window.feature_map), window.map_roles or window.roles
        if window.tokens is not None:
            shape = (self.samples, *window.tokens.grown)
        if shape is None or len(shape) != len(roles):
            return ((window.feature_map,), window.spans)
        large = (shape[axis] for axis in spatial_axes(roles))
        pairs = zip(large, window.spans, strict=True)
        return (tuple(e - own if isinstance(e, int) else e for e, own in pairs),)

    def static_shape(self, node: gs.Node, tensor: gs.Tensor) -> Shape:
        """Shape of a tensor at the original size, batch included.

        Raises:
            Refused: the shape is not known.
        """
        shape = self.shapes.get(tensor.name)
        if shape is None or any(not isinstance(extent, int) for extent in shape[1:]):
            raise shape_unknown(node, tensor, shape)
        return shape

    def extent(self, node: gs.Node, tensor: gs.Tensor, axis: int) -> int:
        """Extent of an axis of a tensor at the original size.

        Raises:
            Refused: it is not known.
        """
        shape = self.static_shape(node, tensor)
        extent = shape[axis]
        if not isinstance(extent, int):
            raise shape_unknown(node, tensor, shape)
        return extent

    def check_type(self, node: gs.Node, tensor: gs.Tensor, operator: str) -> None:
        """Refuse a data type that an operator of the rewrite does not take.

        Raises:
            Refused: the tensor's type is known, and not one of the operator's.
        """
        found = self.shapes.types.get(tensor.name, TensorProto.UNDEFINED)
        takes = {TensorProto.UNDEFINED, TensorProto.FLOAT16, TensorProto.FLOAT, TensorProto.DOUBLE}
        if self.opset >= CONV_OF_BFLOAT16:
            takes.add(TensorProto.BFLOAT16)
        if operator == "MaxPool":
            takes |= {TensorProto.INT8, TensorProto.UINT8}
        if found not in takes:
            raise refuse(
                RefusalCode.TYPE_UNSUPPORTED,
                node,
                expected=f"a data type that {operator} takes",
                found=f"'{tensor.name}' of type {TensorProto.DataType.Name(found)}",
            )

    def constant_shape(self, node: gs.Node, tensor: gs.Tensor) -> tuple[int, ...]:
        """Shape of a constant."""
        declared = self.constants.declared(tensor)
        if declared is not None:
            return declared.shape
        self.static_shape(node, tensor)
        return self.stored_shape(tensor)

    def stored_shape(self, tensor: gs.Tensor) -> tuple[int, ...]:
        """Known extents of a tensor at the original size; all of them, of a constant."""
        shape = self.shapes.get(tensor.name, ())
        return tuple(extent for extent in shape if isinstance(extent, int))

    def constant(self, node: gs.Node, index: int, what: str) -> np.ndarray | None:
        """Value of a constant operand; ``None`` where the node does not have it.

        Raises:
            Refused: it is computed at run time.
        """
        if len(node.inputs) <= index or not node.inputs[index].name:
            return None
        if node.inputs[index] not in self.constants:
            raise refuse(
                RefusalCode.COMPUTED_WEIGHT,
                node,
                expected=f"constant {what}",
                found=f"'{node.inputs[index].name}', which is computed at run time",
            )
        return self.constants.values(node.inputs[index])

    def operand(self, node: gs.Node, name: str, index: int) -> np.ndarray | None:
        """A constant operand that older opsets have as attribute ``name``, one-dimensional.

        Raises:
            Refused: it is computed at run time.
        """
        found = attribute_or_input(node, name, index)
        if isinstance(found, gs.Tensor):
            found = self.constant(node, index, name)
        return None if found is None else np.atleast_1d(found)

    def required(self, node: gs.Node, index: int, what: str) -> np.ndarray:
        """Value of a constant operand that the operator cannot do without.

        Raises:
            Refused: it is computed at run time, or missing.
        """
        value = self.constant(node, index, what)
        if value is None:
            raise refuse(
                RefusalCode.COMPUTED_WEIGHT, node, expected=f"constant {what}", found="none"
            )
        return value

    def cells(self, node: gs.Node, tensor: gs.Tensor) -> Cells:
        """The map that ``tensor`` becomes, for a node that reads it as a vector.

        Raises:
            Refused: the tensor is the flattened window itself, and not of one cell, or no part of
                the head.
        """
        lifted = self.lifted.get(id(tensor))
        if isinstance(lifted, Scattered):
            lifted = without_batch(lifted) or lifted
        if isinstance(lifted, Cells):
            self.lifted[id(tensor)] = lifted
            return lifted
        window = cell_of(lifted) if isinstance(lifted, Scattered) else lifted
        if isinstance(lifted, Scattered) and window is None:
            raise mixed(lifted, node)
        if isinstance(window, Window):
            grid, types = self.grid(window), self.shapes.types
            cells, edit = as_vector(node, tensor, window, grid, self.step, types)
            if window is not lifted:
                cells = replace(cells, axes=cells.axes[1:])
            self.lifted[id(tensor)] = cells
            self.entries.append(edit)
            return cells
        grown = self._grown.get(tensor.name, ())
        grows = grown and grown[1:] != self.shapes.get(tensor.name, ())[1:]
        raise no_vector(node, tensor, constant=tensor in self.constants, grows=bool(grows))

    def window(self, node: gs.Node, tensor: gs.Tensor) -> Window:
        """The window that ``tensor`` is a view of; for a vector, a window of one cell.

        Raises:
            Refused: the tensor is no part of the head, or not one row a sample.
        """
        lifted = self.lifted.get(id(tensor))
        if isinstance(lifted, Window):
            return lifted
        if isinstance(lifted, Scattered):
            raise mixed(lifted, node)
        cells = self.cells(node, tensor)
        if not cells.axes or cells.axes[0] != 0:
            raise refuse(
                RefusalCode.BATCH_MIXED,
                node,
                expected="the batch as the first axis",
                found=f"'{tensor.name}', where it is another one",
            )
        numbers = np.arange(prod(cells.features), dtype=np.int64)
        inner = [axis - 1 for axis in cells.axes[1:] if axis is not None]
        arranged = numbers.reshape(cells.features).transpose(inner)
        shape = [1 if axis is None else cells.features[axis - 1] for axis in cells.axes[1:]]
        return Window(
            feature_map="",
            source=cells.tensor,
            roles=(0, *range(1 if cells.features else 2, 2 + self.spatial_rank)),
            samples=self.samples,
            channels=numbers.size,
            extents=self.one_cell,
            order=arranged.reshape(shape),
            origin=cells,
        )

    def vector(self, node: gs.Node, tensor: gs.Tensor) -> Cells:
        """The map of a vector ``[N, F]``, perhaps with 1-sized axes behind.

        Raises:
            Refused: its features have more than one axis.
        """
        cells = self.cells(node, tensor)
        if not cells.is_vector:
            raise refuse(
                RefusalCode.NO_RULE,
                node,
                expected="vectors [N, F]",
                found=f"'{tensor.name}' with features {list(cells.features)}",
            )
        return cells

    def feature_axis(self, node: gs.Node, cells: Cells, axis: int) -> int:
        """The map's axis for an axis of the original tensor, which may be negative.

        Raises:
            Refused: it is the batch, or an axis of extent 1 that the map does not have.
        """
        rank = len(cells.axes)
        mapped = cells.axes[axis % rank] if -rank <= axis < rank else None
        if not mapped:
            raise refuse(
                RefusalCode.WRONG_AXIS,
                node,
                expected="an axis of the features",
                found=f"axis {axis}, {'the batch' if mapped == 0 else 'of extent 1'}",
            )
        return mapped

    def same_grid(self, node: gs.Node, operands: Sequence[Cells]) -> Grid:
        """The grid that all operands have.

        Raises:
            Refused: their cells stand for different windows.
        """
        grids = {cells.grid for cells in operands}
        if len(grids) != 1:
            raise refuse(
                RefusalCode.WINDOWS_DIFFER,
                node,
                expected="vectors of one feature map, or of maps with one window and stride",
                found=" and ".join(f"'{cells.tensor.name}'" for cells in operands)
                + ", whose windows differ in size or stride",
            )
        return grids.pop()
