"""Writing: places that cannot be used, and failures that leave the old file whole."""

import errno
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

import onnxfcn
from sample_models import lenet as lenet_sample
from tests.onnxfcn.protos import arrays

Fails = Callable[..., Any]


def test_output_may_be_the_input(lenet: ModelProto, lenet_file: Path, tmp_path: Path) -> None:
    onnxfcn.rewrite(lenet_file, tmp_path / "other.onnx")
    onnxfcn.rewrite(lenet_file, lenet_file)
    assert lenet_file.read_bytes() == (tmp_path / "other.onnx").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_output_in_a_folder_that_does_not_exist(
    lenet_file: Path, tmp_path: Path, fails: Fails
) -> None:
    fails("rewrite", lenet_file, tmp_path / "no" / "out.onnx", code=2, says="there is no folder")


def test_output_that_is_a_folder(lenet_file: Path, tmp_path: Path, fails: Fails) -> None:
    fails("rewrite", lenet_file, tmp_path, code=2, says="is a folder")


@pytest.mark.parametrize("device", ["/dev/null", "/dev/full"])
def test_output_that_is_a_device(device: str, lenet_file: Path, fails: Fails) -> None:
    fails("rewrite", lenet_file, device, code=2, says="not a regular file")
    assert Path(device).is_char_device()


def test_output_where_nothing_can_be_made(lenet_file: Path, fails: Fails) -> None:
    fails("rewrite", lenet_file, "/proc/out.onnx", code=2, says="cannot be written")


@pytest.fixture
def fill_disk() -> Iterator[Callable[[], None]]:
    """From its call on no file may grow beyond 64 KiB: to a writer, the disk is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, limits[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_full_disk_keeps_the_old_output(
    lenet_file: Path, tmp_path: Path, fails: Fails, fill_disk: Callable[[], None]
) -> None:
    output = tmp_path / "out.onnx"
    output.write_bytes(b"precious")
    fill_disk()
    fails("rewrite", lenet_file, output, code=2, says="out.onnx cannot be written")


def test_full_disk_keeps_the_input_when_it_is_the_output(
    lenet_file: Path, fails: Fails, fill_disk: Callable[[], None]
) -> None:
    fill_disk()
    fails("rewrite", lenet_file, lenet_file, code=2, says="cannot be written")


@pytest.fixture
def written_pair(tmp_path: Path) -> Path:
    """An output with external data that stands already, of a model with other weights."""
    model = lenet_sample.build()
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor) * np.float32(1.5)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    source = tmp_path / "other.onnx"
    onnx.save(model, source, save_as_external_data=True, location="o", size_threshold=1024)
    onnxfcn.rewrite(source, tmp_path / "out.onnx")
    return tmp_path / "out.onnx"


def test_full_disk_keeps_the_old_pair(
    external: Path, written_pair: Path, fails: Fails, fill_disk: Callable[[], None]
) -> None:
    fill_disk()
    fails("rewrite", external, written_pair, code=2, says="cannot be written")


def test_error_of_the_disk_while_syncing_keeps_the_old_output(
    lenet_file: Path, tmp_path: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.onnx"
    output.write_bytes(b"precious")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    fails("rewrite", lenet_file, output, code=2, says="No space left on device")


def test_folder_that_cannot_be_synced_does_not_turn_a_written_output_into_an_error(
    lenet_file: Path, tmp_path: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    output, sync = tmp_path / "out.onnx", os.fsync

    def files_only(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").is_dir():  # as some network file systems do
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", files_only)
    finished = command("rewrite", lenet_file, output)
    assert (finished.code, finished.err) == (0, "")
    assert output.is_file()


def test_folder_is_synced_once_the_output_is_in_its_place(
    lenet_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, sync = tmp_path / "out.onnx", os.fsync
    synced: list[bool] = []

    def noted(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").samefile(tmp_path):
            synced.append(output.is_file())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    onnxfcn.rewrite(lenet_file, output, validate=False)
    assert synced == [True]


def test_pair_whose_model_cannot_be_moved_into_place_stays_whole(
    external: Path, written_pair: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = os.replace

    def data_only(source: Any, target: Any) -> None:
        if Path(target) == written_pair:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        move(source, target)

    monkeypatch.setattr(os, "replace", data_only)
    fails("rewrite", external, written_pair, code=2, says="cannot be written")


def test_failed_validation_keeps_the_old_output(
    lenet_file: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    output = tmp_path / "out.onnx"
    output.write_bytes(b"precious")
    assert command("rewrite", lenet_file, output, "--rtol", "1e-12").code == 5
    assert output.read_bytes() == b"precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lenet.onnx", "out.onnx"]


def test_interrupted_validation_keeps_the_old_output(lenet_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.onnx"
    output.write_bytes(b"precious")

    def interrupt(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        onnxfcn.rewrite(lenet_file, output, progress=interrupt)
    assert output.read_bytes() == b"precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lenet.onnx", "out.onnx"]


def test_large_constants_inside_nodes_stay_where_they_are(
    lenet: ModelProto, tmp_path: Path
) -> None:
    values = np.arange(100_000, dtype=np.float32)
    lenet.graph.node.append(
        helper.make_node("Constant", [], ["unread"], value=numpy_helper.from_array(values))
    )
    onnxfcn.rewrite(lenet, tmp_path / "out.onnx")
    (kept,) = (n for n in onnx.load(tmp_path / "out.onnx").graph.node if n.op_type == "Constant")
    assert np.array_equal(numpy_helper.to_array(kept.attribute[0].t), values)
    assert kept.attribute[0].t.data_location == TensorProto.DEFAULT


def test_new_pair_replaces_the_old_one(external: Path, written_pair: Path) -> None:
    onnxfcn.rewrite(external, written_pair)
    new, expected = arrays(written_pair), arrays(external)
    assert all(np.array_equal(new[name].ravel(), expected[name].ravel()) for name in expected)


def test_output_that_is_a_link_to_itself(lenet_file: Path, tmp_path: Path, fails: Fails) -> None:
    link = tmp_path / "out.onnx"
    link.symlink_to(link)
    fails("rewrite", lenet_file, link, code=2, says="leads nowhere")


def test_input_that_is_a_link_to_itself(tmp_path: Path, fails: Fails) -> None:
    link = tmp_path / "link.onnx"
    link.symlink_to(link.name)
    fails("inspect", link, code=2, says="cannot be read")


def test_names_that_no_file_can_have(lenet_file: Path, tmp_path: Path, fails: Fails) -> None:
    name = tmp_path / f"{'x' * 300}.onnx"
    fails("inspect", name, code=2, says="File name too long")
    fails("rewrite", lenet_file, name, code=2, says="File name too long")


def test_replaced_file_keeps_its_mode(lenet_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "private.onnx"
    output.touch(mode=0o600)
    onnxfcn.rewrite(lenet_file, output)
    assert output.stat().st_mode & 0o777 == 0o600
