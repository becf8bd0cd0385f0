"""The sample models are what their docstrings say, and their answers differ between positions."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import shape_inference

from sample_models import alexnet, build, gilt, lenet, plain234
from tests.session import session

FOLDER = Path(build.__file__).parent

Floats = npt.NDArray[np.float32]


def answers(model: onnx.ModelProto, images: Floats) -> Floats:
    output: Floats = session(model, optimized=True).run(None, {"image": images})[0]
    return output


def shape_of(model: onnx.ModelProto, tensor: str) -> tuple[int | str, ...]:
    graph = shape_inference.infer_shapes(model, strict_mode=True).graph
    values = itertools.chain(graph.input, graph.value_info, graph.output)
    found = next(value for value in values if value.name == tensor)
    return tuple(axis.dim_param or axis.dim_value for axis in found.type.tensor_type.shape.dim)


def feature_map(model: onnx.ModelProto) -> tuple[int | str, ...]:
    flatten = next(node for node in model.graph.node if node.op_type == "Flatten")
    return shape_of(model, flatten.input[0])


def crops(image: Floats, size: tuple[int, int], stride: int) -> Floats:
    """Return all crops of ``[C, H, W]`` of the given size, in row-major order: ``[N, C, h, w]``."""
    rows, columns = (
        range(0, extent - crop + 1, stride)
        for extent, crop in zip(image.shape[1:], size, strict=True)
    )
    return np.stack([image[:, y : y + size[0], x : x + size[1]] for y in rows for x in columns])


@pytest.mark.parametrize("name", build.KEPT)
def test_kept_file_is_what_the_script_builds_now(name: str, tmp_path: Path) -> None:
    kept = FOLDER / f"{name}.onnx"
    assert build.write(name, tmp_path).read_bytes() == kept.read_bytes()
    assert kept.stat().st_size < 1_000_000


def test_script_runs_from_any_folder(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, FOLDER / "build.py", "lenet", "--out", "here"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    size = (tmp_path / "here" / "lenet.onnx").stat().st_size
    assert finished.stdout == f"{Path('here') / 'lenet.onnx'} {size} bytes\n"


def test_script_names_the_models_it_knows(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, FOLDER / "build.py", "lenin"], capture_output=True, text=True
    )
    assert finished.returncode == 2
    assert "no sample model lenin; there are lenet, gilt" in finished.stderr


def test_samples_share_their_conventions() -> None:
    for model in (lenet.build(), gilt.build(), plain234.build(width=4)):
        onnx.checker.check_model(model, full_check=True)
        assert model.ir_version == 8
        assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
        assert [value.name for value in model.graph.input] == ["image"]
        assert [value.name for value in model.graph.output] == ["probabilities"]


def test_lenet_shapes() -> None:
    model = lenet.build()
    assert shape_of(model, "image") == ("N", 1, 28, 28)
    assert feature_map(model) == ("N", 16, 4, 4)
    assert shape_of(model, "probabilities") == ("N", 10)


def test_gilt_shapes() -> None:
    model = gilt.build()
    assert shape_of(model, "image") == ("N", 3, 128, 64)
    assert feature_map(model) == ("N", 32, 4, 2)
    assert shape_of(model, "probabilities") == ("N", 1)


def test_plain234_shapes() -> None:
    model = plain234.build(width=4)
    assert shape_of(model, "image") == ("N", 1, 234, 234)
    assert feature_map(model) == ("N", 32, 24, 24)
    assert shape_of(model, "fc4") == shape_of(model, "fc5") == ("N", 4)
    assert shape_of(model, "probabilities") == ("N", 1000)


@pytest.mark.parametrize("width", [2, 32])
def test_thin_plain234_answers_differ_between_positions(width: int) -> None:
    image = np.random.default_rng(0).standard_normal((1, 274, 274), dtype=np.float32)
    probabilities = answers(plain234.build(width=width), crops(image, (234, 234), stride=40))
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert probabilities.std(axis=0).max() > 0.001
    assert 0.002 < probabilities.max() < 0.99


def test_alexnet_feature_map() -> None:
    model = alexnet.build()
    assert shape_of(model, "pool5") == ("N", 256, 6, 6)


@pytest.mark.parametrize("pixels", ["normal", "uniform"])
def test_gilt_answers_differ_between_the_403_positions(pixels: str) -> None:
    rng = np.random.default_rng(1)
    draw = rng.standard_normal if pixels == "normal" else rng.random
    image = draw((3, 512, 1024), dtype=np.float32)
    probabilities = answers(gilt.build(), crops(image, (128, 64), stride=32))
    assert probabilities.shape == (403, 1)
    assert len(np.unique(probabilities)) > 400
    assert probabilities.std() > 0.05
    assert 0.001 < probabilities.min() < probabilities.max() < 0.999


def test_lenet_answers_differ_between_positions() -> None:
    image = np.random.default_rng(1).standard_normal((1, 60, 60), dtype=np.float32)
    probabilities = answers(lenet.build(), crops(image, (28, 28), stride=4))
    assert probabilities.std(axis=0).max() > 0.05
    assert np.median(probabilities.max(axis=1)) < 0.95
