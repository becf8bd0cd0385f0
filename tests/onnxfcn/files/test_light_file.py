"""Weights that stay in their file: the same bytes come out, whatever form the file has."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, numpy_helper

import onnxfcn
from benchmarks.processes import run_apart
from onnxfcn.files.model_io import load
from sample_models.layers import LayerStack
from tests.onnxfcn.models import random_image, run_model
from tests.onnxfcn.protos import content

Fails = Callable[..., Any]
LARGE = "fc1.weight"
LATER = b"\xfa\x3f\x03abc"
"""Field 1023, three bytes, as a later onnx might have."""


def build(features: int = 300, seed: int = 0) -> ModelProto:
    """A net of which one weight is larger than what is read with the graph."""
    net = LayerStack("net", image=(1, 12, 12), seed=seed)
    net.conv("conv", channels=4, kernel=5)
    net.flatten("flatten")
    net.dense("fc1", features=features)
    net.dense("fc2", features=5)
    return net.finish("logits")


def initializers(model: ModelProto) -> dict[str, TensorProto]:
    return {tensor.name: tensor for tensor in model.graph.initializer}


@pytest.fixture
def model() -> ModelProto:
    return build()


def stored(content: bytes, folder: Path) -> Path:
    path = folder / "in.onnx"
    path.write_bytes(content)
    return path


def test_large_weights_are_not_read_with_the_model(model: ModelProto, tmp_path: Path) -> None:
    light = load(stored(content(model), tmp_path))
    assert [*light.weights] == [LARGE]
    assert not initializers(light.proto)[LARGE].HasField("raw_data")
    assert light.weights[LARGE].read() == initializers(model)[LARGE].raw_data
    assert light.whole() == model


def test_file_is_the_one_that_protobuf_writes(model: ModelProto, tmp_path: Path) -> None:
    weight = initializers(model)[LARGE]
    weight.doc_string = "a note"
    weight.metadata_props.add(key="key", value="value")
    # As onnx leaves it behind where external data was loaded.
    weight.data_location = TensorProto.DEFAULT
    weight.CopyFrom(TensorProto.FromString(weight.SerializeToString() + LATER))
    output = tmp_path / "out.onnx"
    onnxfcn.rewrite(stored(content(model) + LATER, tmp_path), output)
    from_memory = onnxfcn.rewrite(model, tmp_path / "memory.onnx").model
    written = onnx.load(output)
    assert output.read_bytes() == content(written)
    assert content(written) == content(from_memory) + LATER
    after = initializers(written)[LARGE]
    after.dims[:] = weight.dims
    assert content(after) == content(weight)


def split_graph(model: ModelProto) -> bytes:
    """The graph in two pieces, which protobuf joins."""
    last = ModelProto()
    last.graph.initializer.append(model.graph.initializer.pop())
    return content(model) + content(last)


def twice_the_data(model: ModelProto) -> bytes:
    """A weight with its data twice, of which the second counts."""
    weight = initializers(model)[LARGE]
    first = TensorProto(raw_data=bytes(len(weight.raw_data)))
    return with_weight(model, content(first) + content(weight))


def weight_in_two_pieces(model: ModelProto) -> bytes:
    """A weight whose name comes behind its data, as protobuf reads but does not write it."""
    weight = initializers(model)[LARGE]
    name = TensorProto(name=weight.name)
    weight.ClearField("name")
    return with_weight(model, content(weight) + content(name))


def with_weight(model: ModelProto, weight: bytes) -> bytes:
    """A model in which a message stands for the large weight, behind the other initializers."""
    graph = onnx.GraphProto()
    graph.CopyFrom(model.graph)
    large = next(i for i, t in enumerate(graph.initializer) if len(t.raw_data) > 2**16)
    del graph.initializer[large]
    model.ClearField("graph")
    return content(model) + delimited(7, content(graph) + delimited(5, weight))


def delimited(number: int, value: bytes) -> bytes:
    """A field of a message, with its length before it."""
    length, head = len(value), bytearray([number << 3 | 2])
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes(head) + bytes([length]) + value


def data_in_floats(model: ModelProto) -> bytes:
    """A weight whose data is no raw data."""
    weight = initializers(model)[LARGE]
    weight.float_data.extend(numpy_helper.to_array(weight).ravel().tolist())
    weight.ClearField("raw_data")
    return content(model)


@pytest.mark.parametrize("odd", [split_graph, twice_the_data, weight_in_two_pieces, data_in_floats])
def test_files_of_odd_forms(odd: Callable[[ModelProto], bytes], tmp_path: Path) -> None:
    source = stored(odd(build()), tmp_path)
    assert load(source).whole() == ModelProto.FromString(source.read_bytes())
    report = onnxfcn.rewrite(source, tmp_path / "out.onnx")
    assert report.validation
    assert report.validation.passed
    image = random_image(1, 1, 12, 12)
    (expected,) = run_model(build(), image)
    (cells,) = run_model(tmp_path / "out.onnx", image)
    assert cells.reshape(expected.shape) == pytest.approx(expected, abs=1e-5)


def test_two_weights_of_one_name_are_no_valid_model(
    model: ModelProto, tmp_path: Path, fails: Fails
) -> None:
    model.graph.initializer.append(initializers(model)[LARGE])
    fails("rewrite", stored(content(model), tmp_path), tmp_path / "out.onnx", code=4, says=LARGE)


@pytest.fixture(scope="module")
def small_file() -> bytes:
    model = build(features=200)
    assert len(initializers(model)[LARGE].raw_data) > 2**16
    return content(model)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_files_are_read_as_protobuf_reads_them(
    data: st.DataObject, small_file: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    damaged = bytearray(small_file[: data.draw(st.integers(1, len(small_file)))])
    for _ in range(data.draw(st.integers(0, 3))):
        # Most of the file is data: what matters are its two ends.
        place = data.draw(st.integers(0, min(300, len(damaged) - 1)))
        damaged[data.draw(st.sampled_from([place, -1 - place]))] = data.draw(st.integers(0, 255))
    path = stored(bytes(damaged), tmp_path_factory.getbasetemp())
    try:
        expected = ModelProto.FromString(bytes(damaged))
    except Exception:
        with pytest.raises(onnxfcn.UnusableModelError):
            load(path)
        return
    try:
        found = load(path).whole()
    except onnxfcn.UnusableModelError:
        assert not expected.ir_version or not expected.HasField("graph")
    else:
        assert content(found) == content(expected)


def test_file_that_is_too_large_for_protobuf(tmp_path: Path, fails: Fails) -> None:
    source = tmp_path / "in.onnx"
    source.touch()
    os.truncate(source, 2**31)
    fails("rewrite", source, tmp_path / "out.onnx", code=4, says="save the model with external")


def test_weight_of_a_file_that_was_replaced_is_not_read(model: ModelProto, tmp_path: Path) -> None:
    weight = load(stored(content(model), tmp_path)).weights[LARGE]
    (tmp_path / "other.onnx").write_bytes(content(build(seed=1)))
    (tmp_path / "other.onnx").replace(tmp_path / "in.onnx")
    with pytest.raises(onnxfcn.UnusableModelError, match="was changed"):
        weight.read()


_MEASURED = """
import resource, sys, onnxfcn
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
onnxfcn.rewrite(sys.argv[1], sys.argv[2], validate=False, external_data=sys.argv[3])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("place", ["always", "never"])
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit")
def test_weights_are_not_taken_into_memory(place: str, tmp_path: Path) -> None:
    source = stored(content(build(features=100_000)), tmp_path)
    # A process inherits the peak of its parent: one of this size would never grow.
    _, growth = run_apart(_MEASURED, str(source), str(tmp_path / "out.onnx"), place)
    assert source.stat().st_size > 10**8
    assert 0 < int(growth) < 40 * 2**10  # KiB
    assert np.array_equal(
        *(
            numpy_helper.to_array(initializers(onnx.load(path))[LARGE]).ravel()
            for path in (source, tmp_path / "out.onnx")
        )
    )
