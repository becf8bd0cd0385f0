"""What counts as equal, and when a comparison proves something."""

import numpy as np
import numpy.typing as npt
import pytest

from onnxfcn.comparison import Comparison
from onnxfcn.proof.compare import compare

NAN, INF = np.nan, np.inf


def maps(*values: object, dtype: npt.DTypeLike = np.float32) -> list[np.ndarray]:
    """Arrays ``[1, 1, 1, n]``: one sample, one feature, n cells in a row."""
    return [np.array(v, dtype).reshape(1, 1, 1, -1) for v in values]


def of_cells(
    expected: object, actual: object, *, dtype: npt.DTypeLike = np.float32, **options: float
) -> Comparison:
    left, right = maps(expected, actual, dtype=dtype)
    return compare("out", left, right, spatial_rank=2, **options)


def test_equal_maps_pass_and_prove_something() -> None:
    found = of_cells([1, 2, 3], [1, 2, 3])
    assert found
    assert found.proven
    assert (found.max_error, found.mean_error, found.scale, found.spread) == (0, 0, 3, 2)


def test_errors_are_absolute_and_over_all_elements() -> None:
    found = of_cells([0, -8, 4, 2], [0, -8.5, 4.25, 2])
    assert found.max_error == 0.5
    assert found.mean_error == pytest.approx(0.75 / 4)
    assert found.scale == 8
    assert found.spread == 12


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_the_same_special_value_on_both_sides_is_equal(value: float) -> None:
    assert of_cells([1, value, 3], [1, value, 3])


@pytest.mark.parametrize(
    ("expected", "actual"), [(NAN, 2), (2, NAN), (INF, 2), (2, INF), (INF, -INF), (NAN, INF)]
)
def test_a_special_value_on_one_side_is_a_difference(expected: float, actual: float) -> None:
    found = of_cells([1, expected, 3], [1, actual, 3], rtol=1.0, atol=1e9)
    assert not found
    assert found.max_error == INF


@pytest.mark.parametrize("error", [0.5, -0.5])
def test_relative_tolerance_is_of_the_largest_expected_value(error: float) -> None:
    assert of_cells([-1000, 1], [-1000, 1 + error], rtol=0.0006)
    assert not of_cells([-1000, 1], [-1000, 1 + error], rtol=0.0004)


def test_absolute_tolerance_comes_in_addition() -> None:
    assert not of_cells([1000, 1], [1000, 1.5], rtol=0.0004)
    assert of_cells([1000, 1], [1000, 1.5], rtol=0.0004, atol=0.2)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(np.float64, 1e-4), (np.float32, 1e-4), (np.float16, 1e-2)]
)
def test_default_tolerance_follows_the_data_type(dtype: npt.DTypeLike, tolerance: float) -> None:
    assert of_cells([0, 64], [0, 64], dtype=dtype).tolerance == pytest.approx(64 * tolerance)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8, np.bool_])
def test_integers_must_be_equal(dtype: npt.DTypeLike) -> None:
    assert of_cells([0, 1, 1], [0, 1, 1], dtype=dtype)
    assert not of_cells([0, 1, 1], [0, 1, 0], dtype=dtype)


def test_integers_that_are_far_apart_differ_without_a_warning() -> None:
    assert not of_cells([0, 1, 1], [0, 1, 2**40], dtype=np.int64)


def test_integers_that_do_not_differ_by_float_rounding_still_prove_something() -> None:
    assert of_cells([100_000_000, 100_000_001], [100_000_000, 100_000_001], dtype=np.int64).proven


def test_the_answer_of_a_neighbouring_cell_does_not_pass_however_small_it_is() -> None:
    base, small = 1.0, 1e-3
    expected = [base, base + small, base + 2 * small]
    shifted = [base + small, base + 2 * small, base + 2 * small]
    assert of_cells(expected, expected, rtol=0.1)
    assert not of_cells(expected, shifted, rtol=0.1)
    assert not of_cells(expected, shifted, rtol=0.1, atol=1.0)


def test_cells_that_do_not_differ_prove_nothing_but_pass() -> None:
    found = of_cells([5, 5, 5], [5, 5, 5])
    assert found
    assert not found.proven


def test_cells_that_differ_by_rounding_alone_prove_nothing() -> None:
    expected = np.nextafter(np.float32(5), np.float32(6))
    found = of_cells([5, expected, 5], [5, 5, 5])
    assert found
    assert not found.proven


def test_one_cell_proves_nothing_about_which_window_it_shows() -> None:
    left, right = np.ones((2, 3, 1, 1)), np.ones((2, 3, 1, 1))
    assert not compare("out", left, right, spatial_rank=2).proven


def test_features_that_differ_from_one_another_are_no_spread_between_cells() -> None:
    values = np.broadcast_to(np.arange(6.0).reshape(1, 6, 1, 1), (1, 6, 2, 2))
    assert compare("out", values, values, spatial_rank=2).spread == 0


def test_vectors_have_no_cells() -> None:
    found = compare("out", np.array([[1.0, 2.0]]), np.array([[1.0, 2.0]]), spatial_rank=0)
    assert found
    assert not found.proven
    assert found.spread == 0


def test_empty_arrays_are_equal() -> None:
    empty = np.zeros((0, 3, 1, 2), np.float32)
    assert compare("out", empty, empty, spatial_rank=2)


def test_half_precision_cells_that_differ_by_half_the_scale_prove_something() -> None:
    found = of_cells([32, 48, 64], [32, 48, 64], dtype=np.float16)
    assert found.spread == 32
    assert found.proven
