"""Models on which onnx's shape inference by itself would end the process."""

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import pytest
from onnx import ModelProto, numpy_helper

from onnxfcn.files.onnx_checker import check
from onnxfcn.files.stored_model import StoredModel
from passes import dynamic_spatial_axes, flatten_gemm_to_conv

TEXT = """<ir_version: 8, opset_import: ["" : 18]> net (float[N,3,9,11] image) => (float[N,K] y)
    <int64[1] zero = {0}, int64[1] one = {1}, int64[1] three = {3}>
    { map = Conv<strides=[2, 2]>(image, kernel) %s p = GlobalAveragePool(r) y = Flatten(p) }"""
CUT = "Slice({}, zero, three, three)"
HALF = f"q = {CUT.format('map')}"
READ = f"r = {CUT.format('c')}"
CASES = {
    "kernel": (f"c = MaxPool<kernel_shape=[1, 9]>(map) {READ}", "c"),
    "kernel behind a slice": (f"{HALF} c = MaxPool<kernel_shape=[1, 5]>(q) {READ}", "c"),
    "margins": (
        f"n = Constant<value_ints=[0, 0, 0, -3, 0, 0, 0, -3]>() c = Pad(map, n) {READ}",
        "c",
    ),
    "margins behind a slice": (
        f"""{HALF} n = Constant<value=int64[8] {{0, 0, 0, -2, 0, 0, 0, -2}}>()
        c = Pad(q, n) {READ}""",
        "c",
    ),
    "margins that are computed, behind a slice": (
        f"""{HALF} s = Shape(q) w = Constant<value_ints=[1, 2, 4, 5]>() d = Sub(s, w)
        n = Concat<axis=0>(d, d) c = Pad(q, n) {READ}""",
        "",
    ),
    "pads of a transposed convolution": (
        f"c = ConvTranspose<pads=[0, 3, 0, 3]>(map, filter) {READ}",
        "c",
    ),
    "the same behind a slice": (
        f"{HALF} c = ConvTranspose<pads=[0, 2, 0, 2]>(q, filter) {READ}",
        "c",
    ),
    "sum with a slice": (
        f"""t = MaxPool<kernel_shape=[1, 9]>(map) q = Slice(map, zero, one, three)
        c = Add(t, q) {READ}""",
        "t",
    ),
    "shape that is computed": (
        f"s = Shape(map) t = Reshape(map, s) c = MaxPool<kernel_shape=[1, 9]>(t) {READ}",
        "",
    ),
    "many slices": (
        "p0 = Identity(map)"
        + "".join(
            f" q{i} = {CUT.format(f'p{i}')} p{i + 1} = MaxPool<kernel_shape=[1, 2]>(q{i})"
            for i in range(30)
        )
        + " r = Identity(p30)",
        "p4",
    ),
    "gather": (
        "c = MaxPool<kernel_shape=[1, 9]>(map) i = Cast<to=7>(c) r = GatherND(map, i)",
        "c",
    ),
    "parts of a split": ("r, s, t = Split<axis=3, num_outputs=2>(map)", ""),
    "parts of a split of a constant": (
        "e = Expand(one, three) r, s, t = Split<axis=0, num_outputs=2>(e)",
        "",
    ),
    "branch": (
        f"""o = Cast<to=9>(one) r = If(o) <
        then_branch = b () => (float[A,B,C,D] z)
            {{ c = MaxPool<kernel_shape=[1, 9]>(map) z = {CUT.format("c")} }},
        else_branch = e () => (float[A,B,C,D] t) {{ t = Identity(map) }}>""",
        "",
    ),
}
"""What is between the feature map and a global pool, and the tensor that the checker names."""


def net(body: str) -> ModelProto:
    model: ModelProto = onnx.parser.parse_model(TEXT % body)
    for name, shape in {"kernel": (2, 3, 3, 3), "filter": (2, 1, 1, 1)}.items():
        model.graph.initializer.append(numpy_helper.from_array(np.ones(shape, np.float32), name))
    return model


@pytest.mark.parametrize("name", CASES)
def test_process_goes_on(name: str) -> None:
    body, torn = CASES[name]
    for graph_pass in (flatten_gemm_to_conv, dynamic_spatial_axes):
        graph_pass.apply(gs.import_onnx(net(body)))
    complaint = check(StoredModel(net(body)), infer_shapes=True)
    assert complaint == (f"'{torn}' has a negative extent" if torn else "")
