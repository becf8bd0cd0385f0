"""Nodes that see the whole image are named, and what slides beside them keeps its field."""

import pytest

from onnxfcn.exactness import decide
from onnxfcn.geometry import Box, analyse
from onnxfcn.geometry.blame import Reason
from tests.onnxfcn.small_nets import small_net
from tests.random_geometry.examine import examine

W = {
    "first": (2, 2, 1, 1),
    "v": (1, 2, 3),
    "k": (1, 2, 2, 2),
    "m": (2, 2),
    "s": (2,),
    "z": (2,),
    "one": (1, 1, 2, 2),
}
TWO = {"axes": [2, 3], "last": [3], "second": [2]}
BACK = "h = Shape <start = 2> (image) n = Concat <axis = 0> (one_two, h) "

NETS = {
    "gate": (
        "p = GlobalAveragePool (image) g = Sigmoid (p) t = Mul (image, g) answer = Conv (t, k)",
        {}, ["p"],
    ),
    "gate by reduction": (
        "p = ReduceMean <keepdims = 0> (image, axes) c = MatMul (p, m) g = Unsqueeze (c, axes)"
        " t = Add (image, g) answer = Conv (t, k)",
        TWO, ["p"],
    ),
    "gate that is expanded": (
        "p = GlobalMaxPool (image) n = Shape (image) e = Expand (p, n)"
        " t = Add (image, e) answer = Conv (t, k)",
        {}, ["p"],
    ),
    "instance normalisation": (
        "t = InstanceNormalization (image, s, z) answer = Conv (t, k)", {}, ["t"]
    ),
    "mean and variance": (
        "t = MeanVarianceNormalization (image) answer = Conv (t, k)", {}, ["t"]
    ),
    "softmax over a row": ("t = Softmax <axis = 3> (image) answer = Conv (t, k)", {}, ["t"]),
    "column means": (
        "p = ReduceMax <keepdims = 1> (image, second) t = Sub (image, p) answer = Conv (t, k)",
        TWO, ["p"],
    ),
    "running sums": (
        "t = CumSum (image, three) answer = Conv (t, k)", {"three": 3}, ["t"]
    ),
    "attention": (
        BACK + "i = Conv (image, first) q = Reshape (i, merged)"
        " r = Transpose <perm = [0, 2, 1]> (q)"
        " a = MatMul (r, q) w = Softmax <axis = -1> (a) o = MatMul (w, r)"
        " b = Transpose <perm = [0, 2, 1]> (o) t = Reshape (b, n) answer = Conv (t, k)",
        {"merged": [0, 0, -1], "one_two": [1, 2]}, ["o", "w"],
    ),
    "weights that come from the image": (
        "p = GlobalAveragePool (image) q = Reshape (p, kernel) t = Conv (image, q)"
        " answer = Conv (t, one)",
        {"kernel": [1, 2, 1, 1]}, ["p"],
    ),
    "dynamic quantization": (
        "i = Conv (image, first) q, step, zero = DynamicQuantizeLinear (i)"
        " t = DequantizeLinear (q, step, zero) answer = Conv (t, k)",
        {}, ["q"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_global_operators_are_named(name: str) -> None:
    body, constants, nodes = NETS[name]
    used = {k: v for k, v in W.items() if f" {k})" in body or f" {k}," in body}
    case = small_net(body, [2, 2], weights=used, constants=constants)
    geometry = analyse(case.model, original_size=case.size)["answer"]
    assert list(geometry.whole_image) == nodes
    seen = geometry.box(0, 0, size=(5, 6))
    whole = [(0, 5), (0, 6)]
    along = [axis for axis, own in enumerate(geometry.axes) if own.whole]
    assert along
    assert all((seen.start[axis], seen.stop[axis]) == whole[axis] for axis in along)
    exactness = decide(case.model, original_size=case.size)["answer"]
    assert {cause.node for cause in exactness.causes} == set(nodes)
    assert {cause.reason for cause in exactness.causes} == {Reason.WHOLE}
    outcome = examine(case)
    assert not outcome.failed, outcome


def test_seam_of_a_roll_sees_both_ends() -> None:
    case = small_net(
        "i = Conv (image, first) a = Slice (i, head, end, axis) b = Slice (i, zero, head, axis)"
        " t = Concat <axis = 2> (a, b) answer = Conv (t, k)",
        [2, 2],
        weights={"first": W["first"], "k": W["k"]},
        constants={"zero": [0], "head": [1], "end": [2**31 - 1], "axis": [2]},
    )
    geometry = analyse(case.model, original_size=case.size)["answer"]
    assert [axis.whole for axis in geometry.axes] == [("answer",), ()]
    causes = decide(case.model, original_size=case.size)["answer"].causes
    assert {cause.node: cause.reason for cause in causes} == {
        "b": Reason.ELSEWHERE,
        "answer": Reason.WHOLE,
    }
    outcome = examine(case)
    assert not outcome.failed, outcome


@pytest.mark.parametrize(
    "name", ["gate", "gate by reduction", "instance normalisation", "column means"]
)
def test_what_slides_beside_a_gate_keeps_its_field(name: str) -> None:
    body, constants, _ = NETS[name]
    case = small_net(body, [2, 2], weights=W, constants=constants)
    geometry = analyse(case.model, original_size=case.size)["answer"]
    assert geometry.receptive_field == (2, 2)
    assert geometry.box(3, 1) == Box((3, 1), (5, 3))


def test_a_statistic_of_a_row_leaves_the_other_axis_alone() -> None:
    body, constants, _ = NETS["column means"]
    case = small_net(body, [2, 2], weights=W, constants=constants)
    geometry = analyse(case.model, original_size=case.size)["answer"]
    seen = geometry.box(1, 1, size=(5, 6))
    assert (seen.start, seen.stop) == ((0, 1), (5, 3))


def test_an_answer_for_the_whole_image_is_one_cell() -> None:
    case = small_net(
        "p = GlobalAveragePool (image) f = Flatten (p) answer = MatMul (f, m)",
        [4, 4], weights={"m": (2, 3)},
    )  # fmt: skip
    geometry = analyse(case.model, original_size=case.size)["answer"]
    assert geometry.map_size(9, 7) == (1, 1)
    assert [axis.map_axis for axis in geometry.axes] == [None, None]
    assert geometry.box(0, 0, size=(9, 7)).stop == (9, 7)
    assert geometry.whole_image == ("p",)
    assert not decide(case.model, original_size=case.size)["answer"].is_exact
