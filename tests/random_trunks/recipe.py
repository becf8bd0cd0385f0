"""A trunk that can be written at several image sizes, with the same weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from .builder import FLOAT, Value
from .extents import at

_IR_VERSIONS = {9: 4, 10: 5, 11: 6, 12: 7, 13: 7, 14: 7, 15: 8, 19: 9, 21: 10}
"""The IR version that came with an opset; where there is none, that of the opset before."""

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Recipe:
    """A random trunk, and what is known of it.

    Attributes:
        nodes: as they are at the model's own size.
        initializers: the same.
        image: the graph's input.
        outputs: the graph's outputs.
        batch: samples; ``None`` where the axis is symbolic.
        opset: version of ai.onnx.
        sizes: image sizes in pixels, the model's own first.
        sized: by name, what a constant holds at each size, where that differs.
        sized_attributes: by first output of a node, its attributes that differ.
        annotated: whether the model declares the shapes of its inner tensors.
        labels: what it is made of.
        channels_last: whether the image is ``[N, *s, C]``.
    """

    nodes: tuple[NodeProto, ...]
    initializers: tuple[TensorProto, ...]
    image: Value
    outputs: tuple[Value, ...]
    batch: int | None
    opset: int
    sizes: tuple[tuple[int, ...], ...]
    sized: Mapping[str, list[Array]] = field(repr=False)
    sized_attributes: Mapping[str, dict[str, Any]]
    annotated: bool
    labels: tuple[str, ...]
    channels_last: bool

    def __repr__(self) -> str:
        return f"Recipe({self.sizes}, {onnx.printer.to_text(self.write(self.sizes[0]))})"

    @property
    def is_baked(self) -> bool:
        """Whether anything in it depends on the image size."""
        names = {tensor.name for tensor in self.initializers}
        names.update(output for node in self.nodes for output in node.output)
        return any(name in names for name in (*self.sized, *self.sized_attributes))

    def write(self, size: tuple[int, ...]) -> onnx.ModelProto:
        """The model for images of one of ``sizes``, every extent baked in."""
        index = self.sizes.index(size)
        graph = helper.make_graph(
            [self._node(node, index) for node in self.nodes],
            "trunk",
            [self._info(self.image, index)],
            [self._info(value, index) for value in self.outputs],
            [self._tensor(tensor, index) for tensor in self.initializers],
        )
        opset = helper.make_opsetid("", self.opset)
        version = _IR_VERSIONS[max(o for o in _IR_VERSIONS if o <= self.opset)]
        model = helper.make_model(graph, opset_imports=[opset], ir_version=version)
        if not self.annotated:
            return model
        return onnx.shape_inference.infer_shapes(model, data_prop=True)

    def _info(self, value: Value, index: int) -> onnx.ValueInfoProto:
        batch = "N" if self.batch is None else self.batch
        return helper.make_tensor_value_info(value.name, FLOAT, [batch, *at(value.shape, index)])

    def _tensor(self, tensor: TensorProto, index: int) -> TensorProto:
        if tensor.name not in self.sized:
            return tensor
        return numpy_helper.from_array(np.asarray(self.sized[tensor.name][index]), tensor.name)

    def _node(self, node: NodeProto, index: int) -> NodeProto:
        name = node.output[0]
        if node.op_type == "Constant" and name in self.sized:
            value = numpy_helper.from_array(np.asarray(self.sized[name][index]), name)
            return helper.make_node("Constant", [], [name], value=value)
        if name not in self.sized_attributes:
            return node
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        attributes |= {k: at(v, index) for k, v in self.sized_attributes[name].items()}
        return helper.make_node(node.op_type, node.input, node.output, **attributes)
