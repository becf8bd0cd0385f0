"""Prove with ONNX Runtime that a rewritten model keeps its promises.

Identity: at the original size it answers as the original does. Window: at a larger size every
cell is the original's untouched head on that window of the feature map.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from onnx import NodeProto, ValueInfoProto

from passes.image_size import input_shapes
from passes.per_axis import per_axis
from passes.result import Refused
from passes.static_shapes import static_shapes

from .compare import Comparison, compare
from .errors import RefusedError, UsageError, ValidationFailedError
from .feature_maps import find_frontier, head_model
from .graph_view import graph_view
from .image import free_images
from .report import SizeResult, ValidationReport
from .runtime import Session
from .sizes import Size, default_sizes
from .stored_model import StoredModel

_SATURATES = frozenset({"HardSigmoid", "Hardmax", "LogSoftmax", "Sigmoid", "Softmax", "Tanh"})
"""Operators whose output may hide a difference of their input."""
_WINDOWS_A_RUN = 64
_GROWTH = (2, 3, 5)


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
    larger = [validation.windows(size) for size in sizes or validation.default_sizes()]
    return validation.report(identity, larger)


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
        """Find the image, the feature maps and the head, and load the rewritten model.

        Raises:
            UsageError: the size that the original was made for is not known.
            UnusableModelError: ONNX Runtime cannot load the rewritten model.
            ValidationFailedError: the two models have no feature map in common.
        """
        self._original, self._provider, self._progress = original, provider, progress
        self._rtol, self._atol = rtol, atol
        self._random = np.random.default_rng(seed)
        self._graph, after = graph_view(original), graph_view(rewritten)
        try:
            self._shapes = static_shapes(self._graph, input_shapes(self._graph, input_size))
        except Refused as refused:
            raise RefusedError([refused.refusal]) from None
        images = free_images(self._graph, after, self._shapes)
        if len(images) != 1:
            raise ValidationFailedError(
                f"expected one input with symbolic spatial axes, found {len(images)}"
            )
        (self.image,) = images
        self.original_size = self.image.size
        spatial_rank = len(self.original_size)
        grown = tuple(
            extent * factor for extent, factor in zip(self.original_size, _GROWTH, strict=False)
        )
        self._frontier = find_frontier(
            original.proto,
            rewritten.proto,
            static_shapes(after, {self.image.name: self.image.shape_at(self.original_size)}),
            static_shapes(after, {self.image.name: self.image.shape_at(grown)}),
        )
        self._step = per_axis("window_step", window_step, spatial_rank)
        self._logits = _logits(self._frontier.head, self._frontier.outputs, rewritten)
        extras = [*self._frontier.feature_maps, *self._logits]
        outputs = {value.name for value in rewritten.proto.graph.output}
        self._session = Session(
            rewritten,
            provider,
            [ValueInfoProto(name=name) for name in extras if name not in outputs],
        )
        self._head: Session | None = None

    def default_sizes(self) -> list[Size]:
        """Two sizes larger than the original one."""
        return default_sizes(self._map_size, self.original_size)

    def identity(self) -> SizeResult:
        """Compare the two models at the original size (promise 1)."""
        feeds = self._feeds(self.original_size, batch=2)
        extras = [ValueInfoProto(name=name) for name in self._logits]
        session = Session(self._original, self._provider, extras)
        self._progress("original model", 0, 1)
        expected = session.run(feeds)
        actual = self._session.run(feeds)
        self._progress("original model", 1, 1)
        one_cell = (1,) * len(self.original_size)
        comparisons = [
            self._compare(
                name,
                values
                if name not in self._compared()
                else _as_cells([values], one_cell, actual[name]),
                actual[name],
            )
            for name, values in expected.items()
        ]
        return SizeResult(
            size=self.original_size, map_size=one_cell, comparisons=tuple(comparisons)
        )

    def windows(self, size: Size) -> SizeResult:
        """Compare every cell at a larger size with the head on its window (promise 2).

        Raises:
            UsageError: the size is too small, or the trunk cannot take it.
            ValidationFailedError: the feature map or the answer has another size than it should.
        """
        fits = len(size) == len(self.original_size)
        map_size = self._map_size(size) if fits else None
        if map_size is None or min(map_size) < 1:
            raise UsageError(
                f"the model cannot take an image of {'x'.join(map(str, size))}; it was made for"
                f" {'x'.join(map(str, self.original_size))}, and larger ones give a map"
            )
        feeds = self._feeds(size, batch=1)
        actual = self._session.run(feeds)
        maps = {name: actual[name] for name in self._frontier.feature_maps}
        for name, values in maps.items():
            expected = self._shapes_at(size).get(name, ())[1:]
            if values.shape[1:] != expected:
                raise ValidationFailedError(
                    f"at {size} the feature map '{name}' has shape {values.shape},"
                    f" the original trunk gives {list(expected)} a sample"
                )
        cells = list(product(*(range(extent) for extent in map_size)))
        answers: dict[str, list[np.ndarray]] = {name: [] for name in self._compared()}
        head = self._head_session(maps)
        for done, answer in enumerate(self._answers(head, maps, cells), 1):
            self._progress(f"windows at {'x'.join(map(str, size))}", done, len(cells))
            for name, values in answer.items():
                answers[name].append(values)
        comparisons = [
            self._compare(name, _as_cells(answers[name], map_size, actual[name]), actual[name])
            for name in self._compared()
        ]
        return SizeResult(size=size, map_size=map_size, comparisons=tuple(comparisons))

    def report(self, identity: SizeResult, sizes: Sequence[SizeResult]) -> ValidationReport:
        """Put the results together."""
        return ValidationReport(
            feature_maps=self._frontier.feature_maps,
            windows=tuple(self._window(name) for name in self._frontier.feature_maps),
            identity=identity,
            sizes=tuple(sizes),
        )

    def _compared(self) -> tuple[str, ...]:
        return (*self._frontier.outputs, *self._logits)

    def _compare(self, name: str, expected: np.ndarray, actual: np.ndarray) -> Comparison:
        if expected.shape != actual.shape:
            raise ValidationFailedError(
                f"'{name}' has shape {list(actual.shape)}, expected {list(expected.shape)}"
            )
        spatial_rank = len(self.original_size) if name in self._compared() else 0
        return compare(
            name, expected, actual, spatial_rank=spatial_rank, rtol=self._rtol, atol=self._atol
        )

    def _feeds(self, size: Size, batch: int) -> dict[str, np.ndarray]:
        """A random image of a size, and random values for every other input."""
        feeds = {self.image.name: self.image.random(size, self._random, batch)}
        for tensor in self._graph.inputs:
            if tensor.name not in feeds:
                shape = [
                    extent if isinstance(extent, int) else batch for extent in tensor.shape or ()
                ]
                feeds[tensor.name] = self._random.standard_normal(shape).astype(tensor.dtype)
        return feeds

    def _shapes_at(self, size: Size) -> dict[str, tuple[int, ...]]:
        shapes = static_shapes(self._graph, {self.image.name: self.image.shape_at(size)})
        return {
            name: tuple(int(extent) for extent in shape if isinstance(extent, int))
            for name, shape in shapes.items()
        }

    def _window(self, name: str) -> Size:
        return tuple(extent for extent in self._shapes[name][2:] if isinstance(extent, int))

    def _map_size(self, size: Size) -> Size | None:
        """Cells of the output map for an image size, by the original trunk's own geometry.

        ``None`` where the trunk cannot take the size, or several feature maps disagree.
        """
        shapes = self._shapes_at(size)
        found = {
            tuple(
                (extent - window) // step + 1
                for extent, window, step in zip(
                    shapes.get(name, ())[2:], self._window(name), self._step, strict=False
                )
            )
            for name in self._frontier.feature_maps
        }
        only = found.pop() if len(found) == 1 else ()
        return only if len(only) == len(self.original_size) else None

    def _head_session(self, maps: dict[str, np.ndarray]) -> Session:
        """The original's head, loaded when the feature maps' data types are known."""
        if self._head is None:
            templates = dict.fromkeys(self._frontier.templates, np.dtype(np.float32))
            dtypes = {name: values.dtype for name, values in maps.items()} | templates
            model = head_model(self._original.proto, self._frontier, dtypes, self._logits)
            self._head = Session(StoredModel(model, self._original.folder), self._provider)
        return self._head

    def _answers(
        self, head: Session, maps: dict[str, np.ndarray], cells: Sequence[Size]
    ) -> Iterator[dict[str, np.ndarray]]:
        """The head's answers on the windows of each cell, in order, several windows a run."""
        a_run = 1 if self.image.batch else _WINDOWS_A_RUN
        for first in range(0, len(cells), a_run):
            group = cells[first : first + a_run]
            feeds = {
                name: np.concatenate([self._cut(name, values, cell) for cell in group])
                for name, values in maps.items()
            }
            for name in self._frontier.templates:
                shape = [e if isinstance(e, int) else len(group) for e in self._shapes[name]]
                feeds[name] = np.zeros(shape, np.float32)
            answers = head.run(feeds)
            for index in range(len(group)):
                yield {
                    name: np.split(values, len(group))[index] for name, values in answers.items()
                }

    def _cut(self, name: str, values: np.ndarray, cell: Size) -> np.ndarray:
        """The window of a feature map that a cell stands for."""
        bounds = zip(cell, self._step, self._window(name), strict=True)
        index: list[Any] = [slice(i * step, i * step + extent) for i, step, extent in bounds]
        return np.asarray(values[(..., *index)])


def _as_cells(answers: Sequence[np.ndarray], map_size: Size, like: np.ndarray) -> np.ndarray:
    """Answers on single windows, ``[N, K]`` or ``[N, K, 1, 1]`` each, as one map ``[N, K, *o]``."""
    spatial_rank = len(map_size)
    vectors = [
        values.reshape(values.shape[:-spatial_rank])
        if values.ndim == like.ndim and values.shape[-spatial_rank:] == (1,) * spatial_rank
        else values
        for values in answers
    ]
    return np.stack(vectors, axis=-1).reshape(*vectors[0].shape, *map_size)


def _logits(
    head: Sequence[NodeProto], outputs: Sequence[str], rewritten: StoredModel
) -> tuple[str, ...]:
    """Inputs of the saturating operators that end the head, where both models have them."""
    theirs = {name for node in rewritten.proto.graph.node for name in node.output}
    computed = {name for node in head for name in node.output}
    return tuple(
        node.input[0]
        for node in head
        if node.op_type in _SATURATES
        and set(node.output) & set(outputs)
        and node.input[0] in theirs & computed - set(outputs)
    )
