"""However the whole map is pooled, every cell is the pool of its own window."""

from typing import Any

import pytest

from passes import RefusalCode, flatten_gemm_to_conv
from tests.model_texts import ints
from tests.passes.judges import assert_cells_are_crops, assert_refused
from tests.passes.models import head_model

Case = tuple[str, str, int, dict[str, Any]]
"""Its name, the text from ``map`` to ``p``, the opset and what the text needs."""

REDUCTIONS = ("Mean", "Max", "Min", "Sum", "L1", "L2", "SumSquare")


def reduction(kind: str, opset: int, axes: tuple[int, ...], keepdims: int) -> Case:
    """A reduction in the spelling of its opset."""
    name = f"{kind}_{'_'.join(map(str, axes))}_keepdims_{keepdims}"
    if opset >= 18 or (opset >= 13 and kind == "Sum"):
        text = f"p = Reduce{kind}<keepdims={keepdims}>(map, axes)"
        return name, text, opset, {"axes": ints(*axes)}
    text = f"p = Reduce{kind}<axes={list(axes)}, keepdims={keepdims}>(map)"
    return name, text, opset, {}


POOLS: dict[str, str] = {
    "global_average": "p = GlobalAveragePool(map)",
    "global_max": "p = GlobalMaxPool(map)",
    "global_norm": "p = GlobalLpPool(map)",
    "global_norm_1": "p = GlobalLpPool<p=1>(map)",
    "global_norm_3": "p = GlobalLpPool<p=3>(map)",
    "average": "p = AveragePool<kernel_shape=[4, 5]>(map)",
    "max": "p = MaxPool<kernel_shape=[4, 5]>(map)",
    "norm": "p = LpPool<kernel_shape=[4, 5], p=1>(map)",
    "average_strided": "p = AveragePool<kernel_shape=[4, 5], strides=[4, 5]>(map)",
    "average_padded": "p = AveragePool<kernel_shape=[6, 7], pads=[1, 1, 1, 1]>(map)",
    "average_padded_counted": (
        "p = AveragePool<kernel_shape=[6, 7], pads=[1, 1, 1, 1], count_include_pad=1>(map)"
    ),
    "average_padded_before": (
        "p = AveragePool<kernel_shape=[5, 6], pads=[1, 1, 0, 0], count_include_pad=1>(map)"
    ),
    "average_padded_behind": (
        "p = AveragePool<kernel_shape=[5, 5], pads=[0, 0, 1, 0], count_include_pad=1>(map)"
    ),
    "max_padded": "p = MaxPool<kernel_shape=[6, 6], pads=[1, 1, 1, 0]>(map)",
    "norm_padded": "p = LpPool<kernel_shape=[6, 6], pads=[1, 1, 1, 0]>(map)",
    "max_valid": 'p = MaxPool<kernel_shape=[4, 5], auto_pad="VALID">(map)',
    "average_same": (
        'p = AveragePool<kernel_shape=[6, 7], strides=[4, 5], auto_pad="SAME_UPPER">(map)'
    ),
    "average_same_counted": (
        'p = AveragePool<kernel_shape=[6, 7], strides=[4, 5], auto_pad="SAME_LOWER",'
        " count_include_pad=1>(map)"
    ),
    "flattened_first": "m = Reshape(map, merged) p = GlobalAveragePool(m)",
}

OVERHANGING: list[Case] = [
    (
        f"overhanging_{name}_{opset}",
        f"p = AveragePool<kernel_shape=[9, 5], strides=[9, 9], ceil_mode=1, {rest}>(map)",
        opset,
        {},
    )
    for opset in (13, 17, 22)
    for name, rest in (
        ("average", "count_include_pad=0"),
        ("average_counted", "count_include_pad=1"),
        ("average_padded_counted", "pads=[1, 0, 0, 0], count_include_pad=1"),
    )
]

REARRANGED: list[Case] = [
    (f"{name}_{opset}", text, opset, options)
    for opset in (13, 17)
    for name, text, options in (
        ("channels_last", "t = Transpose<perm=[0, 2, 3, 1]>(map) p = ReduceMean<axes=[1, 2]>(t)",
         {}),
        ("channels_last_squeezed",
         "t = Transpose<perm=[0, 2, 3, 1]>(map) p = ReduceMax<axes=[1, 2], keepdims=0>(t)", {}),
        ("positions_merged", "m = Reshape(map, merged) p = ReduceMean<axes=[2], keepdims=0>(m)",
         {"merged": ints(0, 0, -1)}),
        ("positions_merged_kept", "m = Reshape(map, merged) p = ReduceMin<axes=[-1]>(m)",
         {"merged": ints(0, 2, 20)}),
        ("tokens",
         "m = Reshape(map, merged) t = Transpose<perm=[0, 2, 1]>(m)"
         " p = ReduceMean<axes=[1], keepdims=0>(t)",
         {"merged": ints(0, 2, -1)}),
        ("transposed", "t = Transpose<perm=[0, 1, 3, 2]>(map) p = GlobalMaxPool(t)", {}),
    )
]  # fmt: skip

CASES: list[Case] = [
    *(
        (f"{name}_{opset}", text, opset, {"merged": ints(0, 0, -1)})
        for opset in (9, 13, 21)
        for name, text in POOLS.items()
    ),
    *(
        (f"{name}_{opset}", text, opset, options)
        for kind in REDUCTIONS
        for row_opset in (9, 13, 18)
        for axes in ((2, 3), (-1, -2))
        for keepdims in (0, 1)
        if row_opset >= 11 or axes[0] > 0
        for name, text, opset, options in [reduction(kind, row_opset, axes, keepdims)]
    ),
    *OVERHANGING,
    *REARRANGED,
]
PARAMETERS = [pytest.param(*rest, id=name) for name, *rest in CASES]
CHANNELS_BEHIND = "p = ReduceMean<axes=[1, 2]>(t)"


@pytest.mark.parametrize(
    ("text", "opset", "options"),
    [case for case in PARAMETERS if CHANNELS_BEHIND not in str(case.values[0])],
)
def test_pooled_map_is_the_answer(text: str, opset: int, options: dict[str, Any]) -> None:
    model = head_model(f"{text} y = Tanh(p)", opset=opset, outputs="float[] y", **options)
    assert_cells_are_crops(model)


@pytest.mark.parametrize(("text", "opset", "options"), PARAMETERS)
def test_dense_layer_behind_the_pooled_map(text: str, opset: int, options: dict[str, Any]) -> None:
    text += " v = Flatten(p) y = Gemm(v, w, b)"
    model = head_model(text, opset=opset, w=(2, 3), b=(3,), **options)
    assert_cells_are_crops(model, step=(2, 1), larger=(17, 15))


@pytest.mark.parametrize(
    ("text", "outputs"),
    [
        ("y = GlobalAveragePool(map) z = Flatten(y)", "float[] y, float[] z"),
        ("p = GlobalMaxPool(map) y = Squeeze(p, positions) z = Relu(p)", "float[] y, float[] z"),
        ("p = GlobalAveragePool(map) y = Reshape(p, vectors)", "float[] y"),
        (
            "p = GlobalAveragePool(map) q = Conv(p, squeeze) r = Relu(q) s = Conv(r, excite)"
            " y = Flatten(s)",
            "float[] y",
        ),
        ("i = Cast<to=3>(map) y = ReduceMin<axes=[2, 3]>(i)", "int8[] y"),
    ],
)
def test_behind_the_pooled_map(text: str, outputs: str) -> None:
    constants: dict[str, Any] = {
        "positions": ints(2, 3),
        "vectors": ints(-1, 2),
        "squeeze": (3, 2, 1, 1),
        "excite": (4, 3, 1, 1),
    }
    assert_cells_are_crops(head_model(text, outputs=outputs, **constants))


@pytest.mark.parametrize("reduction", ["Max", "Min", "Sum"])
def test_integers_that_no_pool_takes_are_refused(reduction: str) -> None:
    operands = "i, positions" if reduction == "Sum" else "i"
    axes = "" if reduction == "Sum" else "<axes=[2, 3]>"
    model = head_model(
        f"i = Cast<to=6>(map) [pool] y = Reduce{reduction}{axes}({operands})",
        outputs="int32[] y",
        **{"positions": ints(2, 3)} if reduction == "Sum" else {},
    )
    refusal = assert_refused(flatten_gemm_to_conv, model)
    assert (refusal.code, refusal.node) == (RefusalCode.TYPE_UNSUPPORTED, "pool")
