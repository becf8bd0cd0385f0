"""Checked models from short texts.

``@(1, -1)`` in a text is a constant of these numbers; some weights are known by their names.
"""

import re
import zlib

import numpy as np
import onnx
from onnx import ModelProto, numpy_helper, parser

_WEIGHTS = {
    "kernel": (8, 3, 3, 3),
    "inner": (8, 8, 3, 3),
    "matrix": (8, 8),
    "ones": (2,),
    "zeros": (2,),
    "dense": (512, 5),
}
_CONSTANT = re.compile(r"@\(([-\d., ]+)\)")
_SIGNS = {"-": "m", ".": "p", ",": "_", " ": ""}


def model(body: str, image: str, outputs: str, *, opset: int = 18) -> ModelProto:
    """A checked model; ``@(1, -1)`` in its text is a constant of these numbers."""
    text = _CONSTANT.sub(lambda found: _name(found[1]), body)
    built = parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : {opset}]>'
        f" pair ({image} image) => ({outputs}) {{ {text} }}"
    )
    values = {_name(each): _numbers(each) for each in _CONSTANT.findall(body)}
    for name, shape in _WEIGHTS.items():
        generator = np.random.default_rng(zlib.crc32(name.encode()))
        values[name] = generator.standard_normal(shape, np.float32)
    values["sliding"] = values["dense"].T.reshape(5, 8, 8, 8)
    used = {name for node in built.graph.node for name in node.input}
    built.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in values.items() if name in used
    )
    onnx.checker.check_model(built, full_check=True)
    return built


def trunk(text: str, image: str, output: str, **options: int) -> ModelProto:
    """A model with a trunk from ``x`` ``[1, 8, 8, 8]`` to ``y``, and nothing much behind it."""
    body = f"x = Conv<pads=[1, 1, 1, 1]>(image, kernel) {text} [end] out = Relu(y)"
    return model(body, f"float[{image}]", f"float[{output}] out", **options)


def _name(constant: str) -> str:
    return "c_" + "".join(_SIGNS.get(letter, letter) for letter in constant)


def _numbers(constant: str) -> np.ndarray:
    parts = constant.split(",")
    if "." in constant:
        return np.array([float(part) for part in parts], np.float32)
    return np.array([int(part) for part in parts], np.int64)
