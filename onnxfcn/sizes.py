"""Image sizes to validate at."""

from collections.abc import Callable, Sequence

Size = tuple[int, ...]
"""Extents of an image or of a map, an axis each: height and width, say."""


def stride_of(map_size: Callable[[Size], Size | None], original: Size) -> Size:
    """Image pixels from one cell to the next, an axis each, told from how fast the map grows.

    Args:
        map_size: cells of the map for an image size; ``None`` where the trunk cannot take it.
        original: the image size that the model was made for.

    Returns:
        Pixels an axis, at least 1; an estimate where the map does not grow evenly.
    """
    # A multiple of most strides that networks have, so that the quotient is exact.
    growth = 2520 * 16
    small, large = map_size(original), map_size(tuple(extent + growth for extent in original))
    if small is None or large is None:
        return (1,) * len(original)
    return tuple(
        max(1, round(growth / (wide - narrow))) if wide > narrow else 1
        for narrow, wide in zip(small, large, strict=True)
    )


def default_sizes(
    map_size: Callable[[Size], Size | None], original: Size, steps: Sequence[int]
) -> tuple[list[Size], list[str]]:
    """Two larger sizes, not square; the second no multiple of the stride beyond the original.

    Args:
        map_size: windows of the feature map for an image size, every one of them; ``None`` where
            the trunk cannot take it.
        original: the image size that the model was made for.
        steps: cells of the feature map from one window to the next, an axis each.

    Returns:
        The sizes, and a note where the trunk takes only sizes in steps of its stride.
    """
    pitch = stride_of(map_size, original)
    # Cells beyond the first map: what is left over behind the last window must be as much as can
    # be, or a wrong pad or step would not show in the map's size.
    aligned = _not_square(
        original, pitch, [_cells(step, 2 + axis) for axis, step in enumerate(steps)]
    )
    odd = _not_square(
        original, pitch, [_cells(step, 1 + (axis == 0)) for axis, step in enumerate(steps)]
    )
    shifts = [max(1, extent // 3) for extent in pitch]
    shifted = tuple(extent + shift for extent, shift in zip(odd, shifts, strict=True))
    if map_size(shifted) is not None:
        return [aligned, shifted], []
    note = (
        f"images of {size_text(shifted)} do not go through the trunk: take sizes that differ from"
        f" {size_text(original)} by multiples of {size_text(tuple(pitch))}"
    )
    return [aligned, odd], [note]


def _cells(step: int, more: int) -> int:
    """Cells to add for ``more`` windows, one fewer where windows are skipped: maps grow large."""
    return more if step == 1 else step * max(1, more - 1) + step - 1


def size_text(size: Size) -> str:
    """``288x320`` for (288, 320)."""
    return "x".join(map(str, size))


def _not_square(original: Size, pitch: Sequence[int], cells: Sequence[int]) -> Size:
    """The original size and some more cells an axis, one more where the axes would be equal."""
    size = tuple(o + p * c for o, p, c in zip(original, pitch, cells, strict=True))
    if len(size) > 1 and len(set(size)) == 1:
        return (size[0] + pitch[0], *size[1:])
    return size
