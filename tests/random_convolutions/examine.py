"""Rewrite a random model of convolutions, and compare it with the original bit by bit."""

from collections.abc import Sequence
from enum import StrEnum
from math import prod

import numpy as np
import onnx
import onnx_graphsurgeon as gs

from passes import conv_to_gemm
from tests.random_cases.outcome import Outcome, Wrong, failure
from tests.session import session

from .strategy import Case, Layer


class Kind(StrEnum):
    """What came of a case that did not fail."""

    EQUAL = "equal"
    SKIPPED = "skipped"


def examine(case: Case) -> Outcome:
    """Compare the two forms of a model at two image sizes; the values are exact in both."""
    model = case.model()
    try:
        expected = [_run(model, image)[0] for image in case.images]
    except Exception as error:  # onnxruntime's exceptions share no public base
        return Outcome(Kind.SKIPPED, "ONNX Runtime does not take it", str(error))
    try:
        _compare(case, _rewrite(case), expected)
    except Exception as error:
        return failure(error)
    return Outcome(Kind.EQUAL)


def _rewrite(case: Case) -> onnx.ModelProto:
    """The model with matrix products and without convolutions."""
    graph = gs.import_onnx(case.model())
    result = conv_to_gemm.apply(graph)
    if result.refusals or len(result.rewrites) != len(case.layers):
        raise Wrong("not every layer is rewritten", result)
    rewritten = gs.export_onnx(graph)
    onnx.checker.check_model(rewritten)
    if any(node.op_type == "Conv" or node.domain for node in rewritten.graph.node):
        raise Wrong("a Conv or a custom operator is left")
    return rewritten


def _compare(case: Case, rewritten: onnx.ModelProto, expected: Sequence[np.ndarray]) -> None:
    """Compare answers bit by bit, and the shapes of the matrices with what they should be."""
    products = [node for node in rewritten.graph.node if node.op_type == "MatMul"]
    wanted = [name for node in products for name in node.input]
    for image, answer in zip(case.images, expected, strict=True):
        actual, *operands = _run(rewritten, image, wanted)
        if actual.shape != answer.shape:
            raise Wrong("another shape", image.shape, actual.shape, answer.shape)
        if not np.array_equal(actual, answer):
            raise Wrong("other values", image.shape)
        _check_shapes(case, image, operands)


def _run(model: onnx.ModelProto, image: np.ndarray, inner: Sequence[str] = ()) -> list[np.ndarray]:
    wider = onnx.ModelProto()
    wider.CopyFrom(model)
    known = {output.name for output in wider.graph.output}
    wider.graph.output.extend(onnx.ValueInfoProto(name=n) for n in {*inner} - known)
    outputs = [model.graph.output[0].name, *inner]
    values: list[np.ndarray] = session(wider, optimized=True).run(outputs, {"image": image})
    return values


def _check_shapes(case: Case, image: np.ndarray, operands: list[np.ndarray]) -> None:
    """The matrices are ``M [b * prod(o), prod(k) * C]`` and ``K [prod(k) * C, f]``."""
    size, batch = image.shape[2:], image.shape[0]
    for index, layer in enumerate(case.layers):
        size = layer.extents(size)
        windows, filters = operands[2 * index : 2 * index + 2]
        features = prod(layer.weight.shape[1:])
        rows = batch * prod(size) * layer.groups
        if (prod(windows.shape[:-1]), windows.shape[-1]) != (rows, features):
            raise Wrong("windows of another shape", index, windows.shape, (rows, features))
        if filters.shape[-2:] != (features, _units(layer)):
            raise Wrong("filters of another shape", index, filters.shape)


def _units(layer: Layer) -> int:
    return int(layer.weight.shape[0]) // layer.groups
