"""``onnxfcn validate --input``: arrays and image files of the user's."""

import builtins
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto
from PIL import Image

import onnxfcn
from onnxfcn.proof.image import ImageInput
from onnxfcn.proof.image_files import read_sample
from tests.onnxfcn.model_texts import model
from tests.onnxfcn.models import random_image

Command = Callable[..., Any]
Fails = Callable[..., Any]
Pair = tuple[Path, Path]
RGB = ImageInput("image", (2, 3, 2, 3), (0, 1, 2, 3), np.dtype(np.float32), True)
PIXELS = np.arange(3 * 4 * 3, dtype=np.uint8).reshape(3, 4, 3) * 7
"""Rows, columns and channels of a picture of 3x4 pixels."""


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.fromarray(PIXELS).save(path)
    return path


def array_file(folder: Path, values: np.ndarray) -> Path:
    path = folder / "image.npy"
    np.save(path, values)
    return path


def like(image: ImageInput, **changes: Any) -> ImageInput:
    return ImageInput(**{**vars(image), **changes})


def test_array_becomes_a_row(pair: Pair, tmp_path: Path, command: Command) -> None:
    path = array_file(tmp_path, random_image(2, 1, 40, 36))
    finished = command("validate", *pair, "--input", path, "--size", "36x40", "--json")
    assert (finished.code, finished.err) == (0, "")
    rows = json.loads(finished.out)["validation"]["sizes"]
    assert [row["source"] for row in rows] == ["", str(path)]
    assert (rows[1]["size"], rows[1]["map_size"]) == ([40, 36], [4, 3])
    assert rows[1]["against"] == "windows"
    assert "40x36 image.npy" in command("validate", *pair, "--input", path).out


def test_array_of_the_original_size_is_compared_with_the_original(
    pair: Pair, tmp_path: Path, command: Command
) -> None:
    rows = []
    for image in (random_image(1, 1, 28, 28), random_image(1, 1, 28, 28, seed=1)):
        finished = command("validate", *pair, "--input", array_file(tmp_path, image), "--json")
        assert finished.code == 0
        rows.append(json.loads(finished.out)["validation"]["sizes"][-1])
    assert all((row["against"], row["size"]) == ("original", [28, 28]) for row in rows)
    assert rows[0]["comparisons"] != rows[1]["comparisons"]


def test_the_array_is_what_is_compared(pair: Pair, tmp_path: Path, command: Command) -> None:
    """An image of one colour has cells that do not differ; a random one's do."""
    path = array_file(tmp_path, np.zeros((1, 1, 40, 40), np.float32))
    finished = command("validate", *pair, "--input", path, "--json")
    row = json.loads(finished.out)["validation"]["sizes"][-1]
    assert not any(comparison["proven"] for comparison in row["comparisons"])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_array_of_values_that_are_not_finite_is_refused(
    value: float, pair: Pair, tmp_path: Path, fails: Fails
) -> None:
    """Both models would answer with no numbers, and agree."""
    image = random_image(1, 1, 40, 36).astype(np.float64)
    image[0, 0, 3, 3] = value
    path = array_file(tmp_path, image)
    fails("validate", *pair, "--input", path, code=2, says="image.npy holds values that are not")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.zeros((1, 3, 40, 36), np.float32), "takes [N, 1, 28 or more, 28 or more]"),
        (np.zeros((1, 1, 27, 36), np.float32), "takes [N, 1, 28 or more, 28 or more]"),
        (np.zeros((40, 36), np.float32), "takes [N, 1, 28 or more, 28 or more]"),
        (np.zeros((0, 1, 40, 36), np.float32), "takes [N, 1, 28 or more, 28 or more]"),
        (np.zeros((1, 1, 40, 36), np.uint8), "takes float32"),
        (np.array([{}]), "cannot be read as an array"),
    ],
)
def test_array_that_does_not_fit(
    values: np.ndarray, says: str, pair: Pair, tmp_path: Path, fails: Fails
) -> None:
    fails("validate", *pair, "--input", array_file(tmp_path, values), code=2, says=says)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.npy", b"abc"),
        ("a.npy", b""),
        ("a.npy", b"PK\x03\x04"),
        ("a.npy", b"\x93NUMPY\x01\x00\x10\x00{'shape': (1, 2 \n"),
        ("a.png", b"x"),
        ("a.dds", b"DDS |" + bytes(123)),
    ],
)
def test_file_that_is_no_image(
    name: str, content: bytes, pair: Pair, tmp_path: Path, fails: Fails
) -> None:
    (tmp_path / name).write_bytes(content)
    fails("validate", *pair, "--input", tmp_path / name, code=2, says="cannot be read as")


@pytest.mark.parametrize("name", ["a.npy", "a.png"])
def test_file_that_does_not_exist(name: str, pair: Pair, tmp_path: Path, fails: Fails) -> None:
    fails("validate", *pair, "--input", tmp_path / name, code=2, says="cannot be read as")


def test_other_floats_become_the_models(tmp_path: Path) -> None:
    values = np.arange(60.0).reshape(1, 3, 4, 5)
    sample = read_sample(array_file(tmp_path, values), RGB)
    assert sample.image is not None
    assert (sample.size, sample.image.dtype) == ((4, 5), np.float32)
    np.testing.assert_array_equal(sample.image, values)


def test_pixels_are_0_to_1_for_floats(picture: Path) -> None:
    sample = read_sample(picture, RGB)
    assert sample.image is not None
    assert (sample.size, sample.image.dtype) == ((3, 4), np.float32)
    expected = PIXELS.transpose(2, 0, 1)[None] / np.float32(255)
    np.testing.assert_array_equal(sample.image, expected)


def test_pixels_are_0_to_255_for_integers_in_the_models_layout(picture: Path) -> None:
    image = like(
        RGB, shape=(2, 2, 3, 3), roles=(0, 2, 3, 1), dtype=np.dtype(np.uint8), any_batch=False
    )
    sample = read_sample(picture, image)
    assert sample.image is not None
    assert sample.image.dtype == np.uint8
    np.testing.assert_array_equal(sample.image, np.stack([PIXELS, PIXELS]))


def test_one_channel_is_grey_and_may_have_no_axis(picture: Path) -> None:
    sample = read_sample(picture, like(RGB, shape=(2, 3), roles=(2, 3), any_batch=False))
    assert sample.image is not None
    grey = np.asarray(Image.open(picture).convert("L")) / np.float32(255)
    np.testing.assert_array_equal(sample.image, grey)


def test_picture_lies_as_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "turned.png"
    picture = Image.fromarray(PIXELS)
    exif = picture.getexif()
    exif[0x0112] = 6  # Orientation: to be turned by a quarter.
    picture.save(path, exif=exif)
    sample = read_sample(path, RGB)
    assert sample.image is not None
    assert sample.size == (4, 3)
    turned = np.rot90(PIXELS, -1).transpose(2, 0, 1)[None] / np.float32(255)
    np.testing.assert_array_equal(sample.image, turned)


@pytest.mark.parametrize("changes", [{"shape": (1, 5, 2, 3)}, {"shape": (1, 3, 2, 3, 3)}])
def test_picture_for_a_model_of_no_pictures(changes: dict[str, Any], picture: Path) -> None:
    roles = tuple(range(len(changes["shape"])))
    with pytest.raises(onnxfcn.UsageError, match=r"give a \.npy file"):
        read_sample(picture, like(RGB, roles=roles, **changes))


def test_without_pillow_the_extra_is_named(
    pair: Pair, picture: Path, monkeypatch: pytest.MonkeyPatch, fails: Fails
) -> None:
    imported = builtins.__import__

    def without_pillow(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == "PIL":
            raise ImportError(name)
        return imported(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_pillow)
    says = "pip install pillow"
    fails("validate", *pair, "--input", picture, code=2, says=says)


def of_bytes() -> ModelProto:
    """A classifier of 8x8 pixels of three bytes."""
    body = """f = Cast<to=1>(image) x = Conv<pads=[1, 1, 1, 1]>(f, kernel) a = Relu(x)
    v = Flatten(a) out = Gemm(v, dense)"""
    return model(body, "uint8[N,3,8,8]", "float[N,5] out")


def test_bytes_and_a_picture(tmp_path: Path, command: Command) -> None:
    original = of_bytes()
    assert original.graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8
    onnx.save(original, tmp_path / "in.onnx")
    onnxfcn.rewrite(tmp_path / "in.onnx", tmp_path / "out.onnx")
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (12, 10, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    array = array_file(tmp_path, pixels.transpose(2, 0, 1)[None])
    files = tmp_path / "in.onnx", tmp_path / "out.onnx"
    options = ("--input", tmp_path / "a.png", "--input", array, "--json")
    finished = command("validate", *files, *options)
    assert finished.code == 0, finished.err
    rows = json.loads(finished.out)["validation"]["sizes"][-2:]
    assert [row.pop("source") for row in rows] == [str(tmp_path / "a.png"), str(array)]
    assert rows[0] == rows[1]
