"""The experiment's images, norms and table are right, whether or not PyTorch is installed."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from sample_models.equivalence_experiment.comparison import (
    Comparison,
    distance,
    distance_per_image,
)
from sample_models.equivalence_experiment.scaling import enlarge

ROOT = Path(__file__).parents[2]


def test_enlarged_image_keeps_its_pixels_where_centres_meet() -> None:
    image = np.random.default_rng(0).random((2, 8, 8))
    assert np.array_equal(enlarge(image, 8), image.astype(np.float32))
    assert np.array_equal(enlarge(image, 24)[:, 1::3, 1::3], image.astype(np.float32))


def test_enlarged_slope_is_a_slope_between_the_outermost_centres() -> None:
    rows, columns = np.mgrid[:8, :8].astype(np.float64)
    centres = np.clip((np.arange(28) + 0.5) / 3.5 - 0.5, 0, 7)
    expected = 10 * centres[:, None] + centres
    assert enlarge((10 * rows + columns)[None], 28)[0] == pytest.approx(expected, abs=1e-5)


def test_distance_is_the_frobenius_norm() -> None:
    first = np.array([[1, 2], [3, 4]], np.float32)
    second = np.array([[1, 5], [3, 0]], np.float32)
    assert distance(first, second) == 5
    assert distance_per_image(first, second) == 2.5
    assert distance(first, first) == 0


def test_distance_compares_arrays_of_one_shape_only() -> None:
    with pytest.raises(ValueError, match=r"got \(2, 16\) and \(16, 2\)"):
        distance(np.zeros((2, 16), np.float32), np.zeros((16, 2), np.float32))


def test_table_has_the_paper_s_numbers_beside_ours() -> None:
    table = Comparison(outputs=1.5e-7, weights=2.5e-7, models=3.5e-8, rewrites=()).table()
    _, outputs, weights, models = table.splitlines()
    assert outputs.split()[-2:] == ["1.85e-06", "1.50e-07"]
    assert weights.split()[-2:] == ["2.12e-07", "2.50e-07"]
    assert models.split()[-2:] == ["-", "3.50e-08"]


@pytest.mark.skipif(find_spec("torch") is not None, reason="the extra is installed")
def test_without_pytorch_the_command_says_what_brings_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    finished = subprocess.run(
        [sys.executable, "-m", "sample_models.equivalence_experiment", "--out", out],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 1
    assert finished.stderr.endswith(": pip install '.[experiment]' brings it\n")
    assert not finished.stdout
    assert not out.exists()
