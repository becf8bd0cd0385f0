"""Extents of images and of maps, and image sizes to validate at."""

from collections.abc import Sequence

from passes.shapes import Dim

Size = tuple[int, ...]
"""Extents of an image or of a map, an axis each: height and width, say."""


def known_size(shape: Sequence[Dim] | None) -> Size | None:
    """A shape whose extents are all known; ``None`` for any other."""
    known = tuple(extent for extent in shape or () if isinstance(extent, int))
    return known if shape is not None and len(known) == len(shape) else None


def larger_sizes(
    original: Size, pitch: Sequence[int], steps: Sequence[int]
) -> tuple[Size, Size, Size]:
    """Larger sizes, not square.

    Args:
        original: the image size that the model was made for.
        pitch: pixels from one cell of the coarsest map to the next, an axis each.
        steps: cells of the feature map from one window to the next, an axis each.

    Returns:
        One size that is whole cells larger, one that is not, and one that is again, for trunks
        that cannot take the second.
    """
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
    return aligned, shifted, odd


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
