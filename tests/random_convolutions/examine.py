"""Rewrite a random model of convolutions, and compare it with the original bit by bit."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import prod

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import onnxruntime as ort

from passes import conv_to_gemm

from .strategy import Case, Layer


class Kind(StrEnum):
    """What came of a case."""

    EQUAL = "equal"
    WRONG = "wrong"
    UNUSABLE = "unusable"


@dataclass(frozen=True)
class Outcome:
    """What came of a case.

    Attributes:
        kind: whether the models are equal, or ONNX Runtime does not take the original.
        detail: what is wrong.
    """

    kind: Kind
    detail: str = ""


def examine(case: Case) -> Outcome:
    """Compare the two forms of a model at two image sizes; the values are exact in both."""
    model = case.model()
    try:
        expected = [_run(model, image)[0] for image in case.images]
    except Exception as error:  # onnxruntime's exceptions share no public base
        return Outcome(Kind.UNUSABLE, str(error))
    graph = gs.import_onnx(model)
    result = conv_to_gemm.apply(graph)
    if result.refusals or len(result.rewrites) != len(case.layers):
        return Outcome(Kind.WRONG, f"{result}")
    rewritten = gs.export_onnx(graph)
    onnx.checker.check_model(rewritten)
    products = [node for node in rewritten.graph.node if node.op_type == "MatMul"]
    if any(node.op_type == "Conv" or node.domain for node in rewritten.graph.node):
        return Outcome(Kind.WRONG, "a Conv or a custom operator is left")
    wanted = [name for node in products for name in node.input]
    for image, answer in zip(case.images, expected, strict=True):
        actual, *operands = _run(rewritten, image, wanted)
        if actual.shape != answer.shape or not np.array_equal(actual, answer):
            return Outcome(Kind.WRONG, f"at {image.shape}: {actual.shape}, not {answer.shape}")
        complaint = _wrong_shapes(case, image, operands)
        if complaint:
            return Outcome(Kind.WRONG, complaint)
    return Outcome(Kind.EQUAL)


def _run(model: onnx.ModelProto, image: np.ndarray, inner: Sequence[str] = ()) -> list[np.ndarray]:
    wider = onnx.ModelProto()
    wider.CopyFrom(model)
    known = {output.name for output in wider.graph.output}
    wider.graph.output.extend(onnx.ValueInfoProto(name=n) for n in {*inner} - known)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(wider.SerializeToString(), options)
    outputs = [model.graph.output[0].name, *inner]
    values: list[np.ndarray] = session.run(outputs, {"image": image})
    return values


def _wrong_shapes(case: Case, image: np.ndarray, operands: list[np.ndarray]) -> str:
    """What contradicts ``M [b * prod(o), prod(k) * C]`` and ``K [prod(k) * C, f]``."""
    size, batch = image.shape[2:], image.shape[0]
    for index, layer in enumerate(case.layers):
        size = layer.extents(size)
        windows, filters = operands[2 * index : 2 * index + 2]
        features = prod(layer.weight.shape[1:])
        rows = batch * prod(size) * layer.groups
        if (prod(windows.shape[:-1]), windows.shape[-1]) != (rows, features):
            return f"layer {index}: windows {windows.shape}, not {rows} of {features}"
        if filters.shape[-2:] != (features, _units(layer)):
            return f"layer {index}: filters {filters.shape}"
    return ""


def _units(layer: Layer) -> int:
    return int(layer.weight.shape[0]) // layer.groups
