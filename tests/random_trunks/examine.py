"""Free one random trunk and compare it with the same trunk written at a larger image size."""

import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import onnx
import onnx_graphsurgeon as gs
from onnx_graphsurgeon.logger import G_LOGGER

from onnxfcn.files.document import Document
from onnxfcn.files.stored_model import StoredModel
from passes import PassResult, dynamic_spatial_axes
from tests.random_cases.outcome import Outcome, Wrong, failure, refused, unusable
from tests.session import session

from .extents import at
from .recipe import Recipe

Array = npt.NDArray[np.generic]

_TOLERANCE_OWN, _TOLERANCE_LARGER = 1e-6, 1e-4
_SAMPLES = (3, 2)
"""Samples at each image size where the batch is symbolic."""

_LARGEST_SCALE = 1e5


class Kind(StrEnum):
    """What came of a case that did not fail."""

    FREED = "freed"
    REFUSED = "refused"


@dataclass(frozen=True)
class Freed(Outcome):
    """A trunk that is right at the larger size.

    Attributes:
        error: largest difference of a freed model, relative to the scale of its output.
        indistinct: whether all cells of an output have the same values.
    """

    kind: StrEnum = Kind.FREED
    error: float = 0.0
    indistinct: bool = False


class NotFreed(Exception):
    """The pass refuses."""

    def __init__(self, result: PassResult) -> None:
        self.refusal = result.refusals[0]
        super().__init__(str(self.refusal))


Free = Callable[[onnx.ModelProto], Sequence[onnx.ModelProto]]
"""Makes the spatial axes of a model symbolic, in one way or several."""


@dataclass(frozen=True)
class Expected:
    """What a recipe's own models answer.

    Attributes:
        images: an input at each image size.
        answers: every output at each image size.
    """

    images: tuple[Array, ...]
    answers: tuple[list[Array], ...]


def examine(recipe: Recipe, free: Free | None = None) -> Outcome:
    """Write a trunk at both sizes, free the one, and compare it with the other.

    Args:
        recipe: the trunk.
        free: what frees it; the pass by default.
    """
    try:
        expected = _expected(recipe)
    except Exception as error:
        return unusable(error)
    try:
        freed = (free or free_by_pass)(recipe.write(recipe.sizes[0]))
        worst = max(_compare(recipe, model, expected) for model in freed)
    except NotFreed as not_freed:
        return refused(Kind.REFUSED, not_freed.refusal)
    except Exception as error:
        return failure(error)
    indistinct = all(np.ptp(answer) == 0 for answer in expected.answers[-1])
    return Freed(error=worst, indistinct=indistinct)


def free_by_pass(model: onnx.ModelProto) -> Sequence[onnx.ModelProto]:
    """By graphsurgeon alone, and by the carrier that loses nothing.

    Raises:
        NotFreed: the pass refuses, and left the graph as it was.
        Wrong: it refuses and changed the graph, or did nothing.
    """
    with redirect_stdout(io.StringIO()), G_LOGGER.suppress():
        graph = gs.import_onnx(onnx.ModelProto.FromString(model.SerializeToString()))
        before = gs.export_onnx(graph).SerializeToString(deterministic=True)
        result = dynamic_spatial_axes.apply(graph)
        by_pass = gs.export_onnx(graph)
        if result.refusals:
            if by_pass.SerializeToString(deterministic=True) != before:
                raise Wrong("refused, but the graph was changed", result.refusals[0])
            raise NotFreed(result)
        if not result.rewrites:
            raise Wrong("the pass found nothing to do")
        document = Document(StoredModel(model))
        dynamic_spatial_axes.apply(document.graph)
        return [by_pass, document.commit()]


def _expected(recipe: Recipe) -> Expected:
    images, answers = [], []
    for index, size in enumerate(recipe.sizes):
        model = recipe.write(size)
        onnx.checker.check_model(model)
        image = _image(recipe, index)
        answer = session(model).run(None, {"image": image})
        for value, found in zip(recipe.outputs, answer, strict=True):
            if list(found.shape[1:]) != at(value.shape, index):
                raise ValueError(f"unforeseen shape {found.shape} of {value.name}")
            if not np.isfinite(found).all() or np.abs(found).max() > _LARGEST_SCALE:
                raise ValueError("answers that are not finite or too large")
        images.append(image)
        answers.append(answer)
    return Expected(tuple(images), tuple(answers))


def _image(recipe: Recipe, index: int) -> Array:
    shape = [recipe.batch or _SAMPLES[index], *at(recipe.image.shape, index)]
    image: Array = np.random.default_rng(7).normal(size=shape).astype(np.float32)
    return image


def _compare(recipe: Recipe, model: onnx.ModelProto, expected: Expected) -> float:
    """Compare a freed model at both sizes; returns the largest relative difference."""
    _check(recipe, model)
    plain = session(model)
    worst = 0.0
    tolerances = (_TOLERANCE_OWN, _TOLERANCE_LARGER)
    for index, tolerance in enumerate(tolerances):
        found = plain.run(None, {"image": expected.images[index]})
        where = "at the larger size" if index else "at the model's own size"
        worst = max(worst, _difference(expected.answers[index], found, where, tolerance))
    # Wrong shapes left in the model mislead the optimizer.
    found = session(model, optimized=True).run(None, {"image": expected.images[-1]})
    _difference(expected.answers[-1], found, "at the larger size, optimized", 10 * tolerance)
    _check_declared(recipe, model, expected)
    return worst


def _check(recipe: Recipe, model: onnx.ModelProto) -> None:
    """The checker accepts the freed model, in full where it accepts the original in full."""
    onnx.checker.check_model(model)
    try:
        onnx.checker.check_model(recipe.write(recipe.sizes[0]), full_check=True)
    except onnx.shape_inference.InferenceError:
        return
    onnx.checker.check_model(model, full_check=True)


def _difference(
    expected: Sequence[Array], found: Sequence[Array], where: str, tolerance: float
) -> float:
    worst = 0.0
    for index, (left, right) in enumerate(zip(expected, found, strict=True)):
        if left.shape != right.shape or left.dtype != right.dtype:
            raise Wrong(f"other shapes {where}", index, left.shape, right.shape)
        scale = max(float(np.abs(left).max(initial=0)), 1e-3)
        error = float(np.abs(left.astype(float) - right).max(initial=0)) / scale
        if not error <= tolerance:
            raise Wrong(
                f"other values {where}",
                f"output {index} differs by {error:.2g} of {scale:.3g}",
                f"expected {left.ravel()[:8]}",
                f"found    {right.ravel()[:8]}",
            )
        worst = max(worst, error)
    return worst


def _check_declared(recipe: Recipe, model: onnx.ModelProto, expected: Expected) -> None:
    """What the freed model declares holds at both sizes, and names are as they were."""
    declared = [*model.graph.input, *model.graph.output]
    if [value.name for value in declared] != ["image", *(v.name for v in recipe.outputs)]:
        raise Wrong("inputs or outputs have other names")
    for index, image in enumerate(expected.images):
        arrays = [image, *expected.answers[index]]
        for value, array in zip(declared, arrays, strict=True):
            dims = value.type.tensor_type.shape.dim
            pairs = zip(dims, array.shape, strict=True)
            if any(dim.HasField("dim_value") and dim.dim_value != e for dim, e in pairs):
                raise Wrong("a declared shape does not hold", value.name, array.shape, str(dims))
            if recipe.batch is None and dims[0].dim_param != "N":
                raise Wrong("the batch axis has lost its name", value.name)
