"""Small nets in ``onnx.parser`` text, with random weights."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from tests.random_geometry.strategy import Case

_EXTENTS = {1: "length", 2: "height, width", 3: "depth, height, width"}

Constant = Sequence[int] | Sequence[float] | npt.NDArray[np.generic]


def small_net(
    body: str,
    size: Sequence[int],
    *,
    channels: int = 2,
    opset: int = 19,
    weights: dict[str, Sequence[int]] | None = None,
    constants: dict[str, Constant] | None = None,
) -> Case:
    """A net from a float32 ``image`` ``[1, channels, *s]`` to ``answer``, ``s`` symbolic.

    Args:
        body: nodes in ``onnx.parser`` text, named after their outputs unless they have a name.
        size: the net's own image size in pixels.
        channels: channels of the image.
        opset: version of ai.onnx.
        weights: shapes of random weights, by name.
        constants: values of integer constants, or of float32 ones where they are not integers.
    """
    rank = len(size)
    maps = ", ".join(f"map_{name}" for name in _EXTENTS[rank].split(", "))
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : {opset}]>'
        f" net (float[1, {channels}, {_EXTENTS[rank]}] image) => (float[1, K, {maps}] answer)"
        f" {{ {body} }}"
    )
    numbers = np.random.default_rng(1)
    for name, shape in (weights or {}).items():
        draws = numbers.uniform(0.4, 1.6, shape) * numbers.choice([-1.0, 1.0], shape)
        values = (draws / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    for name, given in (constants or {}).items():
        array = np.asarray(given)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    for node in model.graph.node:
        node.name = node.name or node.output[0]
    return Case(model, tuple(size), ("unsafe",))
