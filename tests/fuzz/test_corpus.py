"""Models that once failed: each gets a clear error, in bounded time and memory."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto

import onnxfcn

from .examine import examine_file
from .hostile import plant

_TEXT = """
    <ir_version: 8, opset_import: ["" : 17%s]>
    net (float[%s] image) => (float[N,K] y)
    <int64[1] many = {%s}, int64[1] one = {1}>
    { map = Conv<strides=[2,2]>(image, kernel) %s }
"""
_HEAD = "v = Flatten(map) y = Gemm(v, w)"


def _model(
    body: str, *, image: str = "1,3,9,11", many: int = 2**40, domains: str = ""
) -> ModelProto:
    model: ModelProto = onnx.parser.parse_model(_TEXT % (domains, image, many, body))
    for name, dims in {"w": (40, 3), "kernel": (2, 3, 3, 3)}.items():
        values = np.sin(np.arange(math.prod(dims), dtype=np.float32)).reshape(dims)
        model.graph.initializer.insert(0, onnx.numpy_helper.from_array(values, name))
    return model


def _edited(edit: Callable[[TensorProto], object], index: int = 1) -> bytes:
    """The model with one of its tensors changed: the kernel, the dense layer's weight, ..."""
    model = _model(_HEAD)
    edit(model.graph.initializer[index])
    return model.SerializeToString()


def _dims(*dims: int) -> bytes:
    return _edited(lambda tensor: tensor.MergeFrom(TensorProto(dims=dims)))


def _data(data: bytes) -> bytes:
    return _edited(lambda tensor: setattr(tensor, "raw_data", data))


def _outside(**entries: str) -> bytes:
    def edit(tensor: TensorProto) -> None:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in entries.items():
            tensor.external_data.add(key=key, value=value)

    return _edited(edit)


def _calling(
    levels: int, last: str, body: str = "r = local.f0(map) v = Flatten(r) y = Gemm(v, w)"
) -> bytes:
    """A Relu by functions, each of which calls the next one twice."""
    model = _model(body, domains=', "local" : 1')
    for level in range(levels):
        called = f"local.f{level + 1}" if level + 1 < levels else last
        text = f"""<domain: "local", opset_import: ["" : 17, "local" : 1]>
            f{level} (x) => (z) {{ y = {called}(x) z = {called}(y) }}"""
        model.functions.append(onnx.parser.parse_function(text))
    return model.SerializeToString()


def _text(body: str, **options: Any) -> bytes:
    return _model(body, **options).SerializeToString()


CORPUS: dict[str, tuple[bytes, str]] = {
    "dims_larger_than_the_data": (_dims(2**20), "its dims [40, 3, 1048576]"),
    "dims_whose_product_overflows": (_dims(2**62, 2**62), "too large"),
    "negative_dims": (_dims(-1), "negative"),
    "no_data": (_data(b""), "0 bytes of data"),
    "data_longer_than_dims": (_data(b"\1" * 999), "999 bytes of data"),
    "data_shorter_than_dims": (_data(b"\1" * 479), "479 bytes of data"),
    "numbers_that_are_too_few": (
        _edited(lambda tensor: tensor.int64_data.append(1), index=2),
        "'many' has 2 numbers",
    ),
    "empty_bytes_beside_numbers": (
        _edited(lambda tensor: setattr(tensor, "raw_data", b""), index=2),
        "'many'",
    ),
    "no_such_data_type": (
        _edited(lambda tensor: setattr(tensor, "data_type", 99)),
        "data type 99",
    ),
    "data_file_with_a_null_byte": (_outside(location="a\0b"), "bad entry"),
    "data_file_with_too_long_a_name": (_outside(location="x" * 5000), "cannot be found"),
    "data_file_that_is_a_link_to_itself": (_outside(location="link_to_itself"), "cannot be found"),
    "data_file_that_is_a_link_out": (_outside(location="link_out"), "outside the model's folder"),
    "data_file_that_climbs_out": (_outside(location="../x"), "outside the model's folder"),
    "data_file_that_is_absolute": (_outside(location="/dev/zero"), "an absolute path"),
    "data_file_that_is_a_pipe": (_outside(location="pipe"), "missing"),
    "data_with_a_negative_offset": (_outside(location="hole", offset="-8"), "negative"),
    "data_longer_than_its_dims": (_outside(location="hole", length=str(2**41)), "too long"),
    "functions_twice_as_large_at_every_level": (_calling(40, "Relu"), "written out"),
    "function_that_nothing_calls_and_that_calls_a_later_one": (
        _calling(2, "Relu", "p = AveragePool<kernel_shape=[4,5]>(map) y = Flatten(p)"),
        "",
    ),
    "function_that_calls_itself": (_calling(2, "local.f0"), "calls itself"),
    "name_that_is_no_text": (
        _text("v = Flatten(map) [names] y = Gemm(v, w)").replace(b"names", b"n\xffmes"),
        "UTF-8",
    ),
    "image_without_end": (_text(_HEAD, image="1,3,9,1099511627776"), "'image' has the extent"),
    "image_of_negative_size": (_text(_HEAD, image="-1,3,9,11"), "'image' has the extent -1"),
    "batch_of_no_images": (_text(_HEAD, image="0,3,9,11"), "found 0 samples"),
    "batch_of_millions": (_text(_HEAD, image="2097152,3,9,11"), "found 2097152 samples"),
    "vector_without_end": (
        _text("t = Expand(one, many) f = Cast<to=1>(t) v = Flatten(map) y = Gemm(v, w, f)"),
        "'t' of 1099511627776",
    ),
    "vectors_that_are_joined": (
        _text(
            "t = Expand(one, many) u = Concat<axis=0>(t, t) f = Cast<to=1>(u) v = Flatten(map)"
            " y = Gemm(v, w, f)",
            many=2**28,
        ),
        "'t' of 268435456",
    ),
    "map_beside_billions_of_channels": (
        _text(
            "s = Shape<start=2>(map) l = Concat<axis=0>(one, many, s) z = ConstantOfShape(l)"
            " j = Concat<axis=1>(map, z) q = Conv<pads=[1,1,1,1]>(j, kernel)"
            " p = GlobalAveragePool(q) y = Flatten(p)",
            many=2**31 + 5,
        ),
        "",
    ),
    "more_repetitions_than_an_extent_can_say": (
        _text(
            "s = Shape<start=2>(map) l = Concat<axis=0>(one, many, s) p = GlobalAveragePool(map)"
            " t = Tile(p, l) j = Concat<axis=1>(map, t) q = Conv<pads=[1,1,1,1]>(j, kernel)"
            " g = GlobalAveragePool(q) y = Flatten(g)",
            many=2**62,
        ),
        "",
    ),
    "channels_resized_to_very_many": (
        _text(
            "o = Constant<value = int64[1] {1}>() c = Constant<value = int64[1] {16777216}>()"
            " s = Shape<start=2>(map) l = Concat<axis=0>(o, c, s) p = GlobalAveragePool(map)"
            ' t = Resize<mode="linear">(p, , , l) j = Concat<axis=1>(map, t)'
            " q = Conv(j, kernel) g = GlobalAveragePool(q) y = Flatten(g)"
        ),
        "",
    ),
    "target_without_end": (
        _text("t = Reshape(one, many) s = Slice(one, t, many) v = Reshape(map, s) y = Gemm(v, w)"),
        "'t' of 1099511627776",
    ),
    "index_outside": (
        _text("i = Gather(one, many) v = Flatten(map) h = Gemm(v, w) y = Gather<axis=1>(h, i)"),
        "'i' can be computed",
    ),
    "kernel_larger_than_the_map_before_a_slice": (
        _text(
            "a = Constant<value_ints=[3]>() c = MaxPool<kernel_shape=[1,9]>(map)"
            " r = Slice(c, one, many, a) p = GlobalAveragePool(r) y = Flatten(p)"
        ),
        "nothing to rewrite",
    ),
    "kernel_larger_than_what_a_slice_leaves": (
        _text(
            "a = Constant<value_ints=[3]>() q = Slice(map, one, many, a)"
            " c = MaxPool<kernel_shape=[1,5]>(q) r = Slice(c, one, many, a)"
            " p = GlobalAveragePool(r) y = Flatten(p)"
        ),
        "'r'",
    ),
    "step_that_is_no_list": (
        _text(
            "a = Constant<value_ints=[3]>() k = Constant<value_int=1>()"
            " q = Slice(map, one, many, a, k) p = GlobalAveragePool(q) y = Flatten(p)"
        ),
        "",
    ),
    "shape_of_what_no_shape_can_say": (
        _text(
            "n = Constant<value_ints=[0, 0, 0, 9223372036854775807, 0, 0, 0, 9]>()"
            " q = Pad(map, n) s = Shape(q) r = Reshape(q, s) p = GlobalAveragePool(r)"
            " y = Flatten(p)"
        ),
        "nothing to rewrite",
    ),
    "pads_whose_sum_overflows": (
        _text(
            "n = Constant<value_ints=[0, 0, 0, 9223372036854775807, 0, 0, 0, 9]>()"
            " q = Pad(map, n) p = GlobalAveragePool(q) y = Flatten(p)"
        ),
        "'q'",
    ),
    "pool_of_a_constant": (
        _text(f"p = GlobalAveragePool(kernel) {_HEAD} z = Identity(p)"),
        "",
    ),
}
"""Model files, and what the error says; nothing where the model is rewritten."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    models = tmp_path / "models"
    models.mkdir()
    plant(models)
    return models


@pytest.mark.parametrize("action", ["rewrite", "inspect"])
@pytest.mark.parametrize("case", CORPUS)
def test_model_that_once_failed(case: str, action: str, folder: Path) -> None:
    content, message = CORPUS[case]
    outcome = examine_file(content, action, folder)
    assert not outcome.failed, outcome
    if action == "rewrite":
        assert (outcome.kind == "done") == (not message)
        assert message in outcome.detail


def test_image_that_is_too_large_to_prove_anything_on(tmp_path: Path) -> None:
    pooled = (
        "q = MaxPool<kernel_shape=[64,1], strides=[64,1]>(map)"
        " p = GlobalAveragePool(q) y = Flatten(p)"
    )
    for shape in ("1,3,4194304,32", "9000,3,192,64"):
        outcome = examine_file(_text(pooled, image=shape), "prove", tmp_path)
        assert (outcome.failed, outcome.kind) == (False, "UsageError"), outcome
        assert "too many to prove" in outcome.detail


def test_corpus_is_small() -> None:
    assert sum(len(content) for content, _ in CORPUS.values()) < 100_000


def test_command_line_says_it_in_a_line(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = folder / "model.onnx"
    path.write_bytes(CORPUS["data_shorter_than_dims"][0])
    with pytest.raises(onnxfcn.UnusableModelError, match="'w' has 479 bytes of data"):
        onnxfcn.rewrite(path, folder / "out.onnx")
    assert not os.path.lexists(folder / "out.onnx")
    assert capfd.readouterr() == ("", "")
