"""View chains that keep positions are followed; those that do not are not."""

import pytest

from onnxfcn.exactness import decide
from onnxfcn.geometry import GeometryUnknownError, analyse
from tests.onnxfcn.small_nets import small_net
from tests.random_geometry.examine import examine

EXTENTS = "h = Shape <start = 2> (t) "
HEAD = " answer = Conv (r, k)"
ROWS = {"row": [0], "column": [1], "two": [2]}

NETS = {
    "channel shuffle": (
        "a = Concat <axis = 0> (split, h) b = Reshape (t, a)"
        " c = Transpose <perm = [0, 2, 1, 3, 4]> (b)"
        " d = Concat <axis = 0> (joined, h) r = Reshape (c, d)",
        {"split": [1, 2, 2], "joined": [1, 4]}, 4, (1, 5),
    ),
    "channel shuffle by the batch": (
        "a = Concat <axis = 0> (split, h) b = Reshape (t, a)"
        " c = Transpose <perm = [0, 2, 1, 3, 4]> (b)"
        " d = Concat <axis = 0> (joined, h) r = Reshape (c, d)",
        {"split": [-1, 2, 2], "joined": [-1, 4]}, 4, (1, 5),
    ),
    "merged positions and back": (
        "b = Reshape (t, merged) c = Relu (b) d = Concat <axis = 0> (joined, h)"
        " r = Reshape (c, d)",
        {"merged": [0, 4, -1], "joined": [1, 4]}, 4, (1, 5),
    ),
    "a matrix at every merged position": (
        "a = Transpose <perm = [0, 2, 3, 1]> (t) b = Reshape (a, merged) c = Gemm (b, m)"
        " g = Concat <axis = 0> (one, h, four) d = Reshape (c, g)"
        " r = Transpose <perm = [0, 3, 1, 2]> (d)",
        {"merged": [-1, 4], "one": [1], "four": [4]}, 4, (1, 5),
    ),
    "flattened and back": (
        "b = Flatten <axis = 2> (t) d = Concat <axis = 0> (joined, h) r = Reshape (b, d)",
        {"joined": [1, 4]}, 4, (1, 5),
    ),
    "axes of extent 1 added and dropped": (
        "b = Unsqueeze (t, axis) c = Relu (b) r = Squeeze (c, axis)", {"axis": [2]}, 4, (1, 5)
    ),
    "transposed twice": (
        "b = Transpose <perm = [3, 0, 2, 1]> (t) c = Relu (b)"
        " r = Transpose <perm = [1, 3, 2, 0]> (c)",
        {}, 4, (1, 5),
    ),
    # 2x2 cells of the view become a cell: 2 * (4 - 1) + 1 + 1 pixels.
    "space to depth": (
        "e = Div (h, two) y = Gather (e, row) x = Gather (e, column)"
        " a = Concat <axis = 0> (split, y, two, x, two) b = Reshape (t, a)"
        " c = Transpose <perm = [0, 1, 3, 5, 2, 4]> (b)"
        " d = Concat <axis = 0> (joined, e) r = Reshape (c, d)",
        {"split": [1, 4], "joined": [1, 16]}, 16, (2, 5),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_views_keep_positions(name: str) -> None:
    view, constants, units, (stride, field) = NETS[name]
    extent = 4 if stride == 1 else 2
    size = [extent + 1] * 2 if stride == 1 else [5, 5]
    case = small_net(
        f"t = Conv (image, w) {EXTENTS} {view} {HEAD}",
        size,
        weights={"w": (4, 2, 2, 2), "k": (1, units, extent, extent), "m": (4, 4)},
        constants=ROWS | constants,
    )
    geometry = analyse(case.model, original_size=case.size)["answer"]
    assert geometry.stride == (stride, stride)
    assert geometry.receptive_field == (field, field)
    assert geometry.offset == (0, 0)
    assert geometry.is_tight
    assert not geometry.whole_image
    assert decide(case.model, original_size=case.size)["answer"].is_exact
    assert not examine(case).failed


def test_windows_of_attention_are_local() -> None:
    # 2x2 windows side by side; positions of one window look at one another alone.
    case = small_net(
        "h = Shape <start = 2> (image) e = Div (h, two) y = Gather (e, row) x = Gather (e, column)"
        " a = Concat <axis = 0> (split, y, two, x, two) f = Conv (image, first) b = Reshape (f, a)"
        " c = Transpose <perm = [0, 2, 4, 3, 5, 1]> (b) g = Reshape (c, windows)"
        " p = Transpose <perm = [0, 2, 1]> (g) q = MatMul (g, p) s = Softmax <axis = -1> (q)"
        " o = MatMul (s, g)"
        " n = Concat <axis = 0> (one, y, x, inner) i = Reshape (o, n)"
        " u = Transpose <perm = [0, 5, 1, 3, 2, 4]> (i)"
        " d = Concat <axis = 0> (joined, h) r = Reshape (u, d)"
        " answer = Conv <strides = [2, 2]> (r, k)",
        [2, 2],
        weights={"k": (1, 2, 2, 2), "first": (2, 2, 1, 1)},
        constants=ROWS
        | {
            "split": [1, 2],
            "windows": [-1, 4, 2],
            "one": [1],
            "inner": [2, 2, 2],
            "joined": [1, 2],
        },
    )
    geometry = analyse(case.model, original_size=case.size)["answer"]
    assert not geometry.whole_image
    assert geometry.stride == (2, 2)
    outcome = examine(case)
    assert outcome.kind == "exact", outcome


def test_a_view_that_cuts_an_axis_into_halves_may_look_anywhere() -> None:
    # Positions that lie half a map apart become neighbours.
    case = small_net(
        "t = Conv (image, w) g = Shape <start = 2> (t) e = Div (g, two)"
        " a = Concat <axis = 0> (split, e) b = Reshape (t, a)"
        " c = Transpose <perm = [0, 1, 3, 2]> (b) d = Concat <axis = 0> (joined, g)"
        " r = Reshape (c, d) answer = Conv (r, k)",
        [6],
        weights={"w": (2, 2, 1), "k": (1, 2, 6)},
        constants={"two": [2], "split": [0, 2, 2], "joined": [0, 2]},
    )
    with pytest.raises(GeometryUnknownError, match=r"answer \(Conv\): it reads places that"):
        decide(case.model, original_size=case.size)


def test_an_output_with_its_channels_last_has_its_axes_there() -> None:
    case = small_net(
        "t = Conv (image, w) answer = Transpose <perm = [0, 2, 1]> (t)",
        [6],
        weights={"w": (3, 2, 2)},
    )
    geometry = analyse(case.model, original_size=case.size)["answer"]
    assert [axis.map_axis for axis in geometry.axes] == [1]
    assert geometry.map_size(9) == (8,)


def test_merged_positions_of_an_output_have_no_geometry() -> None:
    case = small_net(
        "t = Conv (image, w) answer = Reshape (t, merged)",
        [4, 4],
        weights={"w": (2, 2, 1, 1)},
        constants={"merged": [0, 0, -1]},
    )
    with pytest.raises(GeometryUnknownError, match="one axis for several"):
        analyse(case.model, original_size=case.size)


def test_a_statistic_that_is_expanded_over_merged_positions_is_followed() -> None:
    case = small_net(
        "f = Conv (image, first) b = Reshape (f, merged) n = ReduceL2 (b, last)"
        " s = Shape (b) e = Expand (n, s)"
        " c = Div (b, e) h = Shape <start = 2> (image) d = Concat <axis = 0> (joined, h)"
        " r = Reshape (c, d) answer = Conv (r, k)",
        [2, 2],
        weights={"k": (1, 2, 2, 2), "first": (2, 2, 1, 1)},
        constants={"merged": [0, 0, -1], "last": [2], "joined": [1, 2]},
    )
    geometry = analyse(case.model, original_size=case.size)["answer"]
    assert geometry.whole_image == ("n",)
    assert geometry.receptive_field == (2, 2)
    assert examine(case).kind == "approximate"
