"""An If goes where every image takes the same branch, and stays where the image decides."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import pytest

from passes import PassResult, inline_branches

from .constants import ints

Build = Callable[..., onnx.ModelProto]
Check = Callable[..., None]
Run = Callable[..., list[np.ndarray]]

ONE = np.array(1, np.int64)
MEASURED = "shape = Shape(m) extent = Gather<axis = 0>(shape, axis) yes = Equal(extent, one)"
CHOICE = """[if] r = If(yes) <
  then_branch = then () => (a) { [squeeze] a = Squeeze(m, axes) },
  else_branch = other () => (b) { [same] b = Identity(m) }
>"""
POOLED = "m = ReduceMean<axes = [1], keepdims = 1>(image)"


def inlined(model: onnx.ModelProto, **options: Any) -> tuple[onnx.ModelProto, PassResult]:
    graph = gs.import_onnx(copy.deepcopy(model))  # the import gives initializers other names
    result = inline_branches.apply(graph, **options)
    assert result.refusals == ()
    exported = gs.export_onnx(graph)
    onnx.checker.check_model(exported, full_check=True)
    return exported, result


def assert_same_answers(run: Run, model: onnx.ModelProto, other: onnx.ModelProto) -> None:
    for shape in ((2, 3, 8, 10), (1, 3, 8, 10), (2, 3, 15, 13), (3, 3, 1, 1)):
        image = np.random.default_rng(0).standard_normal(shape, np.float32)
        (expected,), (found,) = run(model, image), run(other, image)
        np.testing.assert_array_equal(found, expected)


@pytest.fixture(name="squeezed")
def squeezed_fixture(build: Build) -> onnx.ModelProto:
    return build(
        f"{POOLED} {MEASURED} {CHOICE} y = Relu(r)",
        inputs="float[N,3,H,W] image",
        outputs="float[N,A,B] y",
        axis=ONE,
        one=ONE,
        axes=ints(1),
    )


def test_squeeze_of_one_channel(squeezed: onnx.ModelProto, assert_nodes: Check, run: Run) -> None:
    model, result = inlined(squeezed, input_size=(8, 10), input_layout="nchw")
    assert_nodes(model, f"{POOLED} [squeeze] r = Squeeze(m, axes) y = Relu(r)")
    assert [(each.node, each.before, each.after) for each in result.rewrites] == [
        ("if", "If", "Squeeze")
    ]
    assert [tensor.name for tensor in model.graph.initializer] == ["axes"]
    assert_same_answers(run, squeezed, model)


@pytest.mark.parametrize(
    ("image", "trunk", "axis", "wanted"),
    [
        ("float[2,3,8,10] image", "m = Relu(image)", 2, 8),
        ("float[2,3,8,10] image", "m = MaxPool<kernel_shape=[2,2], strides=[2,2]>(image)", 3, 5),
        ("float[N,3,8,10] image", "m = Relu(image)", 0, 1),
        # Of a map of a size that is baked in, nobody knows yet what it will be.
        (
            "float[2,3,8,10] image",
            "p = MaxPool<kernel_shape=[2,2], strides=[2,2]>(image) m = Resize(p, , , sizes)",
            2,
            8,
        ),
    ],
    ids=["height", "width_of_a_map", "batch", "baked_size"],
)
def test_what_an_image_decides_stays(
    build: Build, image: str, trunk: str, axis: int, wanted: int
) -> None:
    sizes = {"sizes": ints(2, 3, 8, 10)} if "sizes" in trunk else {}
    choice = CHOICE.replace("Squeeze(m, axes)", "Neg(m)")
    model = build(
        f"{trunk} {MEASURED} {choice} y = Relu(r)",
        inputs=image,
        outputs="float[A,3,B,C] y",
        axis=np.array(axis, np.int64),
        one=np.array(wanted, np.int64),
        **sizes,
    )
    before = gs.export_onnx(gs.import_onnx(model)).SerializeToString(deterministic=True)
    same, result = inlined(model, input_layout="nchw")
    assert result.rewrites == ()
    assert same.SerializeToString(deterministic=True) == before


def test_pixels_decide(build: Build) -> None:
    choice = CHOICE.replace("Squeeze(m, axes)", "Neg(m)")
    model = build(
        f"""m = Relu(image) most = ReduceMax<keepdims = 0>(m) yes = Greater(most, limit)
            {choice} y = Relu(r)""",
        inputs="float[2,1,8,10] image",
        outputs="float[2,1,8,10] y",
        limit=np.array(0.5, np.float32),
    )
    assert inlined(model, input_layout="nchw")[1].rewrites == ()


@pytest.mark.parametrize(("batch", "count"), [("keep", 1), ("free", 0)])
def test_fixed_batch_decides_where_it_is_kept(build: Build, batch: str, count: int) -> None:
    model = build(
        f"m = Relu(image) {MEASURED} {CHOICE} y = Relu(r)".replace("Squeeze(m, axes)", "Neg(m)"),
        inputs="float[1,3,8,10] image",
        outputs="float[1,3,8,10] y",
        axis=np.array(0, np.int64),
        one=ONE,
    )
    assert len(inlined(model, input_layout="nchw", batch=batch)[1].rewrites) == count


@pytest.mark.parametrize(("value", "operator"), [(True, "Neg"), (False, "Abs")])
def test_constant_condition(build: Build, assert_nodes: Check, value: bool, operator: str) -> None:
    model = build(
        """r = If(yes) <
             then_branch = then () => (float[N,3,H,W] a) { a = Neg(image) },
             else_branch = other () => (float[N,3,H,W] b) { b = Abs(image) }
           > y = Relu(r)""",
        inputs="float[N,3,H,W] image",
        outputs="float[N,3,H,W] y",
        yes=np.array(value),
    )
    # No size is known, and none is needed.
    assert_nodes(inlined(model, input_layout="nchw")[0], f"r = {operator}(image) y = Relu(r)")


def test_branches_that_use_the_same_names(build: Build, assert_nodes: Check, run: Run) -> None:
    model = build(
        """r = If(yes) <
             then_branch = then () => (float[N,3,H,W] a)
               <float[1] w = {2.0}> { [mul] t = Mul(image, w) [add] a = Add(t, w) },
             else_branch = other () => (float[N,3,H,W] b) { b = Neg(image) }
           >
           s = If(yes) <
             then_branch = more () => (float[N,3,H,W] c)
               <float[1] w = {3.0}> { [mul] t = Mul(r, w) [add] c = Add(t, w) },
             else_branch = less () => (float[N,3,H,W] d) { d = Neg(r) }
           >
           y = Relu(s)""",
        inputs="float[N,3,H,W] image",
        outputs="float[N,3,H,W] y",
        yes=np.array(True),
    )
    found, _ = inlined(model, input_layout="nchw")
    assert_nodes(
        found,
        """[mul] t = Mul(image, w) [add] r = Add(t, w)
           [mul_1] t_1 = Mul(r, w_1) [add_1] s = Add(t_1, w_1)
           y = Relu(s)""",
    )
    assert_same_answers(run, model, found)


def test_branches_in_branches_and_behind_one_another(build: Build, run: Run) -> None:
    """The extent behind the first If is known once it is gone; the third stands in the second."""
    text = f"""{POOLED} {MEASURED} {CHOICE}
      other_shape = Shape(r) rank = Shape(other_shape) three = Equal(rank, ranks)
      y = If(three) <
        then_branch = deep () => (float[A,B,C] u) {{
          u = If(yes) <
            then_branch = in () => (float[A,B,C] v) {{ v = Neg(r) }},
            else_branch = out () => (float[A,B,C] x) {{ x = Abs(r) }}
          >
        }},
        else_branch = flat () => (float[A,B,C] k) {{ k = Exp(r) }}
      >"""
    model = build(
        text,
        inputs="float[N,3,H,W] image",
        outputs="float[N,A,B] y",
        axis=ONE,
        one=ONE,
        axes=ints(1),
        ranks=ints(3),
    )
    found, result = inlined(model, input_size=(8, 10), input_layout="nchw")
    assert [node.op_type for node in found.graph.node] == ["ReduceMean", "Squeeze", "Neg"]
    assert len(result.rewrites) == 3
    assert_same_answers(run, model, found)


def test_branch_that_gives_a_constant(build: Build, assert_nodes: Check) -> None:
    model = build(
        """r = If(yes) <
             then_branch = then () => (float[1] w) <float[1] w = {2.0}> { },
             else_branch = other () => (float[1] b) {
               m = ReduceMax<keepdims = 0>(image) b = Reshape(m, one)
             }
           > y = Mul(image, r)""",
        inputs="float[N,3,H,W] image",
        outputs="float[N,3,H,W] y",
        yes=np.array(True),
        one=ints(1),
    )
    assert_nodes(inlined(model, input_layout="nchw")[0], "[r_1] r = Identity(w) y = Mul(image, r)")


def test_what_no_image_reaches_stays(build: Build) -> None:
    model = build(
        """r = If(yes) <
             then_branch = then () => (float[3,1,1] a) { a = Neg(w) },
             else_branch = other () => (float[3,1,1] b) { b = Abs(w) }
           > y = Mul(image, r)""",
        inputs="float[N,3,H,W] image",
        outputs="float[N,3,H,W] y",
        yes=np.array(True),
        w=(3, 1, 1),
    )
    assert inlined(model, input_layout="nchw")[1].rewrites == ()


def test_no_if_is_nothing_to_do(build: Build) -> None:
    model = build("y = Relu(image)", inputs="float[N,3,H,W] image", outputs="float[N,3,H,W] y")
    assert inlined(model, input_layout="nchw")[1] == PassResult(name="inline_branches")
