"""Prove with ONNX Runtime that a rewritten model keeps its promises.

Identity: at the original size it answers as the original does. Window: at a larger size every
cell is the original's untouched head on that window of the feature map.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod

import numpy as np
from onnx import ValueInfoProto

from passes import Refusal, RefusalCode
from passes.images import PROBE_SCALES
from passes.options import OptionError, per_axis
from passes.skeleton import Shape
from passes.static_shapes import static_shapes

from .cells import compare_cells
from .compare import Comparison
from .errors import RefusedError, UnusableModelError, UsageError, ValidationFailedError
from .feature_maps import find_frontiers
from .graph_view import graph_view
from .head_windows import HeadWindows
from .image import free_image, numpy_dtype
from .interface import check_declared, check_interface
from .report import SizeResult, ValidationReport
from .runtime import Session
from .sizes import Size, default_sizes, size_text
from .stored_model import StoredModel

_CELLS_FOR_TWO_SAMPLES = 64
"""Maps of up to so many cells are compared for two samples, larger ones for one."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, the steps done and the steps in all."""


def no_progress(what: str, done: int, total: int) -> None:
    """Show nothing."""


def run_validation(
    original: StoredModel,
    rewritten: StoredModel,
    *,
    sizes: Sequence[Size],
    provider: str,
    window_step: int | Sequence[int] = 1,
    input_size: Sequence[int] | None = None,
    rtol: float | None = None,
    atol: float = 0.0,
    seed: int = 0,
    progress: Progress = no_progress,
) -> ValidationReport:
    """Compare two models at the original size and at larger ones; see ``onnxfcn.validate``."""
    validation = Validation(
        original,
        rewritten,
        provider=provider,
        window_step=window_step,
        input_size=input_size,
        rtol=rtol,
        atol=atol,
        seed=seed,
        progress=progress,
    )
    identity = validation.identity()
    chosen, notes = (sizes, ()) if sizes else validation.default_sizes()
    larger = tuple(validation.windows(size) for size in chosen)
    return ValidationReport(
        windows=validation.feature_maps, identity=identity, sizes=larger, notes=tuple(notes)
    )


class Validation:
    """One original and its rewritten form, ready to be compared."""

    def __init__(
        self,
        original: StoredModel,
        rewritten: StoredModel,
        *,
        provider: str,
        window_step: int | Sequence[int],
        input_size: Sequence[int] | None,
        rtol: float | None,
        atol: float,
        seed: int,
        progress: Progress,
    ) -> None:
        """Find the image, the feature maps and the heads, and load the rewritten model.

        Raises:
            UsageError: the size that the original was made for is not known.
            RefusedError: ONNX Runtime cannot load the rewritten model.
            ValidationFailedError: the two models have no feature map in common, or other outputs.
        """
        self._original, self._provider, self._progress = original, provider, progress
        self._rtol, self._atol = rtol, atol
        self._random = np.random.default_rng(seed)
        self._graph, after = graph_view(original), graph_view(rewritten)
        check_interface(self._graph, after)
        size = None if input_size is None else tuple(input_size)
        self._image = free_image(self._graph, after, size)
        self.original_size = self._image.size
        try:
            self._step = per_axis("window_step", window_step, len(self.original_size))
        except OptionError as error:
            raise UsageError(str(error)) from error
        self._small = static_shapes(after, {self._image.name: self._shape(self.original_size)})
        grown = tuple(e * by for e, by in zip(self.original_size, PROBE_SCALES, strict=False))
        self._large = static_shapes(after, {self._image.name: self._shape(grown)})
        self._declared = {tensor.name: tensor.shape for tensor in after.outputs}
        frontiers = find_frontiers(
            original.proto, rewritten.proto, self._image.name, self._small, self._large
        )
        shapes = self._shapes_at(self.original_size)
        self._heads = [
            HeadWindows(original, rewritten.proto, frontier, shapes, self._spatial)
            for frontier in frontiers
        ]
        image = next(tensor for tensor in after.inputs if tensor.name == self._image.name)
        place = self._image.roles.index(0) if 0 in self._image.roles else None
        self._any_batch = place is not None and not isinstance(image.shape[place], int)
        outputs = set(self._declared)
        inner = {name for head in self._heads for name in (*head.feature_maps, *head.compared)}
        extras = [ValueInfoProto(name=name) for name in sorted(inner - outputs)]
        try:
            self._session = Session(rewritten, provider, extras)
        except UnusableModelError as error:
            raise RefusedError([_not_loaded(provider, error)]) from error

    @property
    def feature_maps(self) -> dict[str, Size]:
        """Extents of the feature maps at the original size, by name."""
        return {name: window for head in self._heads for name, window in head.windows.items()}

    def default_sizes(self) -> tuple[list[Size], list[str]]:
        """Two sizes larger than the original one, and what is to be said about them."""
        return default_sizes(self._feature_cells, self.original_size, self._step)

    def identity(self) -> SizeResult:
        """Compare the two models at the original size (promise 1)."""
        output_of = {name: of for head in self._heads for name, of in head.output_of.items()}
        logits = [name for name, output in output_of.items() if name != output]
        session = Session(
            self._original, self._provider, [ValueInfoProto(name=name) for name in logits]
        )
        feeds = self._feeds(self.original_size, self._image.batch or 2)
        self._progress("original model", 0, 1)
        try:
            expected = session.run(feeds)
        except UnusableModelError as error:
            raise UnusableModelError(f"the original model itself does not run: {error}") from error
        actual = self._session.run(feeds)
        self._progress("original model", 1, 1)
        check_declared(self._declared, actual)
        one_cell = (1,) * len(self.original_size)
        slides = {name for head in self._heads if head.slides for name in head.compared}
        comparisons = [
            self._cells(
                name,
                output_of.get(name, name),
                [values],
                actual[name],
                one_cell if name in slides else (),
            )
            for name, values in expected.items()
        ]
        return SizeResult(size=self.original_size, map_size=one_cell, comparisons=(*comparisons,))

    def windows(self, size: Size) -> SizeResult:
        """Compare every cell at a larger size with the head on its window (promise 2).

        Raises:
            UsageError: the size is too small, or the trunk cannot take it.
            ValidationFailedError: the feature map or the answer has another size than it should.
        """
        if len(size) != len(self.original_size):
            raise UsageError(
                f"the model's images have {len(self.original_size)} spatial axes; give a size such"
                f" as {size_text(self.original_size)}, not {size_text(size)}"
            )
        shapes = self._shapes_at(size)
        map_sizes = [head.map_size(shapes, self._step) for head in self._heads]
        if any(map_size is None or min(map_size) < 1 for map_size in map_sizes):
            raise UsageError(
                f"the model cannot take an image of {size_text(size)}: it was made for"
                f" {size_text(self.original_size)} and takes images at least as large on every"
                " axis, where its trunk allows"
            )
        found = [map_size for map_size in map_sizes if map_size is not None]
        small = all(prod(map_size) <= _CELLS_FOR_TWO_SAMPLES for map_size in found)
        own = self._image.batch or 1
        try:
            feeds = self._feeds(size, own * 2 if self._any_batch and small else own)
        except MemoryError as error:
            raise UsageError(f"no memory for an image of {size_text(size)}: {error}") from error
        actual = self._session.run(feeds)
        check_declared(self._declared, actual)
        comparisons: list[Comparison] = []
        for head, map_size in zip(self._heads, found, strict=True):
            maps = {name: actual[name] for name in head.feature_maps}
            self._check_maps(maps, shapes, size)
            comparisons += self._compare_windows(head, maps, map_size, actual, size)
        cells = found[0] if self._heads[0].slides else (1,) * len(size)
        return SizeResult(size=size, map_size=cells, comparisons=tuple(comparisons))

    def _compare_windows(
        self,
        head: HeadWindows,
        maps: Mapping[str, np.ndarray],
        map_size: Size,
        actual: Mapping[str, np.ndarray],
        size: Size,
    ) -> list[Comparison]:
        collected: dict[str, list[np.ndarray]] = {name: [] for name in head.compared}
        samples = self._image.batch or 0
        total = prod(map_size) if head.slides else 1
        answers = head.answers(maps, map_size, self._step, samples, self._provider)
        for done, answer in enumerate(answers, 1):
            self._progress(f"windows at {size_text(size)}", done, total)
            for name, values in answer.items():
                collected[name].append(values)
        cells = map_size if head.slides else ()
        return [
            self._cells(name, output, collected[name], actual[name], cells)
            for name, output in head.output_of.items()
        ]

    def _check_maps(
        self, maps: Mapping[str, np.ndarray], shapes: Mapping[str, Shape], size: Size
    ) -> None:
        """The rewritten trunk's maps must have the size that the original's geometry gives."""
        for name, values in maps.items():
            if values.shape[1:] != shapes.get(name, ())[1:]:
                raise ValidationFailedError(
                    f"at {size_text(size)} the feature map '{name}' has shape"
                    f" {list(values.shape)}; the original's geometry gives {list(shapes[name])}"
                )

    def _cells(
        self,
        name: str,
        output: str,
        answers: Sequence[np.ndarray],
        actual: np.ndarray,
        map_size: Size,
    ) -> Comparison:
        """Compare a tensor with the head's answers; see ``compare_cells``."""
        found = compare_cells(
            name,
            answers,
            actual,
            spatial=self._spatial(name),
            map_size=map_size,
            rtol=self._rtol,
            atol=self._atol,
        )
        return replace(found, stands_for=output)

    def _feeds(self, size: Size, batch: int) -> dict[str, np.ndarray]:
        """A random image of a size, and random values for every other input."""
        feeds = {self._image.name: self._image.random(size, self._random, batch)}
        for tensor in self._graph.inputs:
            if tensor.name not in feeds and tensor.type == "tensor_type":
                shape = [e if isinstance(e, int) else batch for e in tensor.shape or ()]
                feeds[tensor.name] = self._random.standard_normal(shape).astype(numpy_dtype(tensor))
        return feeds

    def _shape(self, size: Size) -> Shape:
        """Shape of the image at a size, the batch symbolic where the original's is."""
        shape = self._image.shape_at(size)
        roles = zip(shape, self._image.roles, strict=True)
        return tuple("N" if role == 0 and not self._image.batch else e for e, role in roles)

    def _shapes_at(self, size: Size) -> dict[str, Shape]:
        """Static shapes of the original at a size."""
        return static_shapes(self._graph, {self._image.name: self._shape(size)})

    def _spatial(self, name: str) -> tuple[int, ...]:
        """Axes of a tensor of the rewritten model that grow with the image."""
        small, large = self._small.get(name), self._large.get(name)
        if small is None or large is None or len(small) != len(large):
            return ()
        return tuple(axis for axis in range(1, len(small)) if small[axis] != large[axis])

    def _feature_cells(self, size: Size) -> Size | None:
        """Windows of the coarsest feature map at an image size, every one of them."""
        shapes = self._shapes_at(size)
        found = [head.map_size(shapes, (1,) * len(size)) for head in self._heads]
        known = [map_size for map_size in found if map_size is not None]
        return min(known) if len(known) == len(found) else None


def _not_loaded(provider: str, error: UnusableModelError) -> Refusal:
    return Refusal(
        code=RefusalCode.RUNTIME_LACKS,
        node="",
        operator="",
        expected=f"a rewritten model that ONNX Runtime ({provider}) can load",
        found=str(error),
        advice="Convert the model to float32 first, or skip the proof: --no-validate",
    )
