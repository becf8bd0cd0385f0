"""Where some of the cells are compared: which, how many, and what the report says of it."""

from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto

import onnxfcn
from onnxfcn.proof.drawn_cells import drawn_cells
from sample_models import lenet as lenet_sample
from tests.model_texts import build
from tests.onnxfcn.sabotage import change, copy_of, double_the_step, show_neighbours

Command = Callable[..., Any]
Models = tuple[ModelProto, ModelProto]

SIZE = (60, 72)
MAP = (9, 12)
CORNERS = [(0, 0), (0, 11), (8, 0), (8, 11)]


def wrong_at(model: ModelProto, places: np.ndarray) -> ModelProto:
    spoiled = copy_of(model)
    show_neighbours(spoiled.graph, "relu4", places)
    return spoiled


def at_corners() -> np.ndarray:
    places = np.zeros(MAP, bool)
    for corner in CORNERS:
        places[corner] = True
    return places


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple),
    st.integers(1, 800),
    st.integers(0, 2**32),
)
def test_cells_are_drawn_once_with_the_corners_first(
    map_size: tuple[int, ...], most: int, seed: int
) -> None:
    drawn = drawn_cells(map_size, most, generator(seed))
    if prod(map_size) <= most:
        assert drawn is None
        return
    assert drawn is not None
    assert len(drawn) == len(set(drawn)) == most
    assert list(drawn) == sorted(drawn)
    assert all(0 <= at < end for cell in drawn for at, end in zip(cell, map_size, strict=True))
    pairs = [zip(cell, map_size, strict=True) for cell in np.ndindex(*map_size)]
    corners = {
        cell
        for cell, along in zip(np.ndindex(*map_size), pairs, strict=True)
        if all(at in (0, end - 1) for at, end in along)
    }
    assert len(corners & set(drawn)) == min(most, len(corners))


def test_every_other_cell_is_drawn_as_often() -> None:
    times = np.zeros((4, 4), int)
    for seed in range(1200):
        for cell in drawn_cells((4, 4), 6, generator(seed)) or ():
            times[cell] += 1
    corners = times[::3, ::3]
    assert (corners == 1200).all()
    others = np.sort(times, axis=None)[:12]
    # Two of twelve a time: 200 each, with a standard deviation of 13.
    assert 150 < others.min() <= others.max() < 250


def test_no_limit_draws_none() -> None:
    assert drawn_cells((300, 300), None, generator()) is None


@pytest.mark.parametrize("corner", CORNERS)
def test_wrong_corner_is_found_with_any_seed(corner: tuple[int, int], models: Models) -> None:
    places = np.zeros(MAP, bool)
    places[corner] = True
    spoiled = wrong_at(models[1], places)
    for seed in range(5):
        report = onnxfcn.validate(models[0], spoiled, sizes=[SIZE], max_cells=4, seed=seed)
        assert all(report.identity.comparisons)
        assert not report.passed


def test_wrong_cells_are_found_where_they_are_drawn(models: Models) -> None:
    spoiled = wrong_at(models[1], ~at_corners())
    options: dict[str, Any] = {"sizes": [SIZE], "seed": 3}
    assert not onnxfcn.validate(models[0], spoiled, max_cells=5, **options)
    # The corners alone are right: here it ends what a sample can show, and the report says so.
    report = onnxfcn.validate(models[0], spoiled, max_cells=4, **options)
    assert report.passed
    assert report.sampled
    assert not onnxfcn.validate(models[0], spoiled, **options)


def test_map_of_another_size_fails_whatever_is_drawn(models: Models) -> None:
    spoiled = copy_of(models[1])
    double_the_step(spoiled.graph)
    with pytest.raises(onnxfcn.ValidationFailedError, match="2x2 cells, expected 3x4"):
        onnxfcn.validate(models[0], spoiled, sizes=[(36, 40)], max_cells=1)


@pytest.mark.parametrize(("most", "runs"), [(None, 108), (1, 1), (7, 7), (107, 107), (500, 108)])
def test_head_runs_on_no_more_windows(most: int | None, runs: int, models: Models) -> None:
    seen: dict[str, list[tuple[int, int]]] = {}

    def note(what: str, done: int, total: int) -> None:
        seen.setdefault(what, []).append((done, total))

    report = onnxfcn.validate(*models, sizes=[SIZE], max_cells=most, progress=note)
    assert seen["windows at 60x72"] == [(done, runs) for done in range(1, runs + 1)]
    (found,) = report.sizes
    assert found.map_size == MAP
    assert found.cells == {
        name: onnxfcn.CellCount(compared=runs, in_all=108) for name in ("probabilities", "fc5")
    }
    assert report.sampled == (runs < 108)


def two_heads() -> ModelProto:
    """A classifier with answers of two feature maps."""
    return build(
        """a = Conv<strides=[2,2]>(image, kernel) b = Relu(a)
        flat = Flatten(b) dense = Gemm(flat, weight) aux = Softplus(dense)
        c = Conv<strides=[2,2]>(b, kernel2) d = Relu(c)
        flat2 = Flatten(d) out = Gemm(flat2, weight2)""",
        inputs="float[N,3,16,16] image",
        outputs="float[N,5] out, float[N,4] aux",
        kernel=(8, 3, 3, 3),
        kernel2=(8, 8, 3, 3),
        weight=(392, 4),
        weight2=(72, 5),
    )


def test_each_head_has_cells_of_its_own() -> None:
    original = two_heads()
    rewritten = onnxfcn.rewrite(original, validate=False).model
    report = onnxfcn.validate(original, rewritten, sizes=[(40, 56), (20, 16)], max_cells=5)
    assert report.proven
    assert [result.cells for result in report.sizes] == [
        {
            "out": onnxfcn.CellCount(compared=5, in_all=77),
            "aux": onnxfcn.CellCount(compared=5, in_all=273),
        },
        {
            "out": onnxfcn.CellCount(compared=2, in_all=2),
            "aux": onnxfcn.CellCount(compared=3, in_all=3),
        },
    ]
    places = np.zeros((13, 21), bool)
    places[-1, 0] = True
    show_neighbours(rewritten.graph, "dense", places)
    (found,) = onnxfcn.validate(original, rewritten, sizes=[(40, 56)], max_cells=4).sizes
    assert {c.output: c.passed for c in found.comparisons} == {"out": True, "aux": False}


def test_cells_of_the_users_images_are_drawn_too(models: Models, tmp_path: Path) -> None:
    image = generator().random((1, 1, *SIZE), dtype=np.float32)
    np.save(tmp_path / "image.npy", image)
    options: dict[str, Any] = {"sizes": [(32, 28)], "inputs": [tmp_path / "image.npy"]}
    report = onnxfcn.validate(*models, max_cells=4, **options)
    assert [result.sampled for result in report.sizes] == [False, True]
    spoiled = wrong_at(models[1], at_corners())
    report = onnxfcn.validate(models[0], spoiled, max_cells=4, **options)
    assert not report.passed


def test_maps_that_are_small_enough_are_compared_whole(models: Models) -> None:
    sizes = [SIZE, (36, 40)]
    whole, limited = (onnxfcn.validate(*models, sizes=sizes, max_cells=n) for n in (None, 12))
    assert limited.identity == whole.identity
    # Drawing cells of the first map leaves the image of the second one as it was.
    assert limited.sizes[1] == whole.sizes[1]
    assert limited.sizes[0] != whole.sizes[0]
    assert onnxfcn.validate(*models, sizes=sizes, max_cells=108) == whole


def test_same_seed_draws_the_same_cells(models: Models) -> None:
    first, again, other = (
        onnxfcn.validate(*models, sizes=[SIZE], max_cells=9, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_one_cell_proves_nothing(models: Models) -> None:
    report = onnxfcn.validate(*models, sizes=[SIZE], max_cells=1)
    assert report.passed
    assert report.unproven == ("probabilities",)


def test_matrix_products_that_agree_with_convolutions_prove_no_windows(lenet: ModelProto) -> None:
    options: dict[str, Any] = {"head": "matmul", "sizes": [SIZE]}
    one = onnxfcn.rewrite(lenet, max_cells=1, **options).validation
    some = onnxfcn.rewrite(lenet, max_cells=9, **options).validation
    assert one
    assert some
    assert one.unproven == ("probabilities",)
    assert some.proven
    assert [result.sampled for result in some.sizes] == [True, False, False]


def test_cells_that_do_not_differ_prove_nothing() -> None:
    original = lenet_sample.build()
    change(original.graph, "fc3.weight", np.zeros_like)
    report = onnxfcn.rewrite(original, sizes=[SIZE], max_cells=9).validation
    assert report
    assert not report.proven


@pytest.mark.parametrize("wrong", [0, -3, 2.5, "4"])
@pytest.mark.parametrize("validate", [True, False])
def test_limit_is_a_positive_whole_number(wrong: Any, validate: bool, models: Models) -> None:
    with pytest.raises(onnxfcn.UsageError, match="max_cells must be a positive whole number"):
        onnxfcn.rewrite(models[0], max_cells=wrong, validate=validate)
    with pytest.raises(onnxfcn.UsageError, match="max_cells"):
        onnxfcn.validate(*models, max_cells=wrong)


def test_report_says_that_cells_were_drawn(
    lenet_file: Path, tmp_path: Path, command: Command
) -> None:
    rewritten = tmp_path / "fcn.onnx"
    options = ("--size", "428x428", "--max-cells", "64")
    written = command("rewrite", lenet_file, rewritten, *options)
    seen = command("validate", lenet_file, rewritten, *options, "--seed", "7")
    for finished, seed in ((written, 0), (seen, 7)):
        assert (finished.code, finished.err) == (0, "")
        assert finished.out.count("64 of 10,201 cells = window") == 2
        assert "cell = window" not in finished.out
        assert (
            f"with --max-cells 64, cells of larger maps were drawn with the seed {seed}: the others"
            " were not compared" in finished.out
        )
    assert "proven on a sample: every cell that was drawn is what the original's" in seen.out
    assert "proven: " not in seen.out


def test_report_of_whole_maps_speaks_of_no_sample(
    lenet_file: Path, tmp_path: Path, command: Command
) -> None:
    rewritten = tmp_path / "fcn.onnx"
    assert command("rewrite", lenet_file, rewritten, "--no-validate").code == 0
    finished = command("validate", lenet_file, rewritten, "--max-cells", "12")
    assert "cell = window" in finished.out
    assert "proven: every cell is what the original's head says of its window" in finished.out
    assert "drawn" not in finished.out
