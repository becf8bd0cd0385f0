"""The windows of a map as one axis of features, which a matrix product can read."""

from itertools import product

import onnx_graphsurgeon as gs

from .builder import Sequel
from .convolution import Convolution
from .same_pads import same_padded


def windows(
    sequel: Sequel, data: gs.Tensor, convolution: Convolution, *, channels_last: bool
) -> gs.Tensor:
    """Every window of a map.

    A cell of the kernel sees the map less what lies before it and behind it: a slice with a
    constant start and an end counted from the end of the axis, at any size of the map. With
    ``L = H + p0 + p1 - d * (k - 1)`` positions it has ``ceil(L / s)`` cells, which is the number
    of windows, ``floor((L - 1) / s) + 1``.

    Args:
        sequel: puts the nodes in place.
        data: the map, ``[N, *s, C]`` or ``[N, C, *s]``.
        convolution: what reads the windows.
        channels_last: whether the map is ``[N, *s, C]``.

    Returns:
        ``[N, *o, cells * C]``, for several groups ``[N, groups, *o, cells * C / groups]``: for each
        cell of the kernel in row-major order its channels.
    """
    first = 1 if channels_last else 2
    # ONNX Runtime moves a Pad into the pool right behind it, where it does not fit: a Slice that
    # takes off a zero too many keeps the two apart.
    spare = int(not channels_last and convolution.is_padded and convolution.cells == 1)
    data = _padded(sequel, data, convolution, first, spare)
    axes = range(first, first + convolution.rank)
    parts = []
    for cell in product(*(range(axis.size) for axis in convolution.axes)):
        placed = list(zip(cell, convolution.axes, strict=True))
        starts = [at * axis.dilation for at, axis in placed]
        behind = [(axis.size - 1 - at) * axis.dilation + spare for at, axis in placed]
        ends = [-left if left else None for left in behind]
        if any(starts) or any(behind) or convolution.is_strided:
            parts.append(sequel.sliced(data, axes, starts, ends, convolution.strides))
        else:
            parts.append(data)
    if channels_last:
        stretched = sequel.concatenated(parts, 1 + convolution.rank)
    else:
        stretched = sequel.transposed(
            sequel.concatenated(parts, 1), to_channels_last(convolution.rank)
        )
    return stretched if convolution.groups == 1 else _by_group(sequel, stretched, convolution)


def to_channels_last(rank: int) -> list[int]:
    """The permutation from ``[N, C, *s]`` to ``[N, *s, C]``."""
    return [0, *range(2, 2 + rank), 1]


def to_channels_first(rank: int) -> list[int]:
    """The permutation from ``[N, *s, C]`` to ``[N, C, *s]``."""
    return [0, 1 + rank, *range(1, 1 + rank)]


def groups_joined(sequel: Sequel, data: gs.Tensor, convolution: Convolution) -> gs.Tensor:
    """``[N, *o, f]`` of ``[N, groups, *o, f / groups]``."""
    rank = convolution.rank
    moved = sequel.transposed(data, [0, *range(2, 2 + rank), 1, 2 + rank])
    return sequel.reshaped(moved, [0] * (1 + rank) + [convolution.filters])


def _by_group(sequel: Sequel, stretched: gs.Tensor, convolution: Convolution) -> gs.Tensor:
    """``[N, groups, *o, cells * channels]`` of ``[N, *o, cells * groups * channels]``."""
    rank, groups, channels = convolution.rank, convolution.groups, convolution.channels
    apart = sequel.reshaped(stretched, [0] * (1 + rank) + [-1, groups, channels])
    cells, group = 1 + rank, 2 + rank
    moved = sequel.transposed(apart, [0, group, *range(1, 1 + rank), cells, group + 1])
    return sequel.reshaped(moved, [0] * (2 + rank) + [convolution.features])


def _padded(
    sequel: Sequel, data: gs.Tensor, convolution: Convolution, first: int, spare: int
) -> gs.Tensor:
    """The map with the zeros that the convolution sees around it, and some spare ones behind."""
    if not convolution.is_padded:
        return data
    if convolution.pads is None:
        return same_padded(sequel, data, convolution, first)
    before, behind = [0] * first, [0] * (2 - first)
    begins, ends = ([pad[side] for pad in convolution.pads] for side in (0, 1))
    ends = [end + spare for end in ends]
    return sequel.padded(data, [*before, *begins, *behind, *before, *ends, *behind])
