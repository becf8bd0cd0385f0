"""What each weight of a light model is for, read off the node that consumes it."""

from collections.abc import Iterable
from dataclasses import dataclass

import onnx
from onnx import TensorProto, numpy_helper

VIEWS = ("Reshape", "Unsqueeze")
"""Operators through which a light model's weight may pass before it is used."""

KERNEL = 1
"""Place of the kernel among the inputs of Conv and Gemm."""


@dataclass(frozen=True)
class Role:
    """Where a weight is used.

    Attributes:
        op_type: Operator of the consumer.
        place: Place of the weight among the consumer's inputs.
        position: Place of the consumer in the graph's node list.
        rectified: Whether the consumer's first input has gone through a ReLU; it has not where it
            is the image, or comes straight from a BatchNormalization.
        meets_shortcut: Whether the consumer's output goes straight into a Sum.
    """

    op_type: str
    place: int
    position: int
    rectified: bool
    meets_shortcut: bool

    @property
    def is_kernel(self) -> bool:
        """Whether the weight is the kernel of a Conv or Gemm."""
        return self.op_type in ("Conv", "Gemm") and self.place == KERNEL


def parameter_shapes(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """Return the shape of each weight: ConstantOfShape outputs, then float initializers in use."""
    initializers = {initializer.name: initializer for initializer in graph.initializer}
    shapes = {
        node.output[0]: tuple(numpy_helper.to_array(initializers[node.input[0]]).tolist())
        for node in graph.node
        if node.op_type == "ConstantOfShape"
    }
    read = {name for node in graph.node for name in node.input}
    for name, initializer in initializers.items():
        if initializer.data_type == TensorProto.FLOAT and name in read:
            shapes[name] = tuple(initializer.dims)
    return shapes


def parameter_roles(graph: onnx.GraphProto, names: Iterable[str]) -> dict[str, Role]:
    """Return the role of each of the named weights, each of which has a single consumer."""
    consumers = {
        name: (position, place)
        for position, node in enumerate(graph.node)
        for place, name in enumerate(node.input)
    }
    producers = {output: node for node in graph.node for output in node.output}
    summed = {name for node in graph.node if node.op_type == "Sum" for name in node.input}

    def role(name: str) -> Role:
        position, place = consumers[name]
        node = graph.node[position]
        if node.op_type in VIEWS:
            return role(node.output[0])
        producer = producers.get(node.input[0])
        return Role(
            op_type=node.op_type,
            place=place,
            position=position,
            rectified=producer is not None and producer.op_type != "BatchNormalization",
            meets_shortcut=node.output[0] in summed,
        )

    return {name: role(name) for name in names}
