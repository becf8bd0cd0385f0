"""Where the trunk has no padding, every cell is what the original says of a crop of the image."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest

import onnxfcn
from sample_models import gilt, lenet, plain234
from tests.onnxfcn.models import random_image, run_model, windows_of

Floats = npt.NDArray[np.float32]
Cut = Callable[..., list[Floats]]


def rewritten(model: onnx.ModelProto, path: Path) -> Path:
    onnxfcn.rewrite(model, path)
    return path


def test_gilt_gives_403_cells_that_equal_the_original_on_crops(tmp_path: Path) -> None:
    image = random_image(1, 3, 512, 1024)
    (cells,) = run_model(rewritten(gilt.build(), tmp_path / "out.onnx"), image)
    assert cells.shape == (1, 1, 13, 31)
    crops = np.concatenate(windows_of(image, (128, 64), 32))
    assert crops.shape == (403, 3, 128, 64)
    (expected,) = run_model(gilt.build(), crops)
    assert cells.ravel() == pytest.approx(expected.ravel(), abs=1e-5)
    assert expected.std() > 0.01


@pytest.mark.parametrize(
    ("build", "shape", "stride", "map_size"),
    [
        (lenet.build, (1, 1, 60, 44), 4, (9, 5)),
        (lambda: plain234.build(width=4), (1, 1, 258, 250), 8, (4, 3)),
    ],
    ids=["lenet", "plain234"],
)
def test_cells_equal_the_original_on_crops(
    build: Callable[[], onnx.ModelProto],
    shape: tuple[int, ...],
    stride: int,
    map_size: tuple[int, int],
    tmp_path: Path,
) -> None:
    original, image = build(), random_image(*shape)
    size = [axis.dim_value for axis in original.graph.input[0].type.tensor_type.shape.dim[2:]]
    (cells,) = run_model(rewritten(original, tmp_path / "out.onnx"), image)
    assert cells.shape[2:] == map_size
    (expected,) = run_model(original, np.concatenate(windows_of(image, size, stride)))
    assert np.moveaxis(cells[0], 0, -1).reshape(expected.shape) == pytest.approx(expected, abs=1e-5)
    assert expected.std(axis=0).max() > 0.001


@pytest.mark.parametrize("step", [(2, 2), (1, 3)])
def test_window_step_takes_every_so_many_th_crop(
    step: tuple[int, int], lenet: onnx.ModelProto
) -> None:
    image = random_image(1, 1, 60, 64)
    (every,) = run_model(onnxfcn.rewrite(lenet).model, image)
    (some,) = run_model(onnxfcn.rewrite(lenet, window_step=step).model, image)
    assert every.shape[2:] == (9, 10)
    assert some == pytest.approx(every[..., :: step[0], :: step[1]], abs=1e-6)


def test_a_batch_of_images_gives_a_batch_of_maps(lenet: onnx.ModelProto) -> None:
    images = random_image(3, 1, 36, 32)
    model = onnxfcn.rewrite(lenet).model
    (together,) = run_model(model, images)
    apart = [run_model(model, image[np.newaxis])[0] for image in images]
    assert together == pytest.approx(np.concatenate(apart), abs=1e-6)


def test_at_its_own_size_the_rewritten_model_answers_as_the_original_in_one_cell(
    lenet: onnx.ModelProto,
) -> None:
    images = random_image(5, 1, 28, 28)
    (expected,) = run_model(lenet, images)
    (cells,) = run_model(onnxfcn.rewrite(lenet).model, images)
    assert cells.shape == (5, 10, 1, 1)
    assert cells[..., 0, 0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("shape", [(1, 1, 27, 28), (1, 1, 28, 8)])
def test_onnx_runtime_refuses_images_smaller_than_the_original(
    shape: tuple[int, ...], lenet: onnx.ModelProto
) -> None:
    model = onnxfcn.rewrite(lenet).model
    with pytest.raises(Exception, match="Conv"):
        run_model(model, random_image(*shape))
