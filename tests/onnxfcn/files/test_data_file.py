"""Weights that are written into a file beside the model, under a name that nothing else has."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

import onnxfcn
from tests.model_texts import build
from tests.onnxfcn.files.external import DATA, set_location, stored_weights
from tests.onnxfcn.models import random_image, run_model
from tests.onnxfcn.protos import arrays

Fails = Callable[..., Any]


def without_locations(model: onnx.ModelProto) -> onnx.ModelProto:
    for tensor in model.graph.initializer:
        tensor.ClearField("data_location")
    return model


def test_model_with_external_data_becomes_a_pair_with_the_same_weights(
    external: Path, tmp_path: Path
) -> None:
    before = [path.read_bytes() for path in (external, external.with_name(DATA))]
    output = tmp_path / "out" / "fcn.onnx"
    output.parent.mkdir()

    onnxfcn.rewrite(external, output)

    assert sorted(path.name for path in output.parent.iterdir()) == ["fcn.onnx", "fcn.onnx.data"]
    assert [path.read_bytes() for path in (external, external.with_name(DATA))] == before
    stored = onnx.load(output, load_external_data=False).graph.initializer
    assert {t.name for t in stored if uses_external_data(t)} == {
        "conv2.weight",
        "fc3.weight",
        "fc4.weight",
        "fc5.weight",
    }
    old, new = arrays(external), arrays(output)
    assert old.keys() == new.keys()
    assert all(np.array_equal(new[name].ravel(), old[name].ravel()) for name in old)
    image = random_image(1, 1, 28, 28)
    (expected,), (cells,) = (run_model(path, image) for path in (external, output))
    assert cells.reshape(expected.shape) == pytest.approx(expected, abs=1e-6)


def test_external_pair_runs_where_it_was_moved_together(external: Path, tmp_path: Path) -> None:
    onnxfcn.rewrite(external, tmp_path / "fcn.onnx")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in tmp_path.glob("fcn.onnx*"):
        path.rename(elsewhere / path.name)
    session = ort.InferenceSession(elsewhere / "fcn.onnx", providers=["CPUExecutionProvider"])
    (cells,) = session.run(None, {"image": random_image(1, 1, 36, 40)})
    assert cells.shape == (1, 10, 3, 4)


def test_external_pair_is_the_same_twice(external: Path, tmp_path: Path) -> None:
    written = []
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        onnxfcn.rewrite(external, tmp_path / folder / "fcn.onnx")
        written.append([p.read_bytes() for p in sorted((tmp_path / folder).iterdir())])
    assert len(written[0]) == 2
    assert written[0] == written[1]


def test_output_that_is_the_input_s_data_file(external: Path, fails: Fails) -> None:
    fails("rewrite", external, external.with_name(DATA), code=2, says="weights of the input")


def test_output_whose_data_file_would_be_the_input_s_takes_another(external: Path) -> None:
    data = external.with_name(DATA).rename(external.with_name("out.onnx.data"))
    set_location(external, data.name)
    before = data.read_bytes()
    for _ in range(2):
        onnxfcn.rewrite(external, external.with_name("out.onnx"))
    assert data.read_bytes() == before


def test_data_of_a_model_that_was_replaced_stays_for_its_copies(
    external: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    output, copy = tmp_path / "fcn.onnx", tmp_path / "backup.onnx"
    assert "left" not in command("rewrite", external, output).out
    copy.write_bytes(output.read_bytes())
    weights = arrays(copy)
    finished = command("rewrite", external, output)
    assert finished.out.splitlines()[-1] == (
        f"left {tmp_path / 'fcn.onnx.data'}, which the model before read"
    )
    assert all(np.array_equal(values, weights[name]) for name, values in arrays(copy).items())
    assert {path.name for path in tmp_path.iterdir() if "onnx" in path.name} == {
        "backup.onnx",
        "fcn.onnx",
        "fcn.onnx.data",
        "fcn.onnx.1.data",
    }


@pytest.mark.parametrize("place", ["auto", "never"])
def test_data_of_an_input_that_is_the_output_is_left(
    place: str, external: Path, command: Callable[..., Any]
) -> None:
    link = external.with_name("link.onnx")
    link.symlink_to(external)
    finished = command("rewrite", external, link, "--external-data", place)
    assert finished.out.splitlines()[-1] == (
        f"left {external.with_name(DATA)}, which the model before read"
    )
    assert external.with_name(DATA).is_file()


def test_data_that_the_input_reads_is_not_left(external: Path, command: Callable[..., Any]) -> None:
    copy = external.with_name("copy.onnx")
    copy.write_bytes(external.read_bytes())
    finished = command("rewrite", external, copy)
    assert (finished.code, "left" in finished.out) == (0, False)


def test_data_file_is_named_as_the_output_was(
    external: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(external.parent)
    finished = command("rewrite", external.name, "here.onnx", "--json")
    assert json.loads(finished.out)["data_file"] == "here.onnx.data"


def test_model_without_weights_gets_no_data_file(tmp_path: Path) -> None:
    image = "float[N,3,8,8] image"
    model = build("p = GlobalAveragePool(image) y = Flatten(p)", inputs=image)
    report = onnxfcn.rewrite(model, tmp_path / "fcn.onnx", external_data="always")
    assert report.data_file == ""
    assert [path.name for path in tmp_path.iterdir()] == ["fcn.onnx"]


def test_data_file_of_an_output_behind_a_link_is_beside_what_it_leads_to(
    external: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "out.onnx"
    link.symlink_to(tmp_path / "elsewhere" / "real.onnx")
    finished = command("rewrite", external, link, "--json")
    data = json.loads(finished.out)["data_file"]
    assert Path(data) == tmp_path / "elsewhere" / "real.onnx.data"
    assert Path(data).is_file()


def test_data_file_holds_nothing_but_weights_and_their_alignment(
    external: Path, tmp_path: Path
) -> None:
    onnxfcn.rewrite(external, tmp_path / "fcn.onnx")
    end = 0
    places = [ExternalDataInfo(t) for t in stored_weights(tmp_path / "fcn.onnx").values()]
    for place in sorted((p for p in places if p.length), key=lambda place: place.offset):
        assert place.offset % 4096 == 0
        assert 0 <= place.offset - end < 4096
        end = place.offset + place.length
    assert (tmp_path / "fcn.onnx.data").stat().st_size == end


def test_output_may_be_an_input_with_external_data_of_another_name(external: Path) -> None:
    onnxfcn.rewrite(external, external)
    (cells,) = run_model(external, random_image(1, 1, 36, 40))
    assert cells.shape == (1, 10, 3, 4)


def test_weights_of_one_file_go_into_a_data_file_when_asked(
    lenet_file: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    output = tmp_path / "fcn.onnx"
    finished = command("rewrite", lenet_file, output, "--external-data", "always")
    assert f"wrote {output} and {output}.data" in finished.out
    assert uses_external_data(stored_weights(output)["fc3.weight"])
    old, new = arrays(lenet_file), arrays(output)
    assert all(np.array_equal(new[name].ravel(), old[name].ravel()) for name in old)


def test_sparse_weights_stay_in_the_model_where_onnx_finds_them(
    lenet_file: Path, tmp_path: Path
) -> None:
    model = onnx.load(lenet_file)
    values = np.arange(1, 20_001, dtype=np.float32)
    sparse = onnx.helper.make_sparse_tensor(
        numpy_helper.from_array(values, "unread"),
        numpy_helper.from_array(np.arange(values.size, dtype=np.int64), "places"),
        [200, 200],
    )
    model.graph.sparse_initializer.append(sparse)
    onnx.save(model, tmp_path / "sparse.onnx")
    output = tmp_path / "out.onnx"
    onnxfcn.rewrite(tmp_path / "sparse.onnx", output, external_data="always")
    assert list(onnx.load(output).graph.sparse_initializer) == [sparse]


def test_weights_of_a_data_file_go_into_the_model_when_asked(
    external: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    onnxfcn.rewrite(external, tmp_path / "pair.onnx")
    (tmp_path / "alone").mkdir()
    output = tmp_path / "alone" / "fcn.onnx"
    finished = command("rewrite", external, output, "--external-data", "never", "--json")
    assert json.loads(finished.out)["data_file"] == ""
    assert [path.name for path in output.parent.iterdir()] == ["fcn.onnx"]
    assert not any(t.HasField("data_location") for t in stored_weights(output).values())
    assert onnx.load(output) == without_locations(onnx.load(tmp_path / "pair.onnx"))


def test_model_that_outgrows_one_file_gets_a_data_file_and_says_so(
    lenet_file: Path,
    tmp_path: Path,
    command: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("onnxfcn.files.staged_output.LARGEST_FILE", 2**16)
    output = tmp_path / "fcn.onnx"
    finished = command("rewrite", lenet_file, output)
    assert finished.code == 0
    assert "one .onnx file holds at most 2 GiB" in finished.out
    assert output.with_name("fcn.onnx.data").is_file()
    report = json.loads(command("rewrite", lenet_file, output, "--json").out)
    assert report["outgrown"]
    assert report["data_file"] == f"{output}.1.data"


def test_model_that_outgrows_one_file_and_must_not_is_refused(
    lenet_file: Path, tmp_path: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onnxfcn.files.model_writer.LARGEST_FILE", 2**16)
    never = ("--external-data", "never")
    fails("rewrite", lenet_file, tmp_path / "out.onnx", *never, code=2, says="--external-data auto")


def test_tensors_that_share_their_bytes_still_do(external: Path, tmp_path: Path) -> None:
    model = onnx.load(external, load_external_data=False)
    model.graph.initializer.append(stored_weights(external)["fc3.weight"])
    model.graph.initializer[-1].name = "unread"
    external.write_bytes(model.SerializeToString())
    onnxfcn.rewrite(external, tmp_path / "fcn.onnx")
    weights = stored_weights(tmp_path / "fcn.onnx")
    assert weights["unread"].external_data == weights["fc3.weight"].external_data


def test_data_file_that_comes_to_be_meanwhile_is_kept(external: Path, tmp_path: Path) -> None:
    def interfere(what: str, done: int, total: int) -> None:
        (tmp_path / "fcn.onnx.data").write_bytes(b"precious")

    with pytest.raises(onnxfcn.UsageError, match="meanwhile"):
        onnxfcn.rewrite(external, tmp_path / "fcn.onnx", progress=interfere)
    assert (tmp_path / "fcn.onnx.data").read_bytes() == b"precious"
    assert not (tmp_path / "fcn.onnx").exists()
