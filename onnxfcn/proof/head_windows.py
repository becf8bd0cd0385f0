"""The original's untouched head, run on windows of a feature map."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from onnx import NodeProto

from passes.shapes import Shape

from ..files.operands import operands
from ..runtime.providers import Provider
from ..runtime.session import Session
from ..sizes import Size, known_size
from .feature_maps import Frontier
from .growth_rates import GrowthRates
from .logits import find_logits
from .model_pair import ModelPair
from .model_parts import model_part
from .ties import find_ranked

_SAMPLES_A_RUN = 64


class HeadWindows:
    """The head behind some feature maps, to run on windows of them.

    Attributes:
        feature_maps: names of the feature maps that it reads.
        compared: names of the tensors to compare: outputs, and logits behind saturating ones.
        output_of: the output that each compared tensor stands for.
        ranked: what ArgMax reads, by the output that it computes.
        windows: extents of each feature map at the original size, by name.
        slides: whether the outputs have cells; else they answer once an image.
        pads: whether it has nodes that pad what they read.
        uncut: name of a tensor of which no windows can be cut, since its positions are on one axis,
            and that a statistic of the whole map went into; empty where there is none.
    """

    def __init__(self, pair: ModelPair, frontier: Frontier, step: Size, provider: Provider) -> None:
        """Prepare to run the head.

        Args:
            pair: the models.
            frontier: where the head begins.
            step: cells of the feature map from one window to the next, an axis each.
            provider: the execution provider.
        """
        self._original, self._frontier = pair.original, frontier
        self._step, self._provider, self._samples = step, provider, pair.image.samples
        self._spatial = pair.growth.spatial
        self._shapes = pair.original_shapes(pair.image.size)
        logits = find_logits(frontier.head, frontier.outputs, pair.rewritten.proto)
        self.output_of = {name: name for name in frontier.outputs} | logits
        self.compared = tuple(self.output_of)
        self.ranked = find_ranked(frontier.head, self.compared)
        self.feature_maps = frontier.feature_maps
        self.windows = {
            name: self._extents(name, self._shapes[name]) or () for name in self.feature_maps
        }
        self.slides = any(map(self._spatial, self.compared))
        self.pads = any(map(_pads, frontier.head))
        self.uncut = _uncut(frontier.head, pair.growth)
        self._session: Session | None = None

    def map_size(self, shapes: Mapping[str, Shape]) -> Size | None:
        """Cells of the map, an axis each.

        Args:
            shapes: static shapes of the original's tensors at some image size.

        Returns:
            The cells; ``None`` where the trunk cannot take the size, or the maps disagree.
        """
        found = set()
        for name, window in self.windows.items():
            shape = shapes.get(name, ())
            extents = self._extents(name, shape) if len(shape) == len(self._shapes[name]) else None
            if extents is None or len(window) != len(self._step):
                return None
            places = zip(extents, window, self._step, strict=True)
            found.add(tuple((extent - own) // by + 1 for extent, own, by in places))
        return found.pop() if len(found) == 1 else None

    def answers(
        self, maps: Mapping[str, np.ndarray], cells: Sequence[Size]
    ) -> Iterator[dict[str, np.ndarray]]:
        """The head's answers on windows, one for each of some cells.

        Args:
            maps: the feature maps, by name.
            cells: places of the cells in the output map, an axis each; of no meaning for a head
                that does not slide: it answers once.
        """
        session = self._open(maps)
        batch = next(iter(maps.values())).shape[0]
        if not self.slides:
            yield from self._run(session, [maps], batch)
            return
        a_run = max(1, _SAMPLES_A_RUN // batch)
        for first in range(0, len(cells), a_run):
            group = [
                {name: self._cut(name, values, cell) for name, values in maps.items()}
                for cell in cells[first : first + a_run]
            ]
            yield from self._run(session, group, batch)

    def _run(
        self, session: Session, group: Sequence[Mapping[str, np.ndarray]], batch: int
    ) -> Iterator[dict[str, np.ndarray]]:
        """Run windows together, in portions of as many samples as the head takes."""
        joined = {name: np.concatenate([cut[name] for cut in group]) for name in group[0]}
        total = batch * len(group)
        portion = self._samples or total
        parts = []
        for start in range(0, total, portion):
            cuts = {name: values[start : start + portion] for name, values in joined.items()}
            templates = self._templates(min(portion, total - start))
            parts.append(session.run(cuts | templates))
        whole = {
            name: np.concatenate([_with_samples(part[name], portion) for part in parts])
            for name in self.compared
        }
        by_window = [np.split(whole[name], len(group)) for name in self.compared]
        for answers in zip(*by_window, strict=True):
            yield dict(zip(self.compared, answers, strict=True))

    def _open(self, maps: Mapping[str, np.ndarray]) -> Session:
        """Load the head, once the feature maps' data types are known."""
        if self._session is None:
            types = {name: (values.dtype, values.ndim) for name, values in maps.items()}
            types |= {
                name: (np.dtype(np.float32), len(self._shapes[name]))
                for name in self._frontier.templates
            }
            model = model_part(self._original, self._frontier.head, types, self.compared)
            self._session = Session(model, self._provider)
        return self._session

    def _templates(self, batch: int) -> dict[str, np.ndarray]:
        """Zeros in place of trunk tensors of which the head reads the shape alone."""
        shapes = {
            name: [extent if isinstance(extent, int) else batch for extent in self._shapes[name]]
            for name in self._frontier.templates
        }
        for shape in shapes.values() if not self._samples else ():
            # Where any number of samples goes, shapes are known for some number of them.
            shape[0] = batch
        return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}

    def _extents(self, name: str, shape: Shape) -> Size | None:
        return known_size([shape[axis] for axis in self._spatial(name)])

    def _cut(self, name: str, values: np.ndarray, cell: Size) -> np.ndarray:
        """The window of a feature map that a cell stands for."""
        index = [slice(None)] * values.ndim
        for axis, place, by, extent in zip(
            self._spatial(name), cell, self._step, self.windows[name], strict=True
        ):
            index[axis] = slice(place * by, place * by + extent)
        cut: np.ndarray = values[tuple(index)]
        return cut


def _with_samples(answer: np.ndarray, samples: int) -> np.ndarray:
    """An answer with its axis of samples, which that on a single one may lack."""
    return answer if samples != 1 or answer.shape[:1] == (1,) else answer[None]


def _pads(node: NodeProto) -> bool:
    attributes = {each.name: each for each in node.attribute}
    if node.op_type == "Pad" or ("pads" in attributes and any(attributes["pads"].ints)):
        return True
    return "auto_pad" in attributes and attributes["auto_pad"].s.startswith(b"SAME")


def _uncut(head: Sequence[NodeProto], growth: GrowthRates) -> str:
    """The first tensor behind a statistic of the map that has its positions on one axis."""
    behind: set[str] = set()
    for node in head:
        if growth.is_reduced_by(node) or not behind.isdisjoint(operands(node)):
            behind.update(node.output)
    merged = (
        name
        for node in head
        for name in node.output
        if name in behind and len(growth.follows(name)) == len(growth.rates)
    )
    return next((name for name in merged if not growth.slides(name)), "")
