"""Why cells are no crops: every reason, named, and confirmed by ONNX Runtime."""

from typing import Any

import numpy as np
import pytest

from onnxfcn.exactness import Cause, Exactness, decide
from onnxfcn.geometry import GeometryUnknownError
from onnxfcn.geometry.blame import Reason
from tests.onnxfcn.small_nets import small_net
from tests.random_geometry.examine import examine
from tests.random_geometry.strategy import Case

W = {"w": (2, 2, 3), "v": (1, 2, 4), "u": (2, 2, 2), "one": (2, 2, 1), "c": (1, 3, 4)}
HEAD = "answer = Conv (t, v)"
ENDS = {"zero": [0], "end": [2**31 - 1], "axis": [2], "row": [1, 1], "none": [], "step": [1]}


def net(body: str, size: int, **constants: Any) -> Case:
    return small_net(body, [size], weights=W, constants=ENDS | constants)


def decided(case: Case) -> Exactness:
    return decide(case.model, original_size=case.size)["answer"]


CAUSES = {
    "pads": (
        net(f"t = Conv <pads = [1, 1]> (image, w) {HEAD}", 4),
        ["Conv 't': pads, where the whole image goes on"],
    ),
    "pads in front": (
        net(f"t = MaxPool <kernel_shape = [3], pads = [2, 0]> (image) {HEAD}", 4),
        ["MaxPool 't': pads, where the whole image goes on"],
    ),
    "automatic pads": (
        net(f't = Conv <auto_pad = "SAME_LOWER"> (image, w) {HEAD}', 4),
        ["Conv 't': pads, where the whole image goes on"],
    ),
    "pads that differ with the size": (
        net(f't = Conv <auto_pad = "SAME_UPPER", strides = [2]> (image, w) {HEAD}', 8),
        ["Conv 't': pads, where the whole image goes on"],
    ),
    # Sixteen positions have no pads; seventeen, of images of 51 to 53 pixels, have one in front.
    "pads of some sizes alone": (
        net("p = MaxPool <kernel_shape = [3], strides = [3]> (image)"
            f' t = Conv <auto_pad = "SAME_UPPER", strides = [4]> (p, w) {HEAD}', 48),
        ["Conv 't': pads, where the whole image goes on"],
    ),
    "transposed": (
        net(f"t = ConvTranspose <kernel_shape = [3]> (image, w) {HEAD}", 2),
        ["ConvTranspose 't': spreads across the edge"],
    ),
    "overhang": (
        net(
            "t = AveragePool <kernel_shape = [3], strides = [2], ceil_mode = 1> (image)"
            f" {HEAD}",
            8,
        ),
        ["AveragePool 't': has a last window that hangs over the edge (ceil_mode)"],
    ),
    "margins": (
        net(f"t = Pad (image, pads) {HEAD}", 3, pads=[0, 0, 0, 0, 0, 1]),
        ["Pad 't': pads, where the whole image goes on"],
    ),
    "margins that repeat": (
        net(f'p = Pad <mode = "edge"> (image, pads) t = Conv (p, w) {HEAD}', 4,
            pads=[0, 0, 1, 0, 0, 1]),
        ["Pad 'p': pads, where the whole image goes on"],
    ),
    "interpolation": (
        net('r = Resize <mode = "linear"> (image, , scales) t = MaxPool <kernel_shape = [2],'
            f" strides = [2]> (r) {HEAD}", 4, scales=[1.0, 1.0, 2.0]),
        ["Resize 'r': interpolates across the edge"],
    ),
    "interpolation between the corners": (
        net('r = Resize <mode = "linear", coordinate_transformation_mode = "align_corners">'
            " (image, , scales) t = MaxPool <kernel_shape = [2], strides = [2]> (r)"
            f" {HEAD}", 4, scales=[1.0, 1.0, 2.0]),
        ["Resize 'r': interpolates across the edge"],
    ),
    "a stride that is undone": (
        net("d = MaxPool <kernel_shape = [2], strides = [2]> (image) t = Resize (d, , scales)"
            f" {HEAD}", 4, scales=[1.0, 1.0, 2.0]),
        ["MaxPool 'd': reads other pixels: its positions do not move with the cells"],
    ),
    "cells that are parts of a pixel apart": (
        net(f"t = Resize (image, , scales) {HEAD}", 2, scales=[1.0, 1.0, 2.0]),
        ["most cells begin within a pixel, and crops only at whole ones"],
    ),
    "the whole image": (
        net(f"g = GlobalMaxPool (image) t = Mul (image, g) {HEAD}", 4),
        ["GlobalMaxPool 'g': sees the whole image"],
    ),
    "a remainder of the size": (
        net("n = Shape <start = 2, end = 3> (image) r = Mod (n, two) f = Cast <to = 1> (r)"
            f" s = Add (f, tenth) t = Mul (image, s) {HEAD}", 4, two=[2], tenth=[0.1]),
        ["Mul 't': uses the image's size"],
    ),
    "positions that are counted": (
        net("n = Shape <start = 2, end = 3> (image) m = Squeeze (n) r = Range (o, m, i)"
            " f = Cast <to = 1> (r) e = Unsqueeze (f, row2) x = Mul (e, tenth)"
            " t = Concat <axis = 1> (image, x) answer = Conv (t, c)", 4,
            row2=[0, 1], tenth=[0.1], o=np.int64(0), i=np.int64(1)),
        ["Concat 't': uses the image's size"],
    ),
    "the image's size": (
        net("n = Shape <start = 2, end = 3> (image) f = Cast <to = 1> (n) t = Mul (image, f)"
            f" {HEAD}", 4),
        ["Mul 't': uses the image's size"],
    ),
    "a bound of the image's size": (
        net("n = Shape <start = 2, end = 3> (image) f = Cast <to = 1> (n) m = Mul (f, tenth)"
            f" b = Squeeze (m) t = Clip (image, , b) {HEAD}", 4, tenth=[0.1]),
        ["Clip 't': uses the image's size"],
    ),
    "weights of the image's size": (
        net("n = Shape <start = 2, end = 3> (image) f = Cast <to = 1> (n) m = Mul (w, f)"
            f" t = Conv (image, m) {HEAD}", 6),
        ["Conv 't': uses the image's size"],
    ),
    "a factor of the image's size": (
        net("n = Shape <start = 2, end = 3> (image) f = Cast <to = 1> (n) m = Mul (square, f)"
            " l = Transpose <perm = [0, 2, 1]> (image) p = MatMul (l, m)"
            f" t = Transpose <perm = [0, 2, 1]> (p) {HEAD}", 4,
            square=np.array([[1, 2], [3, 4]], np.float32)),
        ["MatMul 'p': uses the image's size"],
    ),
    "a shift of the image's size": (
        net("n = Shape <start = 2, end = 3> (image) f = Cast <to = 1> (n) m = Mul (s, f)"
            f" t = BatchNormalization (image, s, s, m, s) {HEAD}", 4, s=[1.0, 2.0]),
        ["BatchNormalization 't': uses the image's size"],
    ),
    "channels picked by the image's size": (
        net("n = Shape <start = 2, end = 3> (image) r = Mod (n, two) i = Add (r, three)"
            " q = Conv (image, one) t = Gather <axis = 1> (q, i) answer = Conv (t, c)", 4,
            two=[2], three=[-2, -2, -1]),
        ["Gather 't': uses the image's size"],
    ),
    "channels cut by the image's size": (
        net("n = Shape <start = 2, end = 3> (image) i = Mod (n, two) e = Add (i, three)"
            " q = Conv (image, one) d = Concat <axis = 1> (q, q) t = Slice (d, i, e, row)"
            " answer = Conv (t, c)", 4, two=[2], three=[3], row=[1]),
        ["Slice 't': uses the image's size"],
    ),
    "channels split by the image's size": (
        net("n = Shape <start = 2, end = 3> (image) i = Mod (n, two) l = Add (i, row)"
            " k = Sub (four, l) q = Conv (image, one) d = Concat <axis = 1> (q, image)"
            " p = Concat <axis = 0> (l, k) a, b = Split <axis = 1> (d, p) m = ReduceMax (b, row)"
            " t = Concat <axis = 1> (m, q) answer = Conv (t, c)", 4, two=[2], four=[4], row=[1]),
        ["Split 'a': uses the image's size"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CAUSES)
def test_causes_are_named(name: str) -> None:
    case, lines = CAUSES[name]
    assert decided(case).label == "approximate"
    assert decided(case).lines() == lines
    outcome = examine(case)
    assert outcome.kind == "approximate", outcome


EXACT = {
    # The crop leaves one position to the second stride, and larger images leave more.
    "a stride over one position": net(
        "p = Conv <strides = [4]> (image, first) t = Conv <strides = [2]> (p, one)"
        " answer = Conv (t, one)",
        4, first=np.array([[[0.5], [0.3]], [[-0.4], [0.7]]], np.float32),
    ),
    "gaps of a spread map beside pads": net(
        "s = ConvTranspose <strides = [2]> (image, one)"
        " t = Conv <pads = [0, 1], strides = [2]> (s, pair) answer = Conv (t, head)",
        4, pair=np.array([[[0.5, 0.3], [0.2, 0.9]]] * 2, np.float32),
        head=np.full((1, 2, 4), 0.3, np.float32),
    ),
    "gaps behind an activation beside pads": net(
        "s = ConvTranspose <strides = [2]> (image, one) r = LeakyRelu (s)"
        " t = Conv <pads = [0, 1], strides = [2]> (r, pair) answer = Conv (t, head)",
        4, pair=np.array([[[0.5, 0.3], [0.2, 0.9]]] * 2, np.float32),
        head=np.full((1, 2, 4), 0.3, np.float32),
    ),
    "no pads": net(f"t = Conv <pads = [0, 0]> (image, w) {HEAD}", 6),
    "a kernel of one with SAME": net(f't = Conv <auto_pad = "SAME_UPPER"> (image, one) {HEAD}', 4),
    "a stride of one position with SAME": net(
        f't = Conv <auto_pad = "SAME_UPPER", strides = [2]> (image, one) {HEAD}', 8
    ),
    "pads that are cut off": net(
        f"p = Conv <pads = [1, 1]> (image, w) t = Slice (p, first, last, axis) {HEAD}",
        6, first=[1], last=[-1],
    ),
    "pads that are pooled away": net(
        "p = Conv <pads = [0, 1]> (image, w) t = MaxPool <kernel_shape = [2], strides = [2]> (p)"
        f" {HEAD}",
        10,
    ),
    "margins that are cut off": net(
        f"p = Pad (image, pads) t = Slice (p, zero, last, axis) {HEAD}",
        4, pads=[0, 0, 0, 0, 0, 2], last=[-2],
    ),
    "a window that would hang over elsewhere": net(
        f"t = MaxPool <kernel_shape = [2], strides = [2], ceil_mode = 1> (image) {HEAD}", 8
    ),
    "pads in front that the shortcut has too": net(
        "p = Pad (image, pads) t = Slice (p, first, end, axis)"
        f" {HEAD}", 4, pads=[0, 0, 1, 0, 0, 0], first=[1],
    ),
    "a branch that nothing reads": net(
        f"p = Conv <pads = [1, 1]> (image, w) t = Conv (image, one) {HEAD}", 4
    ),
    "normalised by constants": net(
        f"t = BatchNormalization (image, s, b, m, q) {HEAD}",
        4, s=[1.0, 2.0], b=[0.5, 0.1], m=[0.0, 0.1], q=[1.0, 2.0],
    ),
    "a bound of the number of channels": net(
        "n = Shape <start = 1, end = 2> (image) f = Cast <to = 1> (n) b = Squeeze (f)"
        f" t = Clip (image, , b) {HEAD}", 4,
    ),
    "a mean of constants": net(
        "n = Shape (image) o = ConstantOfShape (n) t = Add (image, o)"
        f" {HEAD}", 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_what_no_image_can_show_is_exact(name: str) -> None:
    case = EXACT[name]
    assert decided(case).lines() == []
    assert decided(case).label == "exact"
    outcome = examine(case)
    assert outcome.kind == "exact", outcome


def test_causes_of_both_axes_and_of_all_branches_are_found() -> None:
    case = small_net(
        "a = Conv <pads = [1, 0, 1, 0]> (image, w) b = Conv <pads = [0, 1, 0, 1]> (a, w)"
        " g = GlobalAveragePool (b) t = Mul (b, g) answer = Conv (t, k)",
        [5, 5],
        weights={"w": (2, 2, 3, 3), "k": (1, 2, 2, 2)},
    )
    found = decide(case.model, original_size=case.size)["answer"]
    assert [(cause.node, cause.reason) for cause in found.causes] == [
        ("a", Reason.PADS), ("b", Reason.PADS), ("g", Reason.WHOLE),
    ]  # fmt: skip
    assert found.lines() == [
        "2 Conv (first 'a'): pads, where the whole image goes on",
        "GlobalAveragePool 'g': sees the whole image",
    ]


def test_many_nodes_are_one_line() -> None:
    causes = [Cause(f"conv{i}", "Conv", Reason.PADS) for i in range(1, 54)]
    assert Exactness(False, tuple(causes)).lines() == [
        "53 Conv (first 'conv1'): pads, where the whole image goes on"
    ]


def test_outputs_are_decided_one_by_one() -> None:
    case = net("plain = Conv (image, w) answer = Conv <pads = [1, 1]> (plain, w)", 5)
    case.model.graph.output.add(name="plain").type.tensor_type.elem_type = 1
    found = decide(case.model, original_size=case.size)
    assert {name: own.label for name, own in found.items()} == {
        "answer": "approximate",
        "plain": "exact",
    }


def test_what_cannot_be_told_is_called_neither() -> None:
    # GridSample reads where its grid says; here the grid is the image itself.
    case = small_net(
        "c = Conv (image, k) g = Transpose <perm = [0, 2, 3, 1]> (c) answer = GridSample (c, g)",
        [2, 2],
        weights={"k": (2, 2, 2, 2)},
    )
    with pytest.raises(
        GeometryUnknownError, match=r"answer \(GridSample\): what it reads is not known"
    ):
        decide(case.model, original_size=case.size)


def test_every_reason_is_seen_here() -> None:
    found = {cause.reason for case, _ in CAUSES.values() for cause in decided(case).causes}
    assert found == {*Reason}
