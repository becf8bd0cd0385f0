"""Compare every cell of a rewritten model with the original's answer on its crop."""

import itertools

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort

from tests.random_cases.outcome import Wrong
from tests.session import session

from .crops import Array, Cell, Crops
from .strategy import Case

_RTOL, _ATOL = 1e-4, 1e-6
_RTOL_HALF = 1e-2
_NOISE, _TRIALS, _ILL_CONDITIONED = 1e-6, 12, 20.0


def compare(
    case: Case, original: ort.InferenceSession, rewritten: onnx.ModelProto, crops: Crops
) -> int:
    """Compare every cell; returns how many differ only because rounding decides their answers.

    Raises:
        Wrong: a cell, a shape or a name is not the original's.
    """
    onnx.checker.check_model(rewritten, full_check=True)
    runtime = session(rewritten)
    _compare_one_cell(case, runtime, crops)
    maps = runtime.run(None, {"image": crops.image})
    names = [output.name for output in original.get_outputs()]
    if names != [output.name for output in runtime.get_outputs()]:
        raise Wrong("outputs have other names", names)
    unstable = 0
    for index, (name, mapped) in enumerate(zip(names, maps, strict=True)):
        answers = crops.by_output[index]
        mapped = _spatial_last(case, mapped, next(iter(answers.values())), crops.cells)
        allowed = _allowed(case, answers)
        for cell, answer in answers.items():
            found = mapped[(..., *cell)]
            difference = _difference(answer, found, name)
            if difference.max(initial=0) <= allowed:
                continue
            response = _response(original, crops.crops[cell], index, answer)
            if np.any(difference > allowed + response):
                raise Wrong(
                    "cells differ",
                    f"{name}{list(cell)} differs by {difference.max()}, allowed is {allowed}",
                    f"expected {answer.ravel()[:12]}",
                    f"found    {found.ravel()[:12]}",
                )
            unstable += 1
    return unstable


def _allowed(case: Case, answers: dict[Cell, Array]) -> float:
    """The largest difference of an output that rounding explains."""
    if next(iter(answers.values())).dtype.kind in "iub":
        return 0.0
    scale = max(float(np.abs(answer.astype(float)).max(initial=0)) for answer in answers.values())
    return _ATOL + (_RTOL if case.exact else _RTOL_HALF) * scale


def _compare_one_cell(case: Case, runtime: ort.InferenceSession, crops: Crops) -> None:
    """At the original size the answers have the original's shape, with axes of extent 1."""
    cell = next(iter(crops.crops))
    answers = runtime.run(None, {"image": crops.crops[cell]})
    for found, expected in zip(answers, crops.answers[cell], strict=True):
        found = _spatial_last(case, found, expected, (1,) * len(crops.cells))
        if found.size != expected.size:
            raise Wrong("at the original size an output is not one cell", found.shape)


def _spatial_last(case: Case, mapped: Array, original: Array, cells: Cell) -> Array:
    """A map with its spatial axes at the end.

    They stand where the original's output has axes of extent 1 for them; where it has none, they
    stand where the image has them.
    """
    rank = len(cells)
    if mapped.ndim == original.ndim:
        ones = [axis for axis, extent in enumerate(original.shape) if axis and extent == 1]
        places = list(itertools.combinations(ones, rank))
    else:
        first = 1 if case.channels_last else mapped.ndim - rank
        places = [tuple(range(first, first + rank))]
    for place in places:
        if max(place) < mapped.ndim and tuple(mapped.shape[axis] for axis in place) == cells:
            return np.moveaxis(mapped, place, range(-rank, 0))
    raise Wrong("an output's cells have another shape", original.shape, mapped.shape, cells)


def _difference(expected: Array, found: Array, name: str) -> npt.NDArray[np.float64]:
    """How far a cell's answer is off, element by element."""
    shapes = [[e for e in array.shape[1:] if e != 1] for array in (expected, found)]
    if shapes[0] != shapes[1] or expected.shape[0] != found.shape[0]:
        raise Wrong("a cell has another shape", name, expected.shape, found.shape)
    if expected.dtype != found.dtype:
        raise Wrong("a cell has another type", name, expected.dtype, found.dtype)
    left, right = expected.astype(float), found.astype(float).reshape(expected.shape)
    difference: npt.NDArray[np.float64] = np.abs(left - right)
    return np.where(np.isnan(difference), np.inf, difference)


def _response(
    original: ort.InferenceSession, crop: Array, index: int, answer: Array
) -> npt.NDArray[np.float64]:
    """How far noise of the size of rounding moves the original's own answer.

    Where a step (a rounding, the larger of two classes) lies within it, either side is right.
    """
    numbers = np.random.default_rng(11)
    moved = np.zeros(answer.shape)
    for _ in range(_TRIALS):
        noise = 1 + _NOISE * numbers.normal(size=crop.shape)
        noisy = original.run(None, {"image": (crop * noise).astype(np.float32)})[index]
        moved = np.maximum(moved, np.abs(noisy.astype(float) - answer.astype(float)))
    return _ILL_CONDITIONED * moved
