"""The nine real classifiers that the onnx wheel ships without their weights.

Their graphs are those of the ONNX model zoo, IR version 3 and opset 9. Almost every weight is a
ConstantOfShape node, whose shape is an initializer: the same value everywhere.
"""

from collections.abc import Container, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .light_logits import scale_logits
from .light_roles import Role, parameter_roles, parameter_shapes
from .light_values import draw
from .weights import Weights

NAMES = (
    "bvlc_alexnet",
    "densenet121",
    "inception_v1",
    "inception_v2",
    "resnet50",
    "shufflenet",
    "squeezenet",
    "vgg19",
    "zfnet512",
)

# IR version 3 asks for every initializer among the graph's inputs; later ones leave it open.
_LAST_IR_WITH_WEIGHT_INPUTS = 3


def load(name: str) -> onnx.ModelProto:
    """Load a light model as shipped: ``[1, 3, 224, 224]`` to 1000 classes.

    Raises:
        ValueError: If ``name`` is not one of ``NAMES``.
    """
    if name not in NAMES:
        raise ValueError(f"no light model {name!r}; there are {', '.join(NAMES)}")
    folder = Path(onnx.__path__[0]) / "backend" / "test" / "data" / "light"
    return onnx.load(folder / f"light_{name}.onnx")


def with_random_weights(model: onnx.ModelProto, seed: int = 0) -> onnx.ModelProto:
    """Give a light model random weights that keep its activations alive to the end.

    Every weight becomes an initializer (and, with IR version 3, a graph input) of its shape; the
    ConstantOfShape nodes and their shapes go. The few small parameters that are shipped with
    trained values are drawn anew as well: variances from 1e-14 to 5e4 fit only the trained kernels
    around them. The logits have a standard deviation of 1.4 to 2.9 over the classes on
    standard-normal noise.

    Args:
        model: As ``load`` returns it; not changed.
        seed: Seed of all weights.

    Returns:
        A new model with the same inputs and outputs. The largest, vgg19, has 575 MB.

    Raises:
        ValueError: If a weight's consumer is not one that the light models have.
    """
    rng = np.random.default_rng(seed)
    shapes = parameter_shapes(model.graph)
    roles = parameter_roles(model.graph, shapes)
    filled = _without_parameters(model, shapes)
    for name, shape in shapes.items():
        _add_parameter(filled, name, draw(rng, roles[name], shape))
    scale_logits(filled, _last_kernel(filled.graph, roles), seed=seed)
    return filled


def _without_parameters(
    model: onnx.ModelProto, parameters: Mapping[str, tuple[int, ...]]
) -> onnx.ModelProto:
    """Copy a model without its parameters, and without what only ConstantOfShape nodes read."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    graph = bare.graph
    nodes = [node for node in graph.node if not parameters.keys() & set(node.output)]
    read = {name for node in nodes for name in node.input}
    filler_inputs = {name for node in graph.node for name in node.input} - read
    gone = parameters.keys() | filler_inputs
    _keep_nodes(graph, nodes)
    _drop_named(graph, gone)
    return bare


def _keep_nodes(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    kept = onnx.GraphProto(node=nodes)
    del graph.node[:]
    graph.node.extend(kept.node)


def _drop_named(graph: onnx.GraphProto, names: Container[str]) -> None:
    for index in reversed(range(len(graph.initializer))):
        if graph.initializer[index].name in names:
            del graph.initializer[index]
    for index in reversed(range(len(graph.input))):
        if graph.input[index].name in names:
            del graph.input[index]


def _add_parameter(model: onnx.ModelProto, name: str, values: Weights) -> None:
    model.graph.initializer.append(numpy_helper.from_array(values, name))
    if model.ir_version <= _LAST_IR_WITH_WEIGHT_INPUTS:
        model.graph.input.append(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, values.shape)
        )


def _last_kernel(graph: onnx.GraphProto, roles: Mapping[str, Role]) -> onnx.TensorProto:
    """Return the kernel of the last Conv or Gemm, which computes the logits."""
    kernels = {name: role.position for name, role in roles.items() if role.is_kernel}
    last = max(kernels, key=lambda name: kernels[name])
    initializers: dict[str, onnx.TensorProto] = {
        initializer.name: initializer for initializer in graph.initializer
    }
    return initializers[last]
