"""What cannot be told is an error that names the node."""

import onnx
import pytest

from onnxfcn.exactness import decide
from onnxfcn.geometry import GeometryUnknownError, analyse
from tests.onnxfcn.small_nets import small_net

W = {"w": (2, 2, 3)}
ODD = {
    "no rule": ("t = Conv (image, w) answer = NonMaxed (t)", r"answer \(NonMaxed\): what it reads"),
    "another domain": ("t = Conv (image, w) answer = com.own.Relu (t)", r"answer \(Relu\): what"),
    "a fixed target": (
        "t = Conv (image, w) answer = Reshape (t, seven)", r"answer \(Reshape\): .* not reshape",
    ),
    "indices from the image": (
        "t = Conv (image, w) i = Cast <to = 7> (t) answer = Gather (t, i)",
        r"answer \(Gather\): its indices",
    ),
    "a stride of zero": (
        "answer = Conv <strides = [0]> (image, w)", r"answer \(Conv\): its attributes",
    ),
}  # fmt: skip
NUMBERS = {"seven": [1, 2, 7], "two": [2], "zero": [0], "end": [2**31 - 1], "axis": [2]}


@pytest.mark.parametrize("name", ODD)
def test_the_node_is_named(name: str) -> None:
    body, says = ODD[name]
    case = small_net(body, [9], weights=W, constants=NUMBERS)
    for told in (analyse, decide):
        with pytest.raises(GeometryUnknownError, match=says):
            told(case.model, case.size)


def test_a_branch_is_not_followed() -> None:
    case = small_net("t = Conv (image, w) answer = Relu (t)", [9], weights=W)
    branch = onnx.parser.parse_graph("own () => (float[1, 2, n] o) { o = Identity (t) }")
    chosen = onnx.helper.make_node(
        "If", ["yes"], ["answer"], name="choice", then_branch=branch, else_branch=branch
    )
    case.model.graph.node[1].CopyFrom(chosen)
    case.model.graph.initializer.append(onnx.helper.make_tensor("yes", 9, [], [True]))
    with pytest.raises(GeometryUnknownError, match=r"choice \(If\): what it reads is not known"):
        analyse(case.model, case.size)
