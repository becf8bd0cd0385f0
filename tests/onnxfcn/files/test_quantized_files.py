"""Files with quantized weights: packed elements are counted right, and kernels stay unread."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

import onnxfcn

OUTPUTS = 6
MEASURED = """
import sys, tracemalloc, onnxfcn
tracemalloc.start()
onnxfcn.rewrite(sys.argv[1], sys.argv[2], validate=False)
print(tracemalloc.get_traced_memory()[1])
"""


def quantized_net(kernel: TensorProto, scale: float) -> ModelProto:
    """A convolution with a dequantized kernel of 3x3 on 8x8 pixels, and a dense layer."""
    units, channels = kernel.dims[:2]
    model = onnx.parser.parse_model(f"""
        <ir_version: 10, opset_import: ["" : 21]>
        net (float[1, {channels}, 8, 8] image) => (float[1, {OUTPUTS}] logits)
        {{
            dequantized = DequantizeLinear (kernel, scale)
            map = Conv (image, dequantized)
            features = Flatten (map)
            logits = Gemm <transB = 1> (features, weight)
        }}
    """)
    generator = np.random.default_rng(5)
    weight = generator.standard_normal((OUTPUTS, units * 36), np.float32)
    model.graph.initializer.extend(
        [
            kernel,
            numpy_helper.from_array(np.float32(scale), "scale"),
            numpy_helper.from_array(weight, "weight"),
        ]
    )
    return model


def packed_kernel(data_type: int, units: int) -> TensorProto:
    """Random elements of four bits, two a byte."""
    low = -8 if data_type == TensorProto.INT4 else 0
    count = units * 3 * 9
    values = np.random.default_rng(4).integers(low, low + 16, count)
    return helper.make_tensor("kernel", data_type, [units, 3, 3, 3], values.tolist())


def answers(path: Path) -> np.ndarray:
    image = np.random.default_rng(6).standard_normal((1, 3, 8, 8), np.float32)
    (found,) = ort.InferenceSession(path).run(None, {"image": image})
    return np.asarray(found).ravel()


@pytest.mark.parametrize("with_length", [True, False])
@pytest.mark.parametrize("units", [3, 64])
@pytest.mark.parametrize("data_type", [TensorProto.INT4, TensorProto.UINT4])
@pytest.mark.parametrize("external_data", ["always", "never"])
def test_packed_kernel_beside_the_model(
    with_length: bool, units: int, data_type: int, external_data: str, tmp_path: Path
) -> None:
    kernel = packed_kernel(data_type, units)
    packed = numpy_helper.from_array(numpy_helper.to_array(kernel), "kernel").raw_data
    assert len(packed) == (units * 27 + 1) // 2
    (tmp_path / "kernel.bin").write_bytes(packed)
    kernel.ClearField("int32_data")
    kernel.data_location = TensorProto.EXTERNAL
    places = {"location": "kernel.bin"} | ({"length": str(len(packed))} if with_length else {})
    for key, value in places.items():
        kernel.external_data.add(key=key, value=value)
    onnx.save(quantized_net(kernel, 0.1), tmp_path / "in.onnx")

    report = onnxfcn.rewrite(
        tmp_path / "in.onnx", tmp_path / "out.onnx", external_data=external_data
    )

    assert report.validation
    assert np.allclose(answers(tmp_path / "out.onnx"), answers(tmp_path / "in.onnx"), rtol=1e-4)
    (written,) = (
        t for t in onnx.load(tmp_path / "out.onnx").graph.initializer if t.name == "kernel"
    )
    assert written.raw_data == packed


def test_large_packed_kernel_in_the_model(tmp_path: Path) -> None:
    kernel = numpy_helper.to_array(packed_kernel(TensorProto.INT4, 5000))
    onnx.save(quantized_net(numpy_helper.from_array(kernel, "kernel"), 0.1), tmp_path / "in.onnx")
    assert onnxfcn.rewrite(tmp_path / "in.onnx", tmp_path / "out.onnx").validation
    (before, after) = (
        {t.name: t.raw_data for t in onnx.load(tmp_path / name).graph.initializer}
        for name in ("in.onnx", "out.onnx")
    )
    assert len(after["kernel"]) == 5000 * 27 // 2
    assert after["kernel"] == before["kernel"]


def test_packed_data_of_a_wrong_length_is_refused(tmp_path: Path) -> None:
    kernel = packed_kernel(TensorProto.INT4, 3)
    kernel = numpy_helper.from_array(numpy_helper.to_array(kernel), "kernel")
    kernel.raw_data = kernel.raw_data[:-1]
    onnx.save(quantized_net(kernel, 0.1), tmp_path / "in.onnx")
    with pytest.raises(
        onnxfcn.UnusableModelError, match=r"has 40 bytes of data in raw_data; .* need 41"
    ):
        onnxfcn.rewrite(tmp_path / "in.onnx", tmp_path / "out.onnx")


def test_dequantized_kernels_are_not_computed(tmp_path: Path) -> None:
    values = np.random.default_rng(7).integers(-128, 127, (2048, 1024, 3, 3), dtype=np.int8)
    onnx.save(quantized_net(numpy_helper.from_array(values, "kernel"), 1e-3), tmp_path / "in.onnx")
    arguments = [sys.executable, "-c", MEASURED, tmp_path / "in.onnx", tmp_path / "out.onnx"]
    finished = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert int(finished.stdout) < values.nbytes
