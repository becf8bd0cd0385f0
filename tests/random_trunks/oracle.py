"""A freed trunk that is right at both image sizes, because it was told them: it tests the test."""

from collections.abc import Iterator
from math import prod

import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper

from .recipe import Recipe

_CONDITION, _ONE = "is_own_size", "one"


def baked_names(recipe: Recipe) -> list[str]:
    """Constants, and first outputs of nodes, that differ between the image sizes."""
    return [name for name, _ in _differing(*_written(recipe))]


def chosen_by_size(recipe: Recipe, left: str | None = None) -> ModelProto:
    """The trunk with symbolic axes, where an If chooses everything that depends on the size.

    Args:
        recipe: the trunk.
        left: one of ``baked_names`` that is left as it is at the model's own size.
    """
    own, larger = _written(recipe)
    chosen = {name: pair for name, pair in _differing(own, larger) if name != left}
    model = ModelProto()
    model.CopyFrom(own)
    graph = model.graph
    constants = [tensor for tensor in graph.initializer if tensor.name not in chosen]
    front = [_choice(*chosen[t.name]) for t in graph.initializer if t.name in chosen]
    nodes = [_choice(*chosen[n.output[0]]) if n.output[0] in chosen else n for n in graph.node]
    condition = _condition(recipe)
    del graph.value_info[:], graph.initializer[:], graph.node[:]
    graph.initializer.extend(constants)
    graph.node.extend([*condition, *front, *nodes])
    for value in (*graph.input, *graph.output):
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if axis:
                dim.Clear()
    return model


def _written(recipe: Recipe) -> tuple[ModelProto, ModelProto]:
    return recipe.write(recipe.sizes[0]), recipe.write(recipe.sizes[1])


def _differing(
    own: ModelProto, larger: ModelProto
) -> Iterator[tuple[str, tuple[NodeProto, NodeProto]]]:
    """What differs, by name, as nodes that make it."""
    for left, right in zip(own.graph.initializer, larger.graph.initializer, strict=True):
        if left != right:
            yield left.name, (_constant(left), _constant(right))
    for before, after in zip(own.graph.node, larger.graph.node, strict=True):
        if before != after:
            yield before.output[0], (before, after)


def _constant(tensor: TensorProto) -> NodeProto:
    return helper.make_node("Constant", [], [tensor.name], value=tensor)


def _choice(own: NodeProto, larger: NodeProto) -> NodeProto:
    """One node or the other, by the size of the image."""
    branches = [_branch(own, "own"), _branch(larger, "larger")]
    return helper.make_node(
        "If", [_CONDITION], own.output, then_branch=branches[0], else_branch=branches[1]
    )


def _branch(node: NodeProto, prefix: str) -> onnx.GraphProto:
    names = [f"{prefix}_{name}" for name in node.output]
    dtype = TensorProto.FLOAT
    inner = NodeProto()
    inner.CopyFrom(node)
    del inner.output[:]
    inner.output.extend(names)
    nodes = [inner]
    if node.op_type == "Constant":
        table = node.attribute[0].t
        dtype = table.data_type
        if len(table.dims) > 1:
            nodes = _veiled(table, names[0])
    infos = [helper.make_tensor_value_info(name, dtype, None) for name in names]
    return helper.make_graph(nodes, prefix, [], infos)


def _veiled(tensor: TensorProto, name: str) -> list[NodeProto]:
    """A constant whose shape cannot be inferred: an If takes no branches of different shapes."""
    table = TensorProto()
    table.CopyFrom(tensor)
    table.name = f"{name}_flat"
    del table.dims[:]
    table.dims.append(prod(tensor.dims))
    shape = helper.make_tensor(f"{name}_shape", TensorProto.INT64, [len(tensor.dims)], tensor.dims)
    return [
        _constant(table),
        _constant(shape),
        helper.make_node("Mul", [shape.name, _ONE], [f"{name}_target"]),
        helper.make_node("Reshape", [table.name, f"{name}_target"], [name]),
    ]


def _condition(recipe: Recipe) -> list[NodeProto]:
    """Whether the image has the model's own size; and a 1 that nobody can foresee."""
    axis = 1 if recipe.channels_last else 2
    numbers = {"size_axis": axis, "own_extent": recipe.sizes[0][0]}
    constants = [
        _constant(helper.make_tensor(name, TensorProto.INT64, [], [number]))
        for name, number in numbers.items()
    ]
    return [
        *constants,
        helper.make_node("Shape", ["image"], ["image_shape"]),
        helper.make_node("Gather", ["image_shape", "size_axis"], ["image_extent"]),
        helper.make_node("Equal", ["image_extent", "own_extent"], [_CONDITION]),
        helper.make_node("Div", ["image_extent", "image_extent"], [_ONE]),
    ]
