"""Models around trunks in short texts, whose weights are known by their names."""

import numpy as np
from onnx import ModelProto

from tests.model_texts import Weight, build, random_array

_SHAPES: dict[str, Weight] = {
    "kernel": (8, 3, 3, 3),
    "inner": (8, 8, 3, 3),
    "matrix": (8, 8),
    "ones": (2,),
    "zeros": (2,),
}
_DENSE = random_array("dense", (512, 5))
WEIGHTS = _SHAPES | {"dense": _DENSE, "sliding": np.ascontiguousarray(_DENSE.T).reshape(5, 8, 8, 8)}
"""``sliding`` is the convolution over 8x8 cells that is ``dense`` on one window."""


def model(body: str, image: str, outputs: str, *, opset: int = 18) -> ModelProto:
    """A checked model with one input, ``image``."""
    return build(body, inputs=f"{image} image", outputs=outputs, opset=opset, **WEIGHTS)


def trunk(text: str, image: str, output: str, **options: int) -> ModelProto:
    """A model with a trunk from ``x`` ``[1, 8, 8, 8]`` to ``y``, and nothing much behind it."""
    body = f"x = Conv<pads=[1, 1, 1, 1]>(image, kernel) {text} [end] out = Relu(y)"
    return model(body, f"float[{image}]", f"float[{output}] out", **options)
