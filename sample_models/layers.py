"""A model written down as a list of layers, one after the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .weights import BIAS_SPREAD, Weights, he_normal, near

IR_VERSION = 8
OPSET = 17
BATCH = "N"
"""Name of the symbolic batch axis."""

IMAGE = "image"
"""Name of the graph input."""


class LayerStack:
    """Appends layers to a graph, and knows the shape of what the last of them computes.

    Each layer is a node of the given name, whose output tensor has the same name. Weights are
    float32 initializers ``<name>.weight`` and ``<name>.bias``.

    Attributes:
        shape: Shape of the last layer's output without the batch: ``(C, H, W)`` or ``(F,)``.
    """

    def __init__(self, name: str, *, image: tuple[int, int, int], seed: int) -> None:
        """Start a model whose input ``image`` is float32 ``[N, C, H, W]``.

        Args:
            name: Name of the graph.
            image: ``(C, H, W)``.
            seed: Seed of all weights.
        """
        self.shape: tuple[int, ...] = image
        self._rng = np.random.default_rng(seed)
        self._last = IMAGE
        self._model = onnx.ModelProto(
            ir_version=IR_VERSION,
            producer_name="sample_models",
            opset_import=[helper.make_opsetid("", OPSET)],
        )
        # Filled in place: make_graph and make_model would each copy every weight.
        self._graph = self._model.graph
        self._graph.name = name
        self._graph.input.append(_float_tensor(IMAGE, image))

    def conv(self, name: str, *, channels: int, kernel: int, stride: int = 1, pad: int = 0) -> None:
        """Append a square Conv with bias: ``[N, C, H, W]`` to ``[N, channels, H', W']``."""
        inputs, height, width = self.shape
        self._weigh(name, he_normal(self._rng, (channels, inputs, kernel, kernel)))
        self._append(
            "Conv",
            name,
            inputs=[self._last, f"{name}.weight", f"{name}.bias"],
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[pad] * 4,
        )
        self.shape = (channels, *_windows((height, width), kernel, stride, pad))

    def max_pool(self, name: str, *, kernel: int, stride: int) -> None:
        """Append a square MaxPool without padding: ``[N, C, H, W]`` to ``[N, C, H', W']``."""
        channels, height, width = self.shape
        self._append(
            "MaxPool",
            name,
            inputs=[self._last],
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
        )
        self.shape = (channels, *_windows((height, width), kernel, stride, 0))

    def flatten(self, name: str) -> None:
        """Append a Flatten: ``[N, C, H, W]`` to ``[N, C * H * W]``."""
        self._append("Flatten", name, inputs=[self._last], axis=1)
        self.shape = (int(np.prod(self.shape)),)

    def dense(self, name: str, *, features: int) -> None:
        """Append a Gemm with bias and ``transB=1``: ``[N, F]`` to ``[N, features]``."""
        self._weigh(name, he_normal(self._rng, (features, *self.shape)))
        self._append("Gemm", name, inputs=[self._last, f"{name}.weight", f"{name}.bias"], transB=1)
        self.shape = (features,)

    def relu(self, name: str) -> None:
        """Append a Relu, which keeps the shape."""
        self._append("Relu", name, inputs=[self._last])

    def softmax(self, name: str) -> None:
        """Append a Softmax over the features of ``[N, F]``."""
        self._append("Softmax", name, inputs=[self._last], axis=1)

    def sigmoid(self, name: str) -> None:
        """Append a Sigmoid, which keeps the shape."""
        self._append("Sigmoid", name, inputs=[self._last])

    def finish(self, output: str) -> onnx.ModelProto:
        """Name the last layer's tensor ``output``, make it the graph's output, return the model."""
        self._graph.node[-1].output[0] = output
        self._graph.output.append(_float_tensor(output, self.shape))
        return self._model

    def _append(self, op_type: str, name: str, *, inputs: list[str], **attributes: Any) -> None:
        node = helper.make_node(op_type, inputs, [name], name=name, **attributes)
        self._graph.node.append(node)
        self._last = name

    def _weigh(self, name: str, weight: Weights) -> None:
        bias = near(self._rng, 0.0, BIAS_SPREAD, weight.shape[:1])
        self._graph.initializer.append(numpy_helper.from_array(weight, f"{name}.weight"))
        self._graph.initializer.append(numpy_helper.from_array(bias, f"{name}.bias"))


def _float_tensor(name: str, shape: Sequence[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, *shape])


def _windows(extents: Sequence[int], kernel: int, stride: int, pad: int) -> list[int]:
    return [(extent + 2 * pad - kernel) // stride + 1 for extent in extents]
