"""Tell the geometry of a map from the graph alone.

The graph is run on what positions see, at sizes at which borders are far apart, and what cells see
there gives strides and receptive fields. Sizes are counted on shapes alone.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import cache, cached_property
from itertools import pairwise
from math import ceil, lcm

import onnx_graphsurgeon as gs

from passes.result import node_name
from passes.use_def import is_standard

from .axis import AxisGeometry, Field
from .errors import DoesNotFitError, TornError, UnknownError
from .fit import Fit, Grid, fit
from .program import Program
from .remainders import depends_on_remainders
from .seen import Seen, Shape
from .strides import common_stride
from .trace import Trace, View, node_text

_GROWTHS = (2**7 * 3 * 5 * 7 * 11, 2**7 * 3 * 5 * 7 * 13 * 17)
"""Pixels: multiples of the strides that networks have. The first is tried first, since ratios in
float32 are exact to some millions only."""
_LARGEST = 1 << 20
"""Pixels, of strides along a path; more are not tried."""
_LONGEST_PERIOD = 1 << 10
_SHORTEST, _LONGEST = 1 << 7, 1 << 15
"""Pixels beyond the original size of the long images to look at."""
_PERIODS = 12
"""Periods that they have, at least."""
_SIZES = 3
"""Place of a Resize's operand ``sizes``."""
_BORDERS = 3
"""Images must be so many times as long as the widest field, for cells to see no border."""


class AxisAnalysis:
    """Runs of a program with images of several sizes along one axis.

    Attributes:
        program: the program.
        axis: the axis, 0 for the first spatial one.
        original: the original size along it in pixels.
        traced: gives what positions see at an image size in pixels.
        counted: gives the shapes of tensors at an image size; ``None`` where the model does not
            take it.
    """

    def __init__(self, program: Program, axis: int) -> None:
        self.program, self.axis, self.original = program, axis, program.sizes[axis]
        self.traced = cache(self._traced)
        self.counted = cache(self._counted)

    def _traced(self, size: int) -> Trace:
        return Trace(self.program, View(self.axis, size - self.original))

    def _counted(self, size: int) -> Trace | None:
        try:
            return Trace(self.program, View(self.axis, size - self.original, None))
        except DoesNotFitError:
            return None

    @cached_property
    def period(self) -> int:
        """Pixels after which all extents repeat.

        Raises:
            UnknownError: none that is short enough was found.
            DoesNotFitError: the model takes images of its original size only.
        """
        strides = common_stride(self.program)
        # Where they are very large, upsampling may make up for them: the usual growths may do.
        growths = [lcm(growth, strides if strides <= _LARGEST else 1) for growth in _GROWTHS]
        if all(self.counted(self.original + growth) is None for growth in growths):
            Trace(self.program, View(self.axis, growths[0], None))
        for growth in growths:
            small, large = (self.counted(self.original + times * growth) for times in (1, 2))
            if small is not None and large is not None:
                found = _common_period(small.shapes, large.shapes, growth)
                if found <= _LONGEST_PERIOD:
                    return found
        raise UnknownError(
            f"no growth of the image by up to {_LONGEST_PERIOD} pixels was found after which all"
            " maps have grown by whole cells"
        )

    def long(self, output: gs.Tensor) -> int:
        """A size at which borders are far apart, some periods beyond the original one.

        Args:
            output: the output whose cells shall see no border, or only one.

        Raises:
            TornError: fields grow with the image.
            UnknownError: its fields are too wide, or there is no period.
            DoesNotFitError: the model takes no such images.
        """
        more = shortest = max(3 * self.original, _PERIODS * self.period, _SHORTEST)
        widths: list[int] = []
        while more <= max(_LONGEST, shortest):
            size = self.original + ceil(more / self.period) * self.period
            seen = self.traced(size)[output]
            if not self._is_wide(seen, size):
                return size
            widths.append(seen.widest)
            more *= 2
        node = self._widening(size, output)
        # Images are twice as large each time. Fields that slide are as wide as before.
        if len(widths) > 1 and all(3 * a <= 2 * b for a, b in pairwise(widths)):
            raise TornError(node_name(node), node.op)
        raise UnknownError(f"its positions see {size // _BORDERS} pixels or more", node_text(node))

    def _is_wide(self, seen: Seen, size: int) -> bool:
        return seen.widest * _BORDERS > size

    def _widening(self, size: int, output: gs.Tensor) -> gs.Node:
        """The node through which the positions of an output see very much at a size."""
        wide = set[int]()

        def collect(node: gs.Node, trace: Trace) -> None:
            for tensor in node.outputs:
                with suppress(UnknownError):
                    if not trace.is_known(tensor) and self._is_wide(trace[tensor], size):
                        wide.add(id(tensor))

        Trace(self.program, View(self.axis, size - self.original), collect)
        (node,) = output.inputs
        while sources := [t for t in node.inputs if id(t) in wide]:
            (node,) = sources[0].inputs
        return node

    def smallest(self) -> int:
        """The smallest size that the model takes, by whole periods, then by pixels."""
        size = self.original
        for step in (self.period, 1):
            low, high = 0, (size - 1) // step
            while low < high:
                middle = (low + high + 1) // 2
                low, high = (
                    (middle, high) if self.counted(size - middle * step) else (low, middle - 1)
                )
            size -= low * step
        return size


def _common_period(small: Mapping[int, Shape], large: Mapping[int, Shape], growth: int) -> int:
    """Pixels after which the extents of all tensors have grown by whole numbers.

    Args:
        small: shapes of tensors, by ``id`` of the tensor.
        large: their shapes for images that are ``growth`` pixels larger.
        growth: a multiple of every stride.
    """
    found = 1
    for tensor in small.keys() & large.keys():
        for before, after in zip(small[tensor], large[tensor], strict=True):
            found = lcm(found, Fraction(after - before, growth).denominator)
    return found


def axis_geometry(analysis: AxisAnalysis, output: gs.Tensor) -> AxisGeometry:
    """Geometry of an output along one axis.

    Raises:
        UnknownError: it cannot be told; says because of which node.
        DoesNotFitError: the model takes images of its original size only.
    """
    period, long = analysis.period, analysis.long(output)
    map_axis = _map_axis(analysis, output, (long, long + period))
    cells = [_cells(analysis, output, map_axis, analysis.original + i) for i in range(period)]
    accepted = [i for i, count in enumerate(cells) if count is not None]
    grid = Grid(period, _period_cells(analysis, output, map_axis, cells), map_axis)
    fits = _fits(analysis, output, grid, long, accepted)
    return AxisGeometry(
        original=analysis.original,
        map_axis=map_axis,
        period=period,
        period_cells=grid.period_cells,
        cells=tuple(cells),
        smallest=analysis.smallest(),
        fields=_fields(fits, period),
        near=max((fit.near for fit in fits.values() if fit.near is not None), default=None),
        far=max((fit.far for fit in fits.values() if fit.far is not None), default=None),
        is_tight=all(fit.is_tight for fit in fits.values())
        and not any(map(_reads_a_bound, analysis.program.nodes)),
        whole=tuple(sorted(analysis.traced(long)[output].whole)),
    )


def _map_axis(analysis: AxisAnalysis, output: gs.Tensor, sizes: tuple[int, int]) -> int | None:
    """The axis of an output that grows with the image."""
    small, large = (analysis.traced(size)[output].shape for size in sizes)
    growing = [axis for axis, pair in enumerate(zip(small, large, strict=True)) if len({*pair}) > 1]
    if len(growing) > 1:
        raise UnknownError("it has not one axis for each axis of the image")
    return growing[0] if growing else None


def _cells(
    analysis: AxisAnalysis, output: gs.Tensor, map_axis: int | None, size: int
) -> int | None:
    counted = analysis.counted(size)
    if counted is None:
        return None
    return 1 if map_axis is None else counted[output].shape[map_axis]


def _period_cells(
    analysis: AxisAnalysis, output: gs.Tensor, map_axis: int | None, cells: Sequence[int | None]
) -> int:
    """Cells more for each period."""
    rests = {0, len(cells) // 3, len(cells) // 2, len(cells) - 1}
    first = analysis.original + len(cells)
    grown = {rest: _cells(analysis, output, map_axis, first + rest) for rest in rests}
    pairs = [(cells[rest], after) for rest, after in grown.items()]
    steps = {after - own for own, after in pairs if own is not None and after is not None}
    if len(steps) != 1 or any((own is None) != (after is None) for own, after in pairs):
        raise UnknownError("it does not grow in steps with the image")
    return steps.pop()


def _fits(
    analysis: AxisAnalysis, output: gs.Tensor, grid: Grid, long: int, accepted: Sequence[int]
) -> dict[int, Fit]:
    """Fits at sizes that leave different remainders; one alone where all are the same."""

    def fitted(rest: int) -> Fit:
        return fit(analysis.traced(long + rest)[output], grid, long + rest)

    last = accepted[-1]
    sample = {rest: fitted(rest) for rest in {0, accepted[len(accepted) // 2], last}}
    depends = depends_on_remainders(analysis.program)
    if not depends and len({found.field for found in sample.values()}) == 1:
        return sample
    return {rest: fitted(rest) for rest in accepted}


def _reads_a_bound(node: gs.Node) -> bool:
    """Whether a node may read less than is told: by filters, or at places that the size moves."""
    sizes = is_standard(node, "Resize") and len(node.inputs) > _SIZES
    moves = sizes or node.attrs.get("coordinate_transformation_mode") == "align_corners"
    return moves or bool(node.attrs.get("antialias", 0))


def _fields(fits: dict[int, Fit], period: int) -> tuple[Field, ...]:
    each = [fits.get(rest, fits[0]).field for rest in range(period)]
    known = tuple(field for field in each if field is not None)
    if len(known) < period:
        return ()
    return known[:1] if len({*known}) == 1 else known
