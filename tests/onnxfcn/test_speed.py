"""What ``onnxfcn bench`` times, counts and prints; nothing depends on how fast anything is."""

import json
from collections.abc import Callable
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import ModelProto

import onnxfcn
from onnxfcn.timing import Timed, take_turns
from sample_models import build as samples
from tests.model_texts import build

Command = Callable[..., Any]


@pytest.fixture
def timed(checked: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    return partial(checked, "bench")


def test_numbers_belong_together(
    lenet_file: Path,
    fcn: Path,
    timed: Callable[..., dict[str, Any]],
    command: Command,
) -> None:
    sizes = ("--size", "36x40", "--size", "44x36")
    found = timed(lenet_file, fcn, *sizes, "--batch", 3, "--batch", 1)
    assert (found["provider"], found["output"]) == ("CPUExecutionProvider", "probabilities")
    assert [(each["batch"], each["size"]) for each in found["batches"]] == [
        (3, [28, 28]),
        (1, [28, 28]),
    ]
    counted = json.loads(command("inspect", fcn, *sizes, "--json").out)["costs"]
    assert [each["map_size"] for each in found["sizes"]] == [[3, 4], [5, 3]]
    for each, cost in zip(found["sizes"], counted, strict=True):
        assert (each["size"], each["map_size"]) == (cost["size"], cost["map_size"])
        assert each["limit"] == cost["by_crops"] / cost["one_pass"]
        assert each["reached"] == pytest.approx(each["faster"] / each["limit"])
        a_second = prod(each["map_size"]) / each["one_pass"]["median"]
        assert each["cells_a_second"] == pytest.approx(a_second)
        ratios = np.divide(each["by_crops"]["rounds"], each["one_pass"]["rounds"])
        assert each["faster"] == pytest.approx(np.median(ratios))


def test_defaults_are_batches_and_one_larger_size(
    lenet_file: Path, fcn: Path, timed: Callable[..., dict[str, Any]]
) -> None:
    found = timed(lenet_file, fcn)
    assert [each["batch"] for each in found["batches"]] == [1, 8]
    assert [each["size"] for each in found["sizes"]] == [[56, 56]]


def test_original_of_one_batch_runs_as_often_as_needed(
    lenet_file: Path, tmp_path: Path, timed: Callable[..., dict[str, Any]], command: Command
) -> None:
    model = onnx.load(lenet_file)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 2
    onnx.save(model, lenet_file)
    for batch in ("keep", "free"):
        rewritten = tmp_path / f"{batch}.onnx"
        onnxfcn.rewrite(lenet_file, rewritten, batch=batch, validate=False)
        assert [each["batch"] for each in timed(lenet_file, rewritten)["batches"]] == [2]
        found = timed(lenet_file, rewritten, "--batch", 6)
        assert found["sizes"][0]["images"] == 2
        refused = command("bench", lenet_file, rewritten, "--batch", 3)
        assert refused.code == 2
        assert "the original takes 2 images per run, not 3: give a multiple" in refused.err


def test_original_of_no_images_is_not_usable(
    lenet_file: Path, fcn: Path, timed: Callable[..., dict[str, Any]]
) -> None:
    model = onnx.load(lenet_file)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 0
    onnx.save(model, lenet_file)
    failure = timed(lenet_file, fcn, code=4)
    assert failure["status"] == "UnusableModelError"
    assert failure["message"].startswith("the input 'image' has no elements [0, 1, 28, 28]")


Runs = dict[str, list[tuple[int, ...]]]


@pytest.fixture
def timed_runs(monkeypatch: pytest.MonkeyPatch) -> list[Runs]:
    """Shapes of the images that each of the functions runs on that are timed together."""
    found: list[Runs] = []
    shapes: list[tuple[int, ...]] = []
    run_session = ort.InferenceSession.run

    def noted(session: Any, outputs: None, feeds: dict[str, np.ndarray]) -> Any:
        shapes.append(feeds["image"].shape)
        return run_session(session, outputs, feeds)

    def once(runs: dict[str, Callable[[], object]], **_: object) -> dict[str, Timed]:
        found.append({})
        for name, run in runs.items():
            shapes.clear()
            run()
            found[-1][name] = shapes.copy()
        return dict.fromkeys(runs, Timed(1.0, np.ones(5)))

    monkeypatch.setattr(ort.InferenceSession, "run", noted)
    monkeypatch.setattr("onnxfcn.stopwatch.take_turns", once)
    return found


@pytest.mark.parametrize("batch", ["keep", "free"])
def test_what_is_timed_runs_on_all_images_and_all_crops(
    batch: Literal["keep", "free"], lenet: ModelProto, timed_runs: list[Runs]
) -> None:
    for value in (*lenet.graph.input, *lenet.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 2
    rewritten = onnxfcn.rewrite(lenet, batch=batch, validate=False).model
    timed_runs.clear()
    onnxfcn.bench(lenet, rewritten, batches=[6], sizes=[(36, 40)])
    at_own_size, *_, at_larger = timed_runs
    own = (2, 1, 28, 28)
    together = [(6, 1, 28, 28)] if batch == "free" else [own] * 3
    assert at_own_size == {"original": [own] * 3, "rewritten": together}
    assert at_larger == {"one_pass": [(2, 1, 36, 40)], "by_crops": [own] * 12}


def test_crops_beyond_the_image_are_timed_as_well(
    tmp_path: Path, timed: Callable[..., dict[str, Any]]
) -> None:
    model = build(
        "c = Conv<strides=[2, 2], pads=[1, 1, 1, 1]>(x, w) f = Flatten(c) y = MatMul(f, v)",
        inputs="float[N,1,8,8] x",
        outputs="float[N,2] y",
        w=(1, 1, 3, 3),
        v=(16, 2),
    )
    onnx.save(model, tmp_path / "in.onnx")
    onnxfcn.rewrite(tmp_path / "in.onnx", tmp_path / "out.onnx", validate=False)
    found = timed(tmp_path / "in.onnx", tmp_path / "out.onnx", "--size", "13x11")
    assert found["sizes"][0]["map_size"] == [4, 3]
    smaller = ("--size", "7x8")
    message = timed(tmp_path / "in.onnx", tmp_path / "out.onnx", *smaller, code=2)["message"]
    assert message == "crops of 8x8 do not fit into an image of 7x8"


MAP = "y = Conv(x, w)"
MAP_AND_CLASSES = f"{MAP} f = Flatten(y) classes = MatMul(f, v)"


@pytest.mark.parametrize(("body", "timed_output"), [(MAP, "y"), (MAP_AND_CLASSES, "classes")])
def test_crops_of_which_none_is_a_cell_are_not_timed(
    body: str, timed_output: str, tmp_path: Path, command: Command
) -> None:
    has_classes = timed_output == "classes"
    model = build(
        body,
        inputs="float[N,1,8,8] x",
        outputs=f"float[N,2,6,6] y{', float[N,3] classes' * has_classes}",
        w=(2, 1, 3, 3),
        **({"v": (72, 3)} if has_classes else {}),
    )
    paths = tmp_path / "in.onnx", tmp_path / "out.onnx"
    onnx.save(model, paths[0])
    passes = None if has_classes else ["dynamic_spatial_axes"]
    onnxfcn.rewrite(*paths, passes=passes, validate=False)
    report = onnxfcn.bench(*paths, sizes=[(9, 10)], batches=[1])
    assert report.output == timed_output
    assert [each.size for each in report.sizes] == [(9, 10)] * has_classes
    printed = command("bench", *paths, "--batch", 1).out
    assert ("Faster" in printed) is has_classes
    assert ("'y' is a map in the original already: no crop" in printed) is not has_classes


def test_text_fits_the_page(tmp_path: Path, command: Command) -> None:
    gilt = samples.write("gilt", tmp_path)
    onnxfcn.rewrite(gilt, tmp_path / "fcn.onnx", validate=False)
    finished = command("bench", gilt, tmp_path / "fcn.onnx", "--size", "512x1024", "--batch", 32)
    assert (finished.code, finished.err) == (0, "")
    lines = finished.out.splitlines()
    assert max(map(len, lines)) <= 100
    (row,) = (line.split() for line in lines if "512x1024" in line)
    assert row[:2] == ["512x1024", "13x31"]
    assert "6.2x" in row
    assert any(line.split()[:2] == ["128x64", "32"] for line in lines)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--size", "32"), "give sizes with 2 numbers, such as 28x28"),
        (("--size", "8x8"), "the model takes no images of 8x8: take 28x28 or more"),
        (("--batch", "0"), "--batch"),
        (("--batch", f"{10**30}"), f"no memory for {10**30} images of 28x28"),
        (("--provider", "nope"), "has no provider 'nope'; it has"),
        (("--input-size", "28"), "28"),
    ],
)
def test_options_that_do_not_fit(
    lenet_file: Path, fcn: Path, command: Command, arguments: tuple[str, ...], says: str
) -> None:
    finished = command("bench", lenet_file, fcn, *arguments)
    assert finished.code in (2, 4)
    assert says in finished.err
    assert finished.out == ""


def test_models_that_do_not_belong_together_are_an_error(
    lenet_file: Path, fcn: Path, tmp_path: Path, timed: Callable[..., dict[str, Any]]
) -> None:
    empty = tmp_path / "empty.onnx"
    empty.touch()
    assert timed(lenet_file, empty, code=4)["status"] == "UnusableModelError"
    assert timed(lenet_file, tmp_path / "missing.onnx", code=2)["status"] == "UsageError"
    assert timed(lenet_file, lenet_file, code=5)["status"] == "ValidationFailedError"
    gilt = samples.write("gilt", tmp_path)
    assert timed(gilt, fcn, code=5)["status"] == "ValidationFailedError"


def test_runs_take_turns_and_the_first_is_apart() -> None:
    calls: list[str] = []
    seen: list[tuple[int, int]] = []
    runs = {name: lambda name=name: calls.append(name) for name in ("one", "other")}
    timed = take_turns(runs, rounds=7, seconds=0.0, progress=lambda *step: seen.append(step))
    assert calls == ["one", "other"] * 6
    assert [len(each.rounds) for each in timed.values()] == [5, 5]
    assert seen == [(0, 7), (1, 7), (2, 7), (3, 7), (4, 7), (5, 7), (7, 7)]


def test_ratios_are_of_rounds() -> None:
    slow, fast = Timed(9.0, np.array([2.0, 30.0, 4.0])), Timed(9.0, np.array([1.0, 10.0, 4.0]))
    assert slow.times(fast) == 2.0
    assert slow.median == 4.0


def test_model_that_cannot_be_looked_through_is_refused_in_one_line(
    tmp_path: Path, command: Command
) -> None:
    paths = tmp_path / "original.onnx", tmp_path / "freed.onnx"
    for path, extents, cells in zip(paths, ("16,16", "H,W"), ("14,14", "h,w"), strict=True):
        model = build(
            """map = Conv(image, weight) many = ConstantOfShape(@(2000000))
            most = ReduceMax(many)""",
            inputs=f"float[1,3,{extents}] image",
            outputs=f"float[1,2,{cells}] map, float[1] most",
            weight=(2, 3, 3, 3),
        )
        onnx.save(model, path)
    finished = command("bench", *paths)
    assert finished.code == 4
    assert finished.err.count("\n") == 1
    assert "(ConstantOfShape)" in finished.err
