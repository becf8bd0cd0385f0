"""Models in ``onnx.parser`` text, with random weights.

``@(1, -1)`` in a text is a constant of these numbers: int64, or float32 where one has a point.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import AttributeProto, GraphProto, numpy_helper, parser

Array = npt.NDArray[Any]
Weight = Array | tuple[int, ...]
"""Values, or the shape of random ones."""

_CONSTANT = re.compile(r"@\(([-\d., ]+)\)")
_SIGNS = {"-": "m", ".": "p", ",": "_", " ": ""}


def ints(*values: int) -> npt.NDArray[np.int64]:
    """A vector of int64."""
    return np.array(values, np.int64)


def random_array(name: str, shape: Sequence[int], dtype: npt.DTypeLike = np.float32) -> Array:
    """Normal numbers that depend on the name alone."""
    return np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape).astype(dtype)


def build(
    body: str,
    *,
    inputs: str,
    outputs: str = "float[N,K] y",
    opset: int = 17,
    ir_version: int = 8,
    dtype: npt.DTypeLike = np.float32,
    **weights: Weight,
) -> onnx.ModelProto:
    """A checked model.

    Args:
        body: its nodes.
        inputs: its inputs, with their types.
        outputs: its outputs; one that is written as ``float[] y`` gets the shape that is inferred.
        opset: version of ai.onnx; domain ``acme`` is there where a node is of it.
        ir_version: before 4, weights are inputs as well.
        dtype: data type of random weights.
        **weights: initializers by name; those that no node reads are left out.
    """
    text = _CONSTANT.sub(lambda found: _name(found[1]), body)
    domains = f'"" : {opset}' + (', "acme" : 1' if "acme." in body else "")
    model = parser.parse_model(
        f"<ir_version: {ir_version}, opset_import: [{domains}]>"
        f" main ({inputs}) => ({outputs}) {{ {text} }}"
    )
    weights |= {_name(each): _numbers(each) for each in _CONSTANT.findall(body)}
    read = set(_read(model.graph))
    for name, given in weights.items():
        if name not in read:
            continue
        values = random_array(name, given, dtype) if isinstance(given, tuple) else given
        model.graph.initializer.append(numpy_helper.from_array(values, name))
        if ir_version < 4:
            typed = onnx.helper.np_dtype_to_tensor_dtype(values.dtype)
            model.graph.input.append(onnx.helper.make_tensor_value_info(name, typed, values.shape))
    if "[]" in outputs:
        model = onnx.shape_inference.infer_shapes(model)
        del model.graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)
    return model


def _read(graph: GraphProto) -> Iterator[str]:
    """Names that nodes read and that no node of their graph makes, branches included."""
    made = {name for node in graph.node for name in node.output}
    for node in graph.node:
        yield from (name for name in node.input if name not in made)
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                yield from (name for name in _read(attribute.g) if name not in made)


def _name(constant: str) -> str:
    return "c_" + "".join(_SIGNS.get(letter, letter) for letter in constant)


def _numbers(constant: str) -> Array:
    parts = constant.split(",")
    if "." in constant:
        return np.array([float(part) for part in parts], np.float32)
    return np.array([int(part) for part in parts], np.int64)
