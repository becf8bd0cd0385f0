"""Rewrite one random classifier and compare every cell with the original on its crop."""

import io
import itertools
from contextlib import redirect_stdout
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import onnx
import onnx_graphsurgeon as gs
import onnxruntime as ort
from onnx_graphsurgeon.logger import G_LOGGER

import onnxfcn
from passes import dynamic_spatial_axes, flatten_gemm_to_conv
from tests.random_cases.outcome import Outcome, Wrong, failure, refused, unusable
from tests.random_cases.session import session

from .strategy import Case

Array = npt.NDArray[np.generic]

_RTOL, _ATOL = 1e-4, 1e-6
_RTOL_HALF = 1e-2
_NOISE, _TRIALS, _ILL_CONDITIONED = 1e-6, 12, 20.0


class Kind(StrEnum):
    """What came of a case that did not fail."""

    REWRITTEN = "rewritten"
    REFUSED = "refused"


@dataclass(frozen=True)
class Rewritten(Outcome):
    """A classifier whose cells are right.

    Attributes:
        unstable: cells whose answer jumps under noise of the size of rounding, and that differ.
        indistinct: whether all cells have the same answers, so that nothing was proven.
    """

    kind: StrEnum = Kind.REWRITTEN
    unstable: int = 0
    indistinct: bool = False


def examine(case: Case) -> Outcome:
    """Rewrite a classifier twice, by the passes alone and by ``onnxfcn.rewrite``, and compare."""
    try:
        onnx.checker.check_model(case.model, full_check=True)
        original = session(case.model)
        crops, answers = _answers(case, original)
        if not all(np.isfinite(a).all() for each in answers.values() for a in each):
            raise ValueError("the original's answers are not finite")
    except Exception as error:
        return unusable(error)
    try:
        rewritten = _rewrite(case)
        if isinstance(rewritten, Outcome):
            return rewritten
        unstable = _compare(case, original, rewritten, crops, answers)
    except Exception as error:
        return failure(error)
    indistinct = all(
        len({answer.tobytes() for answer in each.values()}) == 1 for each in _by_output(answers)
    )
    return Rewritten(unstable=unstable, indistinct=indistinct)


def _by_output(answers: dict[tuple[int, ...], list[Array]]) -> list[dict[tuple[int, ...], Array]]:
    outputs = len(next(iter(answers.values())))
    return [{cell: each[i] for cell, each in answers.items()} for i in range(outputs)]


def _cells(case: Case) -> tuple[int, ...]:
    """Cells of the map, an axis each: not as many on every axis, and not on the first alone."""
    return {1: (4,), 2: (2, 3), 3: (2, 1, 3)}[len(case.trunk.stride)]


def _image(case: Case) -> npt.NDArray[np.float32]:
    """A random image that is so much larger that the map has the cells above."""
    trunk = case.trunk
    extents = [
        size + (cells - 1) * stride
        for size, cells, stride in zip(trunk.image_size, _cells(case), trunk.stride, strict=True)
    ]
    dims = [d.dim_value for d in case.model.graph.input[0].type.tensor_type.shape.dim]
    channels = dims[-1] if case.channels_last else dims[1]
    shape = [*extents, channels] if case.channels_last else [channels, *extents]
    numbers = np.random.default_rng(7)
    return numbers.normal(size=(dims[0] or 2, *shape)).astype(np.float32)


def _answers(
    case: Case, original: ort.InferenceSession
) -> tuple[dict[tuple[int, ...], Array], dict[tuple[int, ...], list[Array]]]:
    image, trunk = _image(case), case.trunk
    crops, answers = {}, {}
    for cell in itertools.product(*map(range, _cells(case))):
        places = [
            slice(index * stride, index * stride + size)
            for index, stride, size in zip(cell, trunk.stride, trunk.image_size, strict=True)
        ]
        first = slice(None) if case.channels_last else (slice(None), slice(None))
        lead = (slice(None),) if case.channels_last else first
        crops[cell] = image[(*lead, *places)]
        answers[cell] = original.run(None, {"image": crops[cell]})
    return crops, answers


def _rewrite(case: Case) -> onnx.ModelProto | Outcome:
    """The rewritten model, or why there is none."""
    model = onnx.ModelProto.FromString(case.model.SerializeToString())
    with redirect_stdout(io.StringIO()), G_LOGGER.suppress():
        graph = gs.import_onnx(model)
        before = gs.export_onnx(graph).SerializeToString(deterministic=True)
        for rewrite in (flatten_gemm_to_conv.apply, dynamic_spatial_axes.apply):
            result = rewrite(graph)
            if result.refusals:
                first = rewrite is flatten_gemm_to_conv.apply
                after = gs.export_onnx(graph).SerializeToString(deterministic=True)
                if first and before != after:
                    raise Wrong("refused, but the graph was changed", result.refusals[0])
                _check_refused(case)
                return refused(Kind.REFUSED, result.refusals[0])
            if not result.rewrites:
                raise Wrong(f"{result.name} found nothing to do")
        by_passes = gs.export_onnx(graph)
    rewritten = onnxfcn.rewrite(case.model, validate=False).model
    assert rewritten is not None
    _check_same(by_passes, rewritten)
    return rewritten


def _check_refused(case: Case) -> None:
    try:
        onnxfcn.rewrite(case.model, validate=False)
    except onnxfcn.RefusedError:
        return
    raise Wrong("the passes refuse what onnxfcn.rewrite does not")


def _check_same(by_passes: onnx.ModelProto, rewritten: onnx.ModelProto) -> None:
    """The carrier and graphsurgeon write the same nodes."""
    ours, theirs = (
        [n.op_type for n in m.graph.node if n.op_type != "Constant"] for m in (rewritten, by_passes)
    )
    if sorted(ours) != sorted(theirs):
        raise Wrong("onnxfcn.rewrite and the passes write different nodes", ours, theirs)


def _compare(
    case: Case,
    original: ort.InferenceSession,
    rewritten: onnx.ModelProto,
    crops: dict[tuple[int, ...], Array],
    answers: dict[tuple[int, ...], list[Array]],
) -> int:
    """Compare every cell; returns how many differ only because rounding decides their answers."""
    onnx.checker.check_model(rewritten, full_check=True)
    fully = session(rewritten)
    _compare_one_cell(case, fully, crops, answers)
    maps = fully.run(None, {"image": _image(case)})
    names = [output.name for output in original.get_outputs()]
    if names != [output.name for output in fully.get_outputs()]:
        raise Wrong("outputs have other names", names)
    unstable = 0
    for index, (name, mapped) in enumerate(zip(names, maps, strict=True)):
        each = {cell: answer[index] for cell, answer in answers.items()}
        mapped = _spatial_last(case, mapped, next(iter(each.values())), _cells(case))
        scale = max(float(np.abs(answer.astype(float)).max(initial=0)) for answer in each.values())
        for cell, answer in each.items():
            difference = _difference(answer, mapped[(..., *cell)], name)
            allowed = _ATOL + (_RTOL if case.exact else _RTOL_HALF) * scale
            if answer.dtype.kind in "iub":
                allowed = 0.0
            if difference.max(initial=0) <= allowed:
                continue
            if np.any(difference > allowed + _response(original, crops[cell], index, answer)):
                raise Wrong(
                    "cells differ",
                    f"{name}{list(cell)} differs by {difference.max()} of {scale}",
                    f"expected {answer.ravel()[:12]}",
                    f"found    {mapped[(..., *cell)].ravel()[:12]}",
                )
            unstable += 1
    return unstable


def _compare_one_cell(
    case: Case,
    fully: ort.InferenceSession,
    crops: dict[tuple[int, ...], Array],
    answers: dict[tuple[int, ...], list[Array]],
) -> None:
    """At the original size the answers have the original's shape, with axes of extent 1."""
    cell = next(iter(crops))
    for found, expected in zip(fully.run(None, {"image": crops[cell]}), answers[cell], strict=True):
        found = _spatial_last(case, found, expected, (1,) * len(case.trunk.stride))
        if found.size != expected.size:
            raise Wrong("at the original size an output is not one cell", found.shape)


def _spatial_last(case: Case, mapped: Array, original: Array, cells: tuple[int, ...]) -> Array:
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
