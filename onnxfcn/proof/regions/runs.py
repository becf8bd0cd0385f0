"""A region of the trunk as two models that run: the original's nodes, and the rewritten ones."""

from collections.abc import Iterable, Mapping, Sequence
from operator import add

import numpy as np
from onnx import NodeProto

from ...errors import UnusableModelError
from ...files.operands import MEASURES, operands
from ...files.stored_model import StoredModel
from ...runtime.providers import Provider
from ...runtime.session import Session
from ...settings import Settings
from ...sizes import Size, known_size
from ..growth_rates import GrowthRates
from ..model_pair import ModelPair
from ..model_parts import model_part
from .finder import Region
from .lattice import Lattice, lattice_of
from .random_tensors import RandomTensors

_LARGEST_STEP = 8
"""Windows. Tensors that grow by whole cells only where the map is as many windows larger have no
size at which they could be compared."""


class UndecidedError(Exception):
    """It cannot be told what a region should do on a larger map; the message says why."""


class WrongError(Exception):
    """A rewritten region does not do what it should on a larger map; the message says how."""


class RegionRuns:
    """The two forms of a region, and what they are fed with.

    Attributes:
        output: name of the tensor that it computes.
        rank: number of the image's spatial axes.
        lattice: the sizes that the region's tensors have together.
        is_global: whether the original computes something of the map as a whole.
        read: names of the tensors that it begins with and of which more is read than the shape.
        generator: makes all that is random.
    """

    def __init__(self, region: Region, pair: ModelPair, settings: Settings, attempt: int) -> None:
        """Load both forms.

        Args:
            region: the region.
            pair: the models.
            settings: how validation is run.
            attempt: which one it is, from 0; each has other random tensors.

        Raises:
            UndecidedError: the original's nodes do not load, or there is no size to compare at.
            WrongError: the rewritten model's nodes do not load.
        """
        growth = pair.growth
        self.output, self.rank = region.output, len(growth.rates)
        self._pair = pair
        self._inputs, self._twin_inputs = sorted(region.inputs), sorted(region.twin_inputs)
        names = sorted(region.inputs | region.twin_inputs)
        self.is_global = region.is_global
        self.read = sorted(_read(region).intersection(names))
        self._dtypes = _dtypes(names, growth)
        inner = {name for node in region.twin_nodes for name in node.output}
        self.lattice = lattice_of([*names, region.output], inner, growth)
        _check_steps(self.lattice)
        self.generator = np.random.default_rng([settings.seed, attempt])
        # Positive maps suit roots and logarithms, but some gates are shut for them.
        self._tensors = RandomTensors(
            self._dtypes, self.lattice.axes, signed=attempt > 0, generator=self.generator
        )
        provider = settings.provider
        try:
            self._original = self._load(pair.original, region.nodes, self._inputs, provider)
        except UnusableModelError as error:
            raise UndecidedError(f"in the original, {_one_line(error)}") from error
        try:
            self._rewritten = self._load(
                pair.rewritten, region.twin_nodes, self._twin_inputs, provider
            )
        except UnusableModelError as error:
            raise WrongError(f"in the rewritten model, {_one_line(error)}") from error

    def random(self, counts: Size) -> dict[str, np.ndarray]:
        """Random values for all tensors that the region begins with, some steps larger."""
        shapes = {name: self.lattice.shape(name, counts) for name in self._dtypes}
        return self._tensors.draw(shapes)

    def random_window(self) -> dict[str, np.ndarray]:
        """Random values for all tensors that the region begins with, at the original size."""
        return self.random((0,) * self.rank)

    def random_beside(self, pixels: Size) -> dict[str, np.ndarray] | None:
        """As ``random``, for an image that is so many pixels larger, not always whole steps.

        Returns:
            The values; ``None`` where the tensors' shapes cannot be told.
        """
        inferred = self._pair.rewritten_shapes(tuple(map(add, self._pair.image.size, pixels)))
        shapes = {}
        for name in self._dtypes:
            shape = known_size(inferred.get(name, ()))
            if shape is None or len(shape) != len(self.lattice.shapes[name]):
                return None
            shapes[name] = shape
        return self._tensors.draw(shapes)

    def original(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """The original's answer on tensors of the original size.

        Raises:
            UndecidedError: it does not run, or answers with another shape than was inferred.
        """
        try:
            answer = self._original.run({name: values[name] for name in self._inputs})[self.output]
        except UnusableModelError as error:
            raise UndecidedError(f"in the original, {_one_line(error)}") from error
        if answer.shape != self.lattice.shapes[self.output]:
            raise UndecidedError(f"in the original, it has the shape {list(answer.shape)}")
        return answer

    def original_on_larger(self, values: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """What the original's own nodes answer on larger tensors; ``None`` where they do not."""
        feeds = {name: values[name] for name in self._inputs}
        try:
            return self._original.run(feeds)[self.output]
        except UnusableModelError:
            return None

    def rewritten(self, values: Mapping[str, np.ndarray], shape: Size) -> np.ndarray:
        """The rewritten model's answer on larger tensors.

        Args:
            values: the tensors that the region begins with.
            shape: shape that the answer must have.

        Raises:
            WrongError: it does not run, or has another shape.
        """
        feeds = {name: values[name] for name in self._twin_inputs}
        try:
            answer = self._rewritten.run(feeds)[self.output]
        except UnusableModelError as error:
            raise WrongError(f"in the rewritten model, {_one_line(error)}") from error
        if answer.shape != shape:
            sizes = ", ".join(f"'{name}' {list(value.shape)}" for name, value in feeds.items())
            raise WrongError(
                f"it has the shape {list(answer.shape)}, expected {list(shape)} for {sizes}"
            )
        return answer

    def by_cell(self, answer: np.ndarray) -> np.ndarray:
        """An answer with one axis of cells in place of those of the image; it is the last."""
        axes = self.lattice.axes[self.output]
        moved = np.moveaxis(answer, axes, range(-len(axes), 0))
        return moved.reshape(*moved.shape[: moved.ndim - len(axes)], -1)

    def _load(
        self,
        model: StoredModel,
        nodes: Iterable[NodeProto],
        inputs: Iterable[str],
        provider: Provider,
    ) -> Session:
        types = {name: (self._dtypes[name], len(self.lattice.shapes[name])) for name in inputs}
        return Session(model_part(model, nodes, types, [self.output]), provider)


def _dtypes(names: Sequence[str], growth: GrowthRates) -> dict[str, np.dtype]:
    for name in names:
        if name not in growth.shapes.types:
            raise UndecidedError(f"the type of '{name}' is not known")
    return {name: growth.dtype(name) for name in names}


def _check_steps(lattice: Lattice) -> None:
    """Raise where a tensor takes very large steps."""
    for name, steps in lattice.steps.items():
        extents = zip(lattice.extents(name), steps, strict=True)
        if any(step > _LARGEST_STEP * extent for extent, step in extents):
            raise UndecidedError(f"'{name}' does not grow evenly with the image")


def _read(region: Region) -> set[str]:
    nodes = (*region.nodes, *region.twin_nodes)
    return {n for node in nodes if node.op_type not in MEASURES for n in operands(node)}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
