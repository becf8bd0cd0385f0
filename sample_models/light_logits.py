"""Bring a model's logits to a useful scale by measuring them once."""

import math

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

TARGET = 2.0
"""Wanted standard deviation of the logits over the classes: neither uniform nor saturated."""


def scale_logits(model: onnx.ModelProto, kernel: onnx.TensorProto, *, seed: int) -> None:
    """Scale the last kernel so that the logits' deviation is within a factor 1.42 of ``TARGET``.

    How much the pools before the logits average away depends on the whole network, so it is
    measured, on standard-normal noise at the model's own input size. The factor is a power of two:
    exact, and the same on every machine although the measurement is not.

    Args:
        model: The model; its last node is a Softmax, or computes the logits.
        kernel: The initializer to scale in place: the weight of the layer that computes the logits.
        seed: Seed of the noise.
    """
    spread = float(_logits(model, np.random.default_rng(seed)).std())
    factor = 2.0 ** round(math.log2(TARGET / spread))
    scaled = numpy_helper.to_array(kernel) * np.float32(factor)
    kernel.CopyFrom(numpy_helper.from_array(scaled, kernel.name))


def _logits(model: onnx.ModelProto, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return the logits of one noise image, before the Softmax where there is one."""
    last = model.graph.node[-1]
    name = last.input[0] if last.op_type == "Softmax" else last.output[0]
    declared = onnx.GraphProto(output=model.graph.output)
    # The output is exchanged for the time of the run: a copy would hold all the weights again.
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    try:
        content = model.SerializeToString()
    finally:
        del model.graph.output[:]
        model.graph.output.extend(declared.output)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    weights = {initializer.name for initializer in model.graph.initializer}
    image = next(value for value in model.graph.input if value.name not in weights)
    shape = [axis.dim_value for axis in image.type.tensor_type.shape.dim]
    noise = rng.standard_normal(shape, dtype=np.float32)
    logits: npt.NDArray[np.float32] = session.run([name], {image.name: noise})[0]
    return logits
