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
    "a stride that leaves pixels out, padded by itself": (
        'answer = Conv <auto_pad = "SAME_UPPER", strides = [6]> (image, w)',
        r"answer \(Conv\): its automatic pads are negative",
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


def test_symbolic_channels_are_unknown() -> None:
    case = small_net("answer = MaxPool <kernel_shape = [2]> (image)", [9])
    case.model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "channels"
    with pytest.raises(GeometryUnknownError, match=r"the input 'image' has shape"):
        analyse(case.model, case.size)


def test_a_second_image_with_fewer_axes_is_unknown() -> None:
    case = small_net(
        "f = Conv (image, w) p = MaxPool <kernel_shape = [2]> (sound)"
        " q = ReduceMean <axes = [2], keepdims = 0> (p) s = Unsqueeze (q, axes)"
        " answer = Add (f, s)",
        [9, 8],
        opset=17,
        weights={"w": (2, 2, 3, 3)},
        constants={"axes": [2, 3]},
    )
    sound = onnx.helper.make_tensor_value_info("sound", onnx.TensorProto.FLOAT, [1, 2, 6])
    case.model.graph.input.append(sound)
    extents = case.model.graph.input[0].type.tensor_type.shape.dim
    extents[2].dim_value, extents[3].dim_value = case.size
    with pytest.raises(GeometryUnknownError, match=r"the input 'sound' has shape"):
        analyse(case.model)


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
