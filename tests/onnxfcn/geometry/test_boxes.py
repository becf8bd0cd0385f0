"""Boxes, crops and cells: what a cell saw, what it stands for, and who saw some pixels."""

from itertools import product

import numpy as np
import pytest

from onnxfcn import UsageError
from onnxfcn.geometry import Box, Geometry, SizeNotAcceptedError, analyse
from tests.onnxfcn.small_nets import small_net

V = {"w": (2, 2, 3, 3), "k": (1, 2, 2, 2)}


def geometry(body: str, size: tuple[int, ...], **constants: list[int]) -> Geometry:
    weights = {"w": (2, 2, *[3] * len(size)), "k": (1, 2, *[2] * len(size))}
    case = small_net(body, size, weights=weights, constants=constants)
    return analyse(case.model, original_size=size)["answer"]


PADDED = "t = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (image, w) answer = Conv (t, k)"


def test_a_box_is_clipped_to_the_image_of_a_size() -> None:
    # Cell 0 sees two windows of three pixels, two apart, from one pixel before the image on.
    found = geometry(PADDED, (4, 3))
    assert found.stride == (2, 2)
    assert found.receptive_field == (5, 5)
    assert found.offset == (-1, -1)
    assert found.box(0, 2) == Box((-1, 3), (4, 8))
    assert found.box(0, 2, size=(4, 7)) == Box((0, 3), (4, 7))
    assert found.box(0, 2, size=(4, 7)).slices == (slice(0, 4), slice(3, 7))


def test_a_crop_begins_at_the_cell_times_the_stride() -> None:
    found = geometry(PADDED, (4, 3))
    assert found.crop(0, 0) == Box((0, 0), (4, 3))
    assert found.crop(3, 2) == Box((6, 4), (10, 7))


def test_crops_of_fractions_are_rounded_down() -> None:
    case = small_net(
        "t = ConvTranspose <strides = [2], kernel_shape = [2]> (image, w) answer = Conv (t, k)",
        [2],
        weights={"w": (2, 2, 2), "k": (1, 2, 4)},
    )
    found = analyse(case.model, original_size=[2])["answer"]
    assert [found.crop(cell).start for cell in range(4)] == [(0,), (0,), (1,), (1,)]


@pytest.mark.parametrize(
    "body",
    [
        PADDED,
        "t = Conv (image, w) answer = MaxPool <kernel_shape = [3, 3], strides = [3, 3]> (t)",
        'p = Pad <mode = "reflect"> (image, pads) t = Conv (p, w) answer = Conv (t, k)',
        'p = Pad <mode = "edge"> (image, pads) t = Conv <strides = [2, 2]> (p, w)'
        " answer = Conv (t, k)",
        "c = Slice (image, start, end, axes) t = Conv <pads = [1, 1, 1, 1]> (c, w)"
        " answer = Conv (t, k)",
        "g = GlobalMaxPool (image) t = Add (image, g) answer = Conv (t, k)",
        "t = ReduceMean (image, last) u = Add (t, image) answer = Conv (u, k)",
        "t = DepthToSpace <blocksize = 1> (image) answer = Conv (t, k)",
    ],
)
def test_cells_that_saw_a_box_are_those_whose_boxes_meet_it(body: str) -> None:
    found = geometry(
        body,
        (7, 8),
        pads=[0, 0, 2, 2, 0, 0, 2, 2],
        start=[1, 2],
        end=[-1, -2],
        axes=[2, 3],
        last=[3],
    )
    size = (13, 12)
    rows, columns = found.map_size(*size)
    for top, left in product(range(0, 13, 2), range(0, 12, 3)):
        box = Box((top, left), (min(13, top + 2), min(12, left + 1)))
        seeing = [
            cell
            for cell in product(range(rows), range(columns))
            if _meet(found.box(*cell, size=size), box)
        ]
        cells = found.cells(box, size)
        if not seeing:
            assert any(np.equal(cells.start, cells.stop))
            continue
        assert cells.start == tuple(map(min, zip(*seeing, strict=True)))
        assert cells.stop == tuple(max(column) + 1 for column in zip(*seeing, strict=True))


@pytest.mark.parametrize("box", [Box((2, 2), (2, 2)), Box((3, 3), (1, 1)), Box((0, 2), (4, 2))])
def test_a_box_without_pixels_was_seen_by_no_cell(box: Box) -> None:
    cells = geometry(PADDED, (4, 3)).cells(box, (4, 3))
    assert any(np.equal(cells.start, cells.stop))


def _meet(left: Box, right: Box) -> bool:
    ends = zip(left.start, left.stop, right.start, right.stop, strict=True)
    return all(a < d and c < b for a, b, c, d in ends)


def test_reflected_margins_make_border_cells_see_farther() -> None:
    # A margin of two reads pixels 2 and 1 in place of -2 and -1.
    found = geometry(
        'p = Pad <mode = "reflect"> (image, pads) t = Conv (p, w) answer = Identity (t)',
        (6,), pads=[0, 0, 2, 0, 0, 2],
    )  # fmt: skip
    assert found.receptive_field == (3,)
    assert [found.box(cell, size=(6,)) for cell in (0, 2, 3, 7)] == [
        Box((0,), (3,)), Box((0,), (3,)), Box((1,), (4,)), Box((3,), (6,)),
    ]  # fmt: skip


def test_a_cell_or_a_size_of_another_rank_is_an_error() -> None:
    found = geometry(PADDED, (4, 3))
    for wrong in (found.box, found.crop, found.map_size):
        with pytest.raises(UsageError, match=r"is one whole number for each of 2 axes, not 1$"):
            wrong(1)
    with pytest.raises(UsageError, match=r"each of 2 axes, not \(40, 44\) in one argument$"):
        found.map_size((40, 44))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="an image size is one whole number"):
        found.box(0, 0, size=(40,))
    with pytest.raises(UsageError, match="a corner of a box is one whole number"):
        found.cells(Box((0,), (1,)), (40, 44))


def test_a_cell_that_is_not_on_the_map_is_an_error() -> None:
    found = geometry(PADDED, (4, 3))
    rows, columns = found.map_size(9, 8)
    assert found.box(rows - 1, columns - 1, size=(9, 8)).stop == (9, 8)
    for cell in ((rows, 0), (0, columns)):
        with pytest.raises(UsageError, match=f"an image of 9x8 has {rows}x{columns} cells"):
            found.box(*cell, size=(9, 8))
    for wrong in (found.box, found.crop):
        with pytest.raises(UsageError, match=r"no cell \(-1, 0\): cells are counted from 0"):
            wrong(-1, 0)
    with pytest.raises(SizeNotAcceptedError, match="no images of 2x2"):
        found.box(0, 0, size=(2, 2))


def test_cells_of_an_image_that_is_too_small_are_an_error() -> None:
    found = geometry(PADDED, (4, 3))
    assert found.smallest == (3, 3)
    with pytest.raises(SizeNotAcceptedError, match="no images of 4x2: take 3x3 or more"):
        found.cells(Box((0, 0), (1, 1)), (4, 2))
