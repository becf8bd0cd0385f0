"""Whether the cells of a map are what the model says of crops of the image.

A cell stands for a crop of the original size (``Geometry.crop``). It is *exact* where it computes
the same of the same pixels as the model does on the crop alone, whatever the weights and the image
are. It is *approximate* where it does not: the nodes that compute something else, or of other
pixels, are the causes. Where strides leave pixels over, the crop of a map's last cell may leave the
image: that cell stands for no crop, and the label says nothing of it.

The label is one of structure. Weights stand for any values: a padded convolution makes a cell
approximate although a kernel whose border is zero would look past no edge. For weights in general,
some image makes an approximate cell differ. What no weights can make differ is exact: pads of
zero, pads that are cropped away again, pads that no window reaches.

The decision runs the model on marks in place of values, once on the image and once on the crop: a
mark says which computation of which pixels a position holds. Every operator whose way of reading is
known treats the axes of the image one by one, and so does this.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs

from passes.result import node_name
from passes.use_def import is_standard, upstream

from .errors import GeometryUnknownError
from .files.model_io import ModelSource, stored_model
from .geometry.analysis import ModelAnalysis
from .geometry.axis import AxisGeometry
from .geometry.axis_analysis import AxisAnalysis
from .geometry.blame import Reason, first_reason, own_reason
from .geometry.errors import DoesNotFitError, UnknownError
from .geometry.geometry import Geometry
from .geometry.seen import Seen
from .geometry.trace import Trace, View, Watch

_SETS_BESIDE = ("Concat", "Pad")
_BETWEEN_PIXELS = "most cells begin within a pixel, and crops only at whole ones"
_CELLS = 4
"""Cells beyond the first one that the images to look at have, at least."""


@dataclass(frozen=True)
class Cause:
    """A node because of which cells differ from crops.

    Attributes:
        node: its name.
        operator: its operator type.
        reason: why.
    """

    node: str
    operator: str
    reason: Reason


@dataclass(frozen=True)
class Exactness:
    """Whether cells are what the model says of crops.

    Attributes:
        is_exact: whether every cell of every image is what the model says of the cell's crop, where
            that lies inside the image.
        causes: the nodes because of which it is not, in graph order.
        between_pixels: whether cells are parts of a pixel apart, so that most have no crop that
            begins where they do.
    """

    is_exact: bool
    causes: tuple[Cause, ...] = ()
    between_pixels: bool = False

    @property
    def label(self) -> str:
        """``exact`` or ``approximate``."""
        return "exact" if self.is_exact else "approximate"

    def lines(self) -> list[str]:
        """Why cells are no crops, in words, nodes of one kind in a line.

        Such as ``53 Conv (first 'conv1'): pads, where the whole image goes on``.
        """
        groups: dict[tuple[str, Reason], list[str]] = {}
        for cause in self.causes:
            groups.setdefault((cause.operator, cause.reason), []).append(cause.node)
        lines = [
            f"{len(names)} {operator} (first '{names[0]}'): {reason}"
            if len(names) > 1
            else f"{operator} '{names[0]}': {reason}"
            for (operator, reason), names in groups.items()
        ]
        return [*lines, *[_BETWEEN_PIXELS] * self.between_pixels]


def decide(
    model: ModelSource, original_size: Sequence[int] | None = None, layout: str | None = None
) -> dict[str, Exactness]:
    """Decide for every output that depends on the image whether its cells equal crops.

    Args:
        model: a rewritten model; see ``geometry.analyse``.
        original_size: see ``geometry.analyse``.
        layout: see ``geometry.analyse``.

    Returns:
        By the output's name, in the order of the graph's outputs.

    Raises:
        GeometryUnknownError: what an output reads cannot be told.
        RefusedError: the original size is not known, or contradicts the model.
    """
    analysis = ModelAnalysis(stored_model(model), original_size, layout)
    return {name: decide_one(analysis, analysis.geometry(name)) for name in analysis.outputs}


def decide_one(analysis: ModelAnalysis, geometry: Geometry) -> Exactness:
    """Decide whether the cells of an output equal crops.

    Args:
        analysis: of the rewritten model.
        geometry: of the output.

    Raises:
        GeometryUnknownError: what the output reads cannot be told.
    """
    try:
        return _decided(analysis.axes, geometry.axes, analysis.outputs[geometry.output])
    except (UnknownError, DoesNotFitError) as error:
        raise GeometryUnknownError(f"'{geometry.output}': {error}") from error


def _decided(
    axes: Sequence[AxisAnalysis], geometries: Sequence[AxisGeometry], output: gs.Tensor
) -> Exactness:
    causes: dict[int, Cause] = {}
    is_exact, between_pixels = True, False
    for axis, geometry in zip(axes, geometries, strict=True):
        comparison = _Comparison(axis, geometry, output)
        differing = next(comparison.differing(), None)
        if differing is not None:
            is_exact = False
            between_pixels |= geometry.stride.denominator > 1
            causes = comparison.causes(*differing) | causes
    order = {id(node): place for place, node in enumerate(axes[0].program.nodes)}
    found = sorted(causes, key=lambda node_id: order[node_id])
    return Exactness(is_exact, tuple(causes[node_id] for node_id in found), between_pixels)


@dataclass(frozen=True)
class _Comparison:
    """Cells against crops along one axis.

    Attributes:
        analysis: runs of the model.
        geometry: of the output.
        output: the output.
    """

    analysis: AxisAnalysis
    geometry: AxisGeometry
    output: gs.Tensor

    def differing(self) -> Iterator[tuple[int, int]]:
        """Image sizes and cells that differ from their crop."""
        for size in self._sizes():
            whole = self._run(size)[self.output]
            count = self.geometry.extent(size) or 1
            inside = [c for c in range(count) if self.geometry.crop(c)[1] <= size]
            middle = inside[len(inside) // 2 :][:2]
            # In the middle of the map every node that looks past an edge shows.
            for cell in dict.fromkeys((*middle, *inside[:2], *inside[-1:])):
                crop = self._run(self.geometry.original, self.geometry.crop(cell)[0])[self.output]
                if (self._at(whole, cell) != self._at(crop, 0)).any():
                    yield size, cell

    def _sizes(self) -> list[int]:
        """Sizes with some cells, of different remainders."""
        geometry = self.geometry
        every = geometry.period_cells or 1
        first = geometry.original + geometry.period * (-(-_CELLS // every))
        accepted = [i for i, count in enumerate(geometry.cells) if count is not None]
        rests = {accepted[len(accepted) * part // 4] for part in range(4)} | {accepted[-1]}
        # Numbers that are computed of the size may repeat after more than a period.
        later = [first + times * geometry.period for times in (1, 2)]
        return [*(first + rest for rest in sorted(rests, reverse=True)), *later]

    def _run(self, size: int, start: int = 0, watch: Watch | None = None) -> Trace:
        view = View(self.analysis.axis, size - self.analysis.original, start, marked=True)
        return Trace(self.analysis.program, view, watch)

    def _at(self, seen: Seen, cell: int) -> np.ndarray:
        """Marks of a cell, whatever its channel."""
        marks = np.asarray(seen.mark)
        axis = self.geometry.map_axis
        return marks if axis is None or marks.shape[axis] == 1 else marks.take([cell], axis)

    def causes(self, size: int, cell: int) -> dict[int, Cause]:
        """Nodes that compute on a cell's crop what they do not compute on the image."""
        known: dict[int, np.ndarray] = {}

        def collect(node: gs.Node, trace: Trace) -> None:
            known.update((id(output), _marks(node, output, trace)) for output in node.outputs)

        self._run(size, watch=collect)
        behind, strange = upstream(self.output), set[int]()
        found: dict[int, Cause] = {}

        def compare(node: gs.Node, trace: Trace) -> None:
            new = {
                id(output)
                for output in node.outputs
                if not _all_among(_marks(node, output, trace), known[id(output)])
            }
            if new and id(node) in behind:
                spoilt = any(id(tensor) in strange for tensor in node.inputs)
                reason = self._reason(node, trace, spoilt=spoilt)
                if reason is not None:
                    found[id(node)] = Cause(node_name(node), node.op, reason)
            strange.update(new)

        self._run(self.geometry.original, self.geometry.crop(cell)[0], compare)
        return found

    def _reason(self, node: gs.Node, trace: Trace, *, spoilt: bool) -> Reason | None:
        if node_name(node) in self.geometry.whole:
            return Reason.WHOLE
        return own_reason(node, trace) or (None if spoilt else first_reason(node, trace))


def _marks(node: gs.Node, tensor: gs.Tensor, trace: Trace) -> np.ndarray:
    """All marks of a node's output, in order.

    None where it is known at every size, or nothing is known of it. What a node only puts beside
    one another is new where its neighbours are.
    """
    try:
        found = trace[tensor].mark if tensor.name and not trace.is_known(tensor) else None
    except UnknownError:
        found = None
    if found is None:
        return np.zeros(0, np.uint64)
    pairs = [found]
    if is_standard(node, *_SETS_BESIDE):
        longer = [axis for axis, extent in enumerate(found.shape) if extent > 1]
        pairs = [_neighbours(found, axis) for axis in longer] or pairs
    return np.sort(np.concatenate([part.ravel() for part in pairs]))


def _all_among(marks: np.ndarray, known: np.ndarray) -> bool:
    """Whether all marks are among others, which are in order."""
    if not (marks.size and known.size):
        return not marks.size
    # Not numpy.isin, and above not numpy.unique: they load the masked arrays of numpy.
    nearest = known.take(np.searchsorted(known, marks), mode="clip")
    return bool((nearest == marks).all())


def _neighbours(marks: np.ndarray, axis: int) -> np.ndarray:
    """A number for each two positions beside one another."""
    moved = np.moveaxis(marks, axis, 0)
    found: np.ndarray = moved[:-1] * np.uint64(3) + moved[1:]
    return found
