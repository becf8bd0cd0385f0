"""Fully convolutional models spoiled on purpose."""

from collections.abc import Callable

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper


def node(graph: GraphProto, name: str) -> NodeProto:
    return next(node for node in graph.node if node.name == name)


def weight(graph: GraphProto, name: str) -> TensorProto:
    return next(tensor for tensor in graph.initializer if tensor.name == name)


def copy_of(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy


def bake(graph: GraphProto, original: GraphProto, name: str) -> None:
    """Put a node of the original back, with the numbers that were true at its own size."""
    baked = node(original, name)
    node(graph, name).CopyFrom(baked)
    there = {tensor.name for tensor in graph.initializer}
    missing = [t for t in original.initializer if t.name in baked.input and t.name not in there]
    graph.initializer.extend(missing)


def change(graph: GraphProto, name: str, edit: Callable[[np.ndarray], np.ndarray]) -> None:
    """Replace the values of an initializer."""
    tensor = weight(graph, name)
    values = np.array(numpy_helper.to_array(tensor))
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(edit(values)), name))


def transpose_kernel(graph: GraphProto) -> None:
    change(graph, "fc3.weight", lambda values: values.swapaxes(2, 3))


def exchange_channels(graph: GraphProto) -> None:
    change(graph, "fc3.weight", lambda values: values[:, ::-1])


def drop_bias(graph: GraphProto) -> None:
    del node(graph, "fc4").input[2]


def perturb_bias(graph: GraphProto) -> None:
    change(graph, "fc5.bias", lambda values: values + np.float32([0.01] + [0] * 9))


def double_the_step(graph: GraphProto) -> None:
    node(graph, "fc3").attribute.append(helper.make_attribute("strides", [2, 2]))


def pad_the_window(graph: GraphProto) -> None:
    node(graph, "fc3").attribute.append(helper.make_attribute("pads", [1, 1, 1, 1]))


def softmax_over_rows(graph: GraphProto) -> None:
    node(graph, "softmax").attribute[0].i = 2


def change_first_trunk_weight(graph: GraphProto) -> None:
    change(graph, "conv1.weight", lambda values: values * np.float32(1.01))


def change_last_trunk_weight(graph: GraphProto) -> None:
    change(graph, "conv2.weight", lambda values: values * np.float32(1.01))


def poison(graph: GraphProto) -> None:
    change(graph, "fc5.bias", lambda values: values * np.nan)


def rotate(graph: GraphProto, tensor: str, axis: int) -> None:
    """Let the readers of a tensor see every cell one further, the first one last."""
    one, end = ([extent] for extent in (1, np.iinfo(np.int64).max))
    bounds = {"zero": [0], "one": one, "end": end, "axis": [axis]}
    graph.initializer.extend(
        numpy_helper.from_array(np.array(values), f"rotate.{name}")
        for name, values in bounds.items()
    )
    readers = [n for n in graph.node if tensor in n.input]
    for reader in readers:
        reader.input[0] = "rotated"
    before, after = (
        helper.make_node("Slice", [tensor, *(f"rotate.{b}" for b in cut), "rotate.axis"], [name])
        for name, cut in (("rotated.first", ("zero", "one")), ("rotated.rest", ("one", "end")))
    )
    joined = helper.make_node("Concat", [after.output[0], before.output[0]], ["rotated"], axis=axis)
    index = next(i for i, n in enumerate(graph.node) if n.input[0] == "rotated")
    for added in (joined, after, before):
        graph.node.insert(index, added)


def show_neighbours(graph: GraphProto, tensor: str, places: np.ndarray) -> None:
    """Let the readers of a map see, at some places, the cell beside the one that they ask for.

    Args:
        graph: the graph; a map of one cell stays what it is.
        tensor: name of the map, ``[N, C, H, W]``.
        places: where, ``[H, W]`` of the only larger map that the graph is run on.
    """
    rotate(graph, tensor, 3)
    index = next(i for i, n in enumerate(graph.node) if "rotated" in n.input)
    graph.node[index].input[0] = "mixed"
    constants = {
        "nought": np.float32(0),
        "unit": np.float32(1),
        "columns": np.float32(places.shape[1]),
        "beyond": np.float32(-1),
        "rows axis": np.int64(2),
        "columns axis": np.int64(3),
        "places": places.ravel(),
    }
    graph.initializer.extend(numpy_helper.from_array(np.array(v), k) for k, v in constants.items())
    # Number of every cell, in row-major order.
    chain = [
        ("Mul", [tensor, "nought"], "noughts"),
        ("Add", ["noughts", "unit"], "units"),
        ("CumSum", ["units", "rows axis"], "row"),
        ("Add", ["row", "beyond"], "rows before"),
        ("Mul", ["rows before", "columns"], "cells before"),
        ("CumSum", ["units", "columns axis"], "column"),
        ("Add", ["cells before", "column"], "counted"),
        ("Add", ["counted", "beyond"], "number"),
    ]
    added = [helper.make_node(operator, read, [made]) for operator, read, made in chain]
    added += [
        helper.make_node("Cast", ["number"], ["place"], to=TensorProto.INT64),
        helper.make_node("Gather", ["places", "place"], ["there"]),
        helper.make_node("Where", ["there", "rotated", tensor], ["mixed"]),
    ]
    for each in reversed(added):
        graph.node.insert(index, each)


def rotate_answers_by_a_row(graph: GraphProto) -> None:
    rotate(graph, "relu4", 2)


def rotate_answers_by_a_column(graph: GraphProto) -> None:
    rotate(graph, "relu4", 3)
