"""A head like VGG-16's, four times as wide, on a thin trunk: 3 GB, more than one file can hold."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from sample_models.weights import he_normal

_CHANNELS, _WINDOW, _STRIDE = 512, 7, 32
FEATURES = (16384, 16384, 4096)
"""Of the dense layers."""
_ROWS = 128
"""Rows of a kernel that are drawn at a time."""


def write(path: Path) -> None:
    """Write ``image [N, 3, 224, 224]`` to ``relu8 [N, 4096]``, the weights in ``<path>.data``.

    No kernel of the head is held in memory as a whole.
    """
    nodes = [
        helper.make_node("Conv", ["image", "conv.weight"], ["conv"], strides=[_STRIDE] * 2),
        helper.make_node("Relu", ["conv"], ["map"]),
        helper.make_node("Flatten", ["map"], ["vector"]),
    ]
    shapes: dict[str, tuple[int, ...]] = {"conv.weight": (_CHANNELS, 3, _STRIDE, _STRIDE)}
    last, columns = "vector", _CHANNELS * _WINDOW**2
    for number, rows in enumerate(FEATURES, 6):
        name, output = f"fc{number}", f"relu{number}"
        shapes[f"{name}.weight"] = (rows, columns)
        nodes.append(helper.make_node("Gemm", [last, f"{name}.weight"], [name], name, transB=1))
        nodes.append(helper.make_node("Relu", [name], [output]))
        last, columns = output, rows
    side = _WINDOW * _STRIDE
    graph = helper.make_graph(
        nodes,
        "wide_head",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, side, side])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["N", columns])],
    )
    data, generator = path.with_name(f"{path.name}.data"), np.random.default_rng(3)
    with data.open("wb") as file:
        for name, shape in shapes.items():
            tensor = graph.initializer.add(name=name, data_type=TensorProto.FLOAT, dims=shape)
            tensor.data_location = TensorProto.EXTERNAL
            offset = file.tell()
            for first in range(0, shape[0], _ROWS):
                rows = min(_ROWS, shape[0] - first)
                file.write(he_normal(generator, (rows, *shape[1:])).tobytes())
            place = {"location": data.name, "offset": offset, "length": file.tell() - offset}
            for key, value in place.items():
                tensor.external_data.add(key=key, value=str(value))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
