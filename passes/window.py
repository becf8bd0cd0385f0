"""One window of a map, and what is known of the place of each of its elements."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import onnx_graphsurgeon as gs

from .bounded import LARGEST_VALUE
from .images import Roles
from .result import RefusalCode, refuse
from .tokens import Tokens
from .use_def import producer


@dataclass(frozen=True)
class Window:
    """One window of a map, as a view chain has arranged it so far.

    Attributes:
        feature_map: name of the feature map in the original graph.
        source: the tensor that holds it: itself, or what elementwise operators made of it.
        roles: the roles of the source's axes.
        samples: the original ``N``, two where it is symbolic.
        channels: ``C``.
        extents: the window, an axis each: all of the map at the original input size.
        order: int64, the shape of the tensor without its batch axis: for every element of one
            sample, its place in ``[C, *extents]`` flattened in row-major order.
        scale: float64 factor of every element, the shape of ``order``; ``None`` for 1.
        shift: float64 summand of every element, after the factor; ``None`` for 0.
        tokens: where the source's positions are one axis, the map that it is; the roles are of
            that. ``None`` for a source that is a map.
        origin: what the window is one cell of, where it is not cut from a feature map.
        pooled: extents that pools along some of the axes have taken together before, an axis
            each, 0 where none has: ``extents`` is 1 there, and the pool has slid already; empty
            where no pool came before.
        map_roles: the roles of the feature map's own axes, where the source's are others.
    """

    feature_map: str
    source: gs.Tensor
    roles: Roles
    samples: int
    channels: int
    extents: tuple[int, ...]
    order: np.ndarray
    scale: np.ndarray | None = None
    shift: np.ndarray | None = None
    tokens: Tokens | None = None
    origin: object = None
    pooled: tuple[int, ...] = ()
    map_roles: Roles = ()

    @property
    def size(self) -> int:
        """Elements of one sample."""
        return self.channels * prod(self.extents)

    @property
    def is_cell(self) -> bool:
        """Whether it has a single position."""
        return self.size == self.channels

    @property
    def is_whole(self) -> bool:
        """Whether all of its elements are there, in the order of ``[C, *extents]``."""
        return np.array_equal(self.order.ravel(), np.arange(self.size))

    @property
    def spans(self) -> tuple[int, ...]:
        """The window's extents on the feature map itself, whatever pools have taken together."""
        pooled = self.pooled or (0,) * len(self.extents)
        return tuple(own or left for own, left in zip(pooled, self.extents, strict=True))

    def strides(self, step: Sequence[int]) -> list[int]:
        """What a kernel over the window strides by, where cells are ``step`` windows apart."""
        pooled = self.pooled or (0,) * len(self.extents)
        return [1 if own else by for own, by in zip(pooled, step, strict=True)]

    @property
    def is_affine(self) -> bool:
        """Whether elements are scaled or shifted, to be folded into the next dense layer."""
        return self.scale is not None or self.shift is not None


def whole_map(source: gs.Tensor, shape: tuple[int, ...], roles: Roles, samples: int) -> Window:
    """The window that a map is at the original size.

    Args:
        source: the map.
        shape: its shape without the batch axis, in the order of its own axes.
        roles: the roles of its axes; the batch comes first, channels may be missing.
        samples: its number of samples.

    Raises:
        Refused: it is empty, or too large to number its elements.
    """
    axes = sorted(range(len(shape)), key=lambda axis: roles[axis + 1])
    ordered = [shape[axis] for axis in axes]
    if not 0 < prod(shape) * samples <= LARGEST_VALUE:
        raise refuse(
            RefusalCode.MAP_SIZE,
            producer(source),
            expected=f"1 to {LARGEST_VALUE} elements",
            found=f"{samples} samples of {list(shape)} in '{source.name}'",
        )
    numbers = np.arange(prod(shape), dtype=np.int64).reshape(ordered)
    channels = ordered.pop(0) if 1 in roles else 1
    return Window(
        feature_map=source.name,
        source=source,
        roles=roles,
        samples=samples,
        channels=channels,
        extents=tuple(ordered),
        order=numbers.transpose(np.argsort(axes)),
    )


@dataclass(frozen=True)
class Scattered:
    """A tensor that has no axis of samples for now: a later view may restore it.

    Attributes:
        numbers: int64, the element numbers of all samples, as the views have arranged them; those
            of sample ``n`` are the window's places plus ``n`` times its size.
        window: the window that the elements belong to.
        node: the view that took the samples together.
    """

    numbers: np.ndarray
    window: Window
    node: gs.Node


def numbered(window: Window) -> np.ndarray:
    """Numbers for the elements of all samples of a window, int64 ``[N, *order]``."""
    batch = window.samples
    offsets = np.arange(batch, dtype=np.int64) * window.size
    return window.order + offsets.reshape(-1, *[1] * window.order.ndim)


def one_sample(numbers: np.ndarray, window: Window) -> np.ndarray | None:
    """Places in the window of one sample's elements, ``None`` where samples are not apart."""
    batch = window.samples
    if numbers.ndim == 0 or numbers.shape[0] != batch:
        return None
    offsets = np.arange(batch, dtype=np.int64) * window.size
    apart = numbers - numbers[:1] == offsets.reshape(-1, *[1] * (numbers.ndim - 1))
    own = np.all((numbers[0] >= 0) & (numbers[0] < window.size))
    return np.asarray(numbers[0]) if np.all(apart) and own else None


def reduced(window: Window, axes: Sequence[int], *, keeps: bool) -> Window | None:
    """The window behind a reduction of all of its positions along some spatial axes.

    Args:
        window: a window; its factors and summands stay behind.
        axes: axes of its tensor that are reduced, not negative, the batch being axis 0.
        keeps: whether they stay, with extent 1.

    Returns:
        The window in the reduced map, whose axes stand as ``[N, C, *s]``, with ``source`` still
        that of ``window``; ``None`` where the axes hold anything else than all positions along
        some spatial axes. Where they hold one element each, the window in the map as it was.
    """
    inner = [axis - 1 for axis in axes]
    if not axes or 0 in axes or max(inner) >= window.order.ndim:
        return None
    kept = [axis for axis in range(window.order.ndim) if axis not in inner]
    left = [window.order.shape[axis] for axis in kept]
    rows = window.order.transpose([*kept, *inner]).reshape(prod(left), -1)
    places = np.unravel_index(rows, (window.channels, *window.extents))
    along = [bool((place != place[:, :1]).any()) for place in places]
    extents = tuple(1 if gone else e for e, gone in zip(window.extents, along[1:], strict=True))
    taken = window.size // (window.channels * prod(extents))
    # As many different elements of a row as there are positions are all of them.
    apart = np.diff(np.sort(rows, axis=1), axis=1).all()
    if along[0] or rows.shape[1] != taken or not apart:
        return None
    first = [place[:, 0] * (not gone) for place, gone in zip(places, along, strict=True)]
    order = np.ravel_multi_index(first, (window.channels, *extents))
    if keeps:
        left = [1 if axis in inner else e for axis, e in enumerate(window.order.shape)]
    before = window.pooled or (0,) * len(extents)
    pooled = zip(before, window.extents, along[1:], strict=True)
    return replace(
        window,
        roles=tuple(range(2 + len(extents))) if any(along) else window.roles,
        tokens=None if any(along) else window.tokens,
        extents=extents,
        order=order.reshape(left).astype(np.int64),
        scale=None,
        shift=None,
        pooled=tuple(extent if gone else own for own, extent, gone in pooled),
        map_roles=window.map_roles or window.roles,
    )


def at_positions(window: Window, units: int) -> Window | None:
    """The window behind a layer that mixes the channels of every position, on the last axis.

    Args:
        window: a window; its factors and summands stay behind.
        units: channels that the layer makes.

    Returns:
        The window in the map ``[N, units, *s]`` that the layer makes, with ``source`` still that
        of ``window``; ``None`` where the last axis holds anything else than all channels of one
        position, in their order.
    """
    positions = prod(window.extents)
    order = window.order
    if order.ndim < 2 or order.shape[-1] != window.channels:
        return None
    first = order[..., :1]
    every = np.arange(window.channels) * positions
    if first.max() >= positions or not np.array_equal(order, first + every):
        return None
    return replace(
        window,
        roles=tuple(range(2 + len(window.extents))),
        tokens=None,
        channels=units,
        order=first + np.arange(units, dtype=np.int64) * positions,
        scale=None,
        shift=None,
        map_roles=window.map_roles or window.roles,
    )
