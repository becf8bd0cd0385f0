"""Operators along the features act along the features of every cell."""

from typing import Any

import numpy as np
import pytest

from tests.model_texts import ints
from tests.passes.judges import assert_cells_are_crops
from tests.passes.models import head_model

Case = tuple[int, str, dict[str, Any]]
"""Opset, the text from ``h`` ``[N, 6]`` to the output, and what it needs."""

ALL = (9, 11, 13, 17, 21)
VECTOR = "v = Flatten(map) h = Gemm<transB=1>(v, w, b)"
WEIGHTS: dict[str, Any] = {"w": (6, 40), "b": (6,)}
GROUPED = f"{VECTOR} g = Reshape(h, groups)"
GROUPS = WEIGHTS | {"groups": np.array([0, 2, 3])}


def scalar(value: int) -> np.ndarray:
    return np.array(value, np.int64)


SOFTMAXES = [
    (opset, f"y = {operator}{axis}(h)", {})
    for operator in ("Softmax", "LogSoftmax", "Hardmax")
    for axis in ("", "<axis=1>", "<axis=-1>")
    for opset in ALL
    if opset >= 11 or "-1" not in axis
]
ARGUMENTS = [
    (opset, f"y = {operator}<axis={axis}, keepdims={keepdims}>(h)", {})
    for operator in ("ArgMax", "ArgMin")
    for axis in (1, -1)
    for keepdims in (0, 1)
    for opset in ALL
    if opset >= 11 or axis > 0
]
REDUCTIONS = [
    (opset, f"y = Reduce{kind}<axes=[{axis}], keepdims={keepdims}>(h)", {})
    if opset < (13 if kind == "Sum" else 18)
    else (opset, f"y = Reduce{kind}<keepdims={keepdims}>(h, axes)", {"axes": ints(axis)})
    for kind in ("Sum", "Mean", "Max", "Min", "L1", "L2", "LogSumExp", "SumSquare", "Prod")
    for keepdims in (0, 1)
    for opset, axis in ((9, 1), (11, -1), (13, -1), (18, 1), (21, -1))
]
OTHERS: list[Case] = [
    *((opset, "k, i = TopK<axis=1>(h, two)", {"two": ints(2)}) for opset in (10, 11, 13, 21)),
    (9, "k, i = TopK<axis=1, k=2>(h)", {}),
    (17, "k, i = TopK<axis=-1, largest=0>(h, two)", {"two": ints(2)}),
    (17, "k, i = TopK(h, two)", {"two": ints(2)}),
    *(
        (opset, f"y = CumSum{flags}(h, axis)", {"axis": scalar(axis)})
        for flags in ("", "<exclusive=1>", "<reverse=1>")
        for axis in (1, -1)
        for opset in (11, 14, 21)
    ),
    (17, "y = CumSum(h, axis)", {"axis": ints(-1)}),
    *(
        (opset, f"y = LpNormalization<{attributes}>(h)", {})
        for attributes in ("p=1", "p=2, axis=1", "axis=-1")
        for opset in (9, 13, 21)
    ),
    *(
        (opset, f"y = LayerNormalization{attributes}({operands})", {"scale": (6,), "shift": (6,)})
        for attributes, operands in (
            ("<axis=1, epsilon=0.1>", "h, scale, shift"),
            ("<axis=-1>", "h, scale, shift"),
            ("", "h, scale"),
        )
        for opset in (17, 21)
    ),
    (17, "y = LayerNormalization(h, scale)", {"scale": (1,)}),
    *(
        (opset, "c = Unsqueeze(h, spatial) y = LRN<size=3, alpha=0.5>(c)", {"spatial": ints(2, 3)})
        for opset in (13, 21)
    ),
    (
        17,
        "y = BatchNormalization(h, scale, shift, mean, var)",
        dict.fromkeys(("scale", "shift", "mean"), (6,)) | {"var": np.full(6, 2, np.float32)},
    ),
]
ALONG_THE_FEATURES: list[Case] = [*SOFTMAXES, *ARGUMENTS, *REDUCTIONS, *OTHERS]

ALONG_ONE_AXIS_OF_GROUPS = (
    "y = Softmax<axis={axis}>(g)",
    "y = Hardmax<axis={axis}>(g)",
    "y = ArgMax<axis={axis}, keepdims=0>(g)",
    "y = ArgMin<axis={axis}, keepdims=1>(g)",
    "k, i = TopK<axis={axis}>(g, one)",
    "y = CumSum(g, axis)",
    "y = LpNormalization<axis={axis}>(g)",
    "y = ReduceSum<keepdims=0>(g, axes)",
    "y = ReduceMax<axes=[{axis}], keepdims=1>(g)",
    "y = ReduceMean<axes=[{axis}], keepdims=0>(g)",
    "y = ReduceL2<axes=[1, 2], keepdims=0>(g)",
    "y = ReduceLogSumExp<axes=[-1, {axis}], keepdims=1>(g)",
)


def outputs(text: str) -> str:
    if text.startswith("k, i"):
        return "float[] k, int64[] i"
    return f"{'int64' if 'Arg' in text else 'float'}[] y"


@pytest.mark.parametrize(
    ("opset", "text", "options"),
    [pytest.param(*case, id=f"{case[1]}-{case[0]}") for case in ALONG_THE_FEATURES],
)
def test_along_the_features(opset: int, text: str, options: dict[str, Any]) -> None:
    model = head_model(f"{VECTOR} {text}", opset=opset, outputs=outputs(text), **WEIGHTS, **options)
    assert_cells_are_crops(model)


@pytest.mark.parametrize(
    ("axis", "text"),
    [
        (axis, text)
        for axis in (1, 2, -1)
        for text in ALONG_ONE_AXIS_OF_GROUPS
        if axis == 1 or "[-1, " not in text
    ],
)
def test_along_an_axis_of_groups(axis: int, text: str) -> None:
    text = text.format(axis=axis)
    options = {"one": ints(1), "axis": scalar(axis), "axes": ints(axis)}
    model = head_model(f"{GROUPED} {text}", outputs=outputs(text), **GROUPS, **options)
    assert_cells_are_crops(model)


@pytest.mark.parametrize("operator", ["Softmax", "LogSoftmax", "Hardmax"])
def test_last_axis_of_groups_before_opset_13(operator: str) -> None:
    model = head_model(
        f"{GROUPED} y = {operator}<axis=2>(g)", opset=12, outputs="float[] y", **GROUPS
    )
    assert_cells_are_crops(model)
