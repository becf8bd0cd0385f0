"""Random trunks that can be written at two image sizes."""

from collections.abc import Sequence

from hypothesis import strategies as st

from .builder import TrunkBuilder, Value
from .elements import ELEMENTS, available, load_families
from .recipe import Recipe
from .targets import map_positions, view

load_families()

_EXTENTS = {1: [8, 16, 12, 9, 6], 2: [8, 4, 6, 16, 12, 7, 9, 5, 10], 3: [4, 8, 6, 5]}
_ALIGNED = 8
"""The larger size lies multiples of this above, so that strides and splits still fit."""

_LAST_OPSET = 21
_LARGEST_FEATURES = 32


@st.composite
def trunks(draw: st.DrawFn) -> Recipe:
    """A trunk of one to six elements, one of them drawn evenly from all."""
    featured = draw(st.sampled_from([e for e in ELEMENTS.values() for _ in range(e.share)]))
    rank = draw(st.sampled_from([r for r in (2, 2, 2, 1, 3) if r in featured.ranks]))
    b = TrunkBuilder(
        draw,
        opset=draw(st.integers(featured.since, min(featured.until, _LAST_OPSET))),
        batch=draw(st.sampled_from([None, 1, 2, 4])),
        sizes=draw(_sizes(rank)),
    )
    channels_last = b.chance(5)
    value = _start(b, channels_last)
    options = available(b.opset, rank)
    entries = [b.pick(options) for _ in range(b.integer(0, 5))]
    entries.insert(b.integer(0, min(2, len(entries))), featured)
    outputs: list[Value] = []
    for entry in entries:
        b.seen.append(value)
        b.element = entry.label
        kept = len(b.labels), len(b.nodes), len(b.initializers)
        after = entry.write(b, value)
        if after is None or not b.fits(after.shape):
            _take_back(b, kept)
            continue
        b.labels.append(entry.label)
        value = after
        if value.shape[0] > _LARGEST_FEATURES:
            value = b.conv1x1(value, 4)
        if b.chance(12):
            outputs.append(value)
    value = _end(b, value)
    return _recipe(b, [*(v for v in outputs if v != value), value], channels_last)


@st.composite
def _sizes(draw: st.DrawFn, rank: int) -> list[tuple[int, ...]]:
    """The model's own image size, and a larger one with another ratio of its sides."""
    first = draw(st.sampled_from(_EXTENTS[rank]))
    square = draw(st.booleans())
    own = [
        first,
        *(first if square else draw(st.sampled_from(_EXTENTS[rank])) for _ in range(rank - 1)),
    ]
    rest = draw(st.sampled_from([0, 0, 1])) * draw(st.integers(1, _ALIGNED - 1))
    larger = [extent + _ALIGNED + rest * (axis == 0) for axis, extent in enumerate(own)]
    axis = draw(st.integers(0, rank - 1))
    larger[axis] += _ALIGNED if rank < 3 else 0
    if rank > 1 and len(set(larger)) == 1:
        larger[axis] += _ALIGNED
    return [tuple(own), tuple(larger)]


def _start(b: TrunkBuilder, channels_last: bool) -> Value:
    """The image, perhaps normalised, and a first convolution or pool."""
    channels = b.pick([3, 1, 2, 4, int(b.extents[0])])
    extents = b.extents
    b.image = Value("image", (*extents, channels) if channels_last else (channels, *extents))
    value = b.image
    if b.chance(4):
        ones = [] if channels_last else [1] * len(extents)
        value = b.add("Sub", [value, b.uniform([channels, *ones], 0.3, 0.6)], value.shape)
        value = b.add("Div", [value, b.uniform([channels, *ones], 0.2, 0.4)], value.shape)
    if channels_last:
        value = b.transpose(value, [0, value.rank - 1, *range(1, value.rank - 1)])
    b.element = "first layer"
    if b.chance():
        return b.conv1x1(value, b.channels(value))
    after = ELEMENTS["Conv"].write(b, value)
    return after or value


def _take_back(b: TrunkBuilder, kept: tuple[int, int, int]) -> None:
    """Forget an element that does not suit."""
    labels, nodes, initializers = kept
    del b.labels[labels:], b.nodes[nodes:], b.initializers[initializers:]


def _end(b: TrunkBuilder, value: Value) -> Value:
    """What the graph answers: the map, seldom in another view."""
    b.element = "output"
    kind = b.pick(["map", "map", "map", "channels last", "positions", "vector"])
    if kind == "channels last":
        value = b.transpose(value, [0, *range(2, value.rank), 1])
    elif kind == "positions":
        merged = view(b, value, (value.shape[0], map_positions(value)), like=value)
        value = b.transpose(merged, [0, 2, 1])
    elif kind == "vector":
        pooled = b.add("GlobalAveragePool", [value], (value.shape[0], *[1] * b.spatial_rank))
        value = b.add("Flatten", [pooled], value.shape[:1])
    b.labels.append(f"output: {kind}")
    return value


def _recipe(b: TrunkBuilder, outputs: Sequence[Value], channels_last: bool) -> Recipe:
    return Recipe(
        nodes=tuple(b.nodes),
        initializers=tuple(b.initializers),
        image=b.image,
        outputs=tuple(outputs),
        batch=b.batch,
        opset=b.opset,
        sizes=tuple(b.sizes),
        sized=dict(b.sized),
        sized_attributes=dict(b.sized_attributes),
        annotated=b.chance(4),
        labels=tuple(b.labels),
        channels_last=channels_last,
    )
