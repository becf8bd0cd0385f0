"""Models cut, fed and run by ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto, NodeProto

from tests.session import session

Floats = npt.NDArray[np.float32]


def random_image(*shape: int, seed: int = 0) -> Floats:
    """Normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def run_model(
    model: ModelProto | Path, images: Floats | list[Floats], *wanted: str
) -> list[Floats]:
    """Run a model on an image, or one by one on a list of them, whose answers are joined.

    Returns the named tensors, or all outputs.
    """
    proto = onnx.load(model) if isinstance(model, Path) else model
    outputs = {value.name for value in proto.graph.output}
    inner = [name for name in wanted if name not in outputs]
    runnable = session(proto, optimized=True, inner=inner)
    # ONNX Runtime does not count an input that has an initializer.
    (image_input,) = runnable.get_inputs()
    answers = [
        runnable.run(list(wanted) or None, {image_input.name: image})
        for image in (images if isinstance(images, list) else [images])
    ]
    return [np.concatenate(a) if len(a) > 1 else a[0] for a in zip(*answers, strict=True)]


def head_of(model: ModelProto, source: str, result: str) -> ModelProto:
    """Cut the part of a model between two tensors out as a model of its own."""
    producers = {name: node for node in model.graph.node for name in node.output}
    needed: dict[int, NodeProto] = {}
    pending = [result]
    while pending:
        name = pending.pop()
        if name != source and name in producers and id(producers[name]) not in needed:
            needed[id(producers[name])] = producers[name]
            pending.extend(producers[name].input)
    head = ModelProto(ir_version=8, opset_import=model.opset_import)
    head.graph.name = "head"
    head.graph.node.extend(node for node in model.graph.node if id(node) in needed)
    read = {name for node in head.graph.node for name in node.input}
    head.graph.initializer.extend(t for t in model.graph.initializer if t.name in read)
    head.graph.input.append(
        onnx.helper.make_tensor_value_info(source, onnx.TensorProto.FLOAT, None)
    )
    head.graph.output.append(onnx.ValueInfoProto(name=result))
    return head


def windows_of(values: Floats, size: Sequence[int], step: int = 1) -> list[Floats]:
    """All windows of ``[N, C, H, W]`` of a size, in row-major order: ``[N, C, h, w]`` each."""
    rows, columns = (
        range(0, extent - window + 1, step)
        for extent, window in zip(values.shape[2:], size, strict=True)
    )
    return [values[..., y : y + size[0], x : x + size[1]] for y in rows for x in columns]
