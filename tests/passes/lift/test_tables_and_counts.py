"""Tables that answers look up, and numbers that a head computes from shapes."""

from typing import Any

import numpy as np
import onnx
import pytest

from passes import RefusalCode, flatten_gemm_to_conv
from tests.model_texts import ints
from tests.passes.judges import assert_cells_are_crops, assert_refused
from tests.passes.models import head_model

VECTOR = "v = Flatten(map) h = Gemm(v, w, b)"
CONSTANTS: dict[str, Any] = {
    "table": ints(7, 3, 3, 9),
    "grades": (4,),
    "codes": (4, 2),
    "behind": ints(-1),
    "two": ints(2),
    "first": ints(0),
    "turned": ints(9, -1, 11, 3),
    "features": ints(1),
    "one": np.array(1, np.float32),
}


def model_of(text: str, outputs: str, **options: Any) -> onnx.ModelProto:
    return head_model(
        f"{VECTOR} {text}", outputs=outputs, w=(40, 4), b=(4,), **CONSTANTS, **options
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a = ArgMax<axis=1, keepdims=0>(h) y = Gather(table, a)", "int64"),
        ("a = ArgMax<axis=1>(h) y = Gather(grades, a)", "float"),
        ("t, a = TopK<axis=1>(h, two) y = Gather(table, a)", "int64"),
        (
            "a = ArgMax<axis=1, keepdims=0>(h) u = Unsqueeze(a, behind) y = GatherND(table, u)",
            "int64",
        ),
    ],
)
def test_table_is_looked_up_at_every_cell(text: str, kind: str) -> None:
    assert_cells_are_crops(model_of(text, f"{kind}[] y"))


COUNTS: dict[str, str] = {
    "features_counted": (
        "s = Shape(h) n = Gather(s, features) p = ReduceProd<keepdims=0>(n) c = Cast<to=1>(p)"
        " y = Mul(h, c)"
    ),
    "deviation": (
        "m = ReduceMean<axes=[1]>(h) s = Shape(h) n = Gather(s, features)"
        " p = ReduceProd<keepdims=0>(n) d = Sub(h, m) q = Mul(d, d) e = ReduceMean<axes=[1]>(q)"
        " c = Cast<to=1>(p) a = Mul(e, c) k = Sub(c, one) z = Div(a, k) r = Sqrt(z) y = Div(h, r)"
    ),
    "counted_before_the_batch": (
        "t = Transpose(h) s = Shape(t) n = Gather(s, first) p = ReduceProd<keepdims=0>(n)"
        " c = Cast<to=1>(p) y = Mul(h, c)"
    ),
    "counted_behind_the_batch": "s = Shape<start=1>(h) c = Cast<to=1>(s) y = Div(h, c)",
}


@pytest.mark.parametrize("batch", [1, "N"])
@pytest.mark.parametrize("case", COUNTS)
def test_count_of_features_is_a_constant(case: str, batch: int | str) -> None:
    assert_cells_are_crops(model_of(COUNTS[case], "float[] y", batch=batch))


def test_count_of_positions_is_that_of_the_window() -> None:
    text = (
        "t = Relu(map) f = Reshape(t, kept) p = ReduceSum<keepdims=0>(f, behind)"
        " s = Shape<start=2>(f) c = Cast<to=1>(s) y = Div(p, c)"
    )
    model = head_model(text, outputs="float[] y", kept=ints(0, 2, -1), **CONSTANTS)
    assert_cells_are_crops(model)


@pytest.mark.parametrize("batch", [1, "N"])
@pytest.mark.parametrize("measured", ["image", "map"])
@pytest.mark.parametrize("dense", [True, False])
def test_size_of_the_map_is_that_of_the_window(
    dense: bool, measured: str, batch: int | str
) -> None:
    head = "f = Flatten(map) p = Gemm(f, w, b)" if dense else "p = ReduceSum<keepdims=0>(map, both)"
    text = (
        f"{head} s = Shape({measured}) i = Gather<axis=0>(s, both) n = ReduceProd(i)"
        " c = Cast<to=1>(n) d = Sub(c, one) y = Div(p, d)"
    )
    model = head_model(
        text,
        outputs="float[] y",
        inputs=f"float[{batch},3,H,W] image",
        w=(40, 4),
        b=(4,),
        both=ints(2, 3),
        one=CONSTANTS["one"],
    )
    assert_cells_are_crops(model, input_size=(9, 11))


NEAR_MISSES: dict[str, tuple[RefusalCode, str, str]] = {
    "samples_counted": (
        RefusalCode.BATCH_MIXED,
        "times",
        "s = Shape(h) n = Gather(s, first) c = Cast<to=1>(n) [times] y = Mul(h, c)",
    ),
    "samples_counted_before_the_head": (
        RefusalCode.BATCH_MIXED,
        "times",
        "s = Shape(map) n = ReduceProd(s) c = Cast<to=1>(n) [times] y = Mul(h, c)",
    ),
    "shape_of_no_map": (
        RefusalCode.SHAPE_UNKNOWN,
        "times",
        "f = Reshape(image, turned) s = Shape(f) n = Gather(s, two) c = Cast<to=1>(n)"
        " [times] y = Mul(h, c)",
    ),
    "a_row_a_class": (
        RefusalCode.NO_RULE,
        "look",
        "a = ArgMax<axis=1, keepdims=0>(h) [look] y = Gather(codes, a)",
    ),
}


@pytest.mark.parametrize("case", NEAR_MISSES)
def test_what_is_no_number_a_cell_is_refused(case: str) -> None:
    code, node, text = NEAR_MISSES[case]
    refusal = assert_refused(flatten_gemm_to_conv, model_of(text, "float[] y"))
    assert (refusal.code, refusal.node) == (code, node)
