"""Freed trunks are compared with the original's on every window; one freed wrongly does not pass.

Each case is a pair written by hand: a model with the image size baked into it, and what it should
become. The wrong ones agree with the original at its own size, unless the case says so.
"""

import re
import zlib

import numpy as np
import onnx
from onnx import ModelProto, numpy_helper, parser

WEIGHTS = {
    "kernel": (8, 3, 3, 3),
    "inner": (8, 8, 3, 3),
    "matrix": (8, 8),
    "ones": (2,),
    "zeros": (2,),
    "classes": (512, 5),
}
CONSTANT = re.compile(r"\{([-\d., ]+)\}")


def model(body: str, image: str, outputs: str, opset: int = 18) -> ModelProto:
    """A checked model; ``{1, -1}`` in its text is a constant of these numbers."""
    text = CONSTANT.sub(lambda found: name_of(found[1]), body)
    built = parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : {opset}]>'
        f" pair ({image} image) => ({outputs}) {{ {text} }}"
    )
    values = {name_of(each): numbers(each) for each in CONSTANT.findall(body)}
    for name, shape in WEIGHTS.items():
        generator = np.random.default_rng(zlib.crc32(name.encode()))
        values[name] = generator.standard_normal(shape, np.float32)
    values["deep"] = values["classes"].T.reshape(5, 8, 8, 8)
    used = {name for node in built.graph.node for name in node.input}
    built.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in values.items() if name in used
    )
    onnx.checker.check_model(built, full_check=True)
    return built


def name_of(constant: str) -> str:
    return "c_" + re.sub(r"\W", lambda found: {"-": "m", ".": "p"}.get(found[0], "_"), constant)


def numbers(constant: str) -> np.ndarray:
    parts = constant.split(",")
    if "." in constant:
        return np.array([float(part) for part in parts], np.float32)
    return np.array([int(part) for part in parts], np.int64)


def pair(
    baked: str,
    freed: str,
    *,
    sizes: tuple[str, str] = ("8,8,8", "8,P,Q"),
    outputs: tuple[str, str] | None = None,
    image: tuple[str, str] = ("1,3,8,8", "1,3,H,W"),
) -> tuple[ModelProto, ModelProto]:
    """Two models whose trunks have the given texts, from ``x`` ``[1, 8, 8, 8]`` to ``y``."""
    given = outputs or tuple(f"float[1,{size}] out" for size in sizes)
    original, rewritten = (
        model(
            f"x = Conv<pads=[1, 1, 1, 1]>(image, kernel) {text} [end] out = Relu(y)",
            f"float[{shape}]",
            output,
        )
        for text, shape, output in zip((baked, freed), image, given, strict=True)
    )
    return original, rewritten


SIZE = "hw = Shape<start=2>(x) h = Shape<start=2, end=3>(x) w = Shape<start=3>(x)"
SUM = "s = ReduceSum(x, {2, 3})"
MEET = "[gate] g = Sigmoid(m) [meet] y = Mul(x, g)"

CASES: dict[str, tuple[str, str, dict[str, str]]] = {
    "channel_shuffle": (
        """[split] a = Reshape(x, {1, 2, 4, 8, 8}) b = Transpose<perm=[0, 2, 1, 3, 4]>(a)
        [join] y = Reshape(b, {1, 8, 8, 8})""",
        f"""{SIZE} to = Concat<axis=0>({{1, 2, 4}}, hw) back = Concat<axis=0>({{1, 8}}, hw)
        [split] a = Reshape(x, to) b = Transpose<perm=[0, 2, 1, 3, 4]>(a)
        [join] y = Reshape(b, back)""",
        {
            "height_and_width_exchanged": f"""{SIZE}
            to = Concat<axis=0>({{1, 2, 4}}, hw) back = Concat<axis=0>({{1, 8}}, w, h)
            [split] a = Reshape(x, to) b = Transpose<perm=[0, 2, 1, 3, 4]>(a)
            [join] y = Reshape(b, back)""",
            "channels_mixed_with_rows": f"""{SIZE}
            to = Concat<axis=0>({{1, 2, 4}}, hw) back = Concat<axis=0>({{1}}, h, {{8}}, w)
            [split] a = Reshape(x, to) b = Transpose<perm=[0, 2, 1, 3, 4]>(a)
            [join] y = Reshape(b, back)""",
            "channels_grow": f"""{SIZE} back = Concat<axis=0>({{1, 8}}, hw)
            [split] a = Reshape(x, {{1, 2, -1, 8, 8}}) b = Transpose<perm=[0, 2, 1, 3, 4]>(a)
            [join] y = Reshape(b, back)""",
            "width_left_baked": """
            [split] a = Reshape(x, {1, 2, 4, -1, 8}) b = Transpose<perm=[0, 2, 1, 3, 4]>(a)
            [join] y = Reshape(b, {1, 8, -1, 8})""",
            "groups_of_as_many_as_half_the_rows": f"""{SIZE} half = Div(h, {{2}})
            to = Concat<axis=0>({{1, -1}}, half, hw) back = Concat<axis=0>({{1, 8}}, hw)
            [split] a = Reshape(x, to) b = Transpose<perm=[0, 2, 1, 3, 4]>(a)
            [join] y = Reshape(b, back)""",
        },
    ),
    "cut": (
        "[cut] y = Slice(x, {0, 1}, {7, 8}, {2, 3})",
        "[cut] y = Slice(x, {0, 1}, {-1, 9223372036854775807}, {2, 3})",
        {
            "left_baked": "[cut] y = Slice(x, {0, 1}, {7, 8}, {2, 3})",
            "one_end_left_baked": "[cut] y = Slice(x, {0, 1}, {-1, 8}, {2, 3})",
            "cut_at_the_other_side": (
                "[cut] y = Slice(x, {-8, 1}, {-1, 9223372036854775807}, {2, 3})"
            ),
            "ends_of_the_other_axis": f"""{SIZE} wh = Concat<axis=0>(w, h) b = Sub(wh, {{1, 0}})
            [cut] y = Slice(x, {{0, 1}}, b, {{2, 3}})""",
        },
    ),
    "gate_of_a_sum": (
        f"{SUM} [share] m = Mul(s, {{0.015625}}) {MEET}",
        f"""{SUM} {SIZE} n = ReduceProd<keepdims=0>(hw) f = Cast<to=1>(n) part = Reciprocal(f)
        [share] m = Mul(s, part) {MEET}""",
        {
            "left_baked": f"{SUM} [share] m = Mul(s, {{0.015625}}) {MEET}",
            "square_of_the_height": f"""{SUM} {SIZE} n = Mul(h, h) f = Cast<to=1>(n)
            part = Reciprocal(f) [share] m = Mul(s, part) {MEET}""",
            "sum_left_baked_in_another_region": f"""{SUM} [share] m = Mul(s, {{0.015625}})
            [gate] g = Sigmoid(m) e = Identity(g) [meet] y = Mul(x, e)""",
        },
    ),
    "gate_of_a_pool": (
        f"[pool] m = AveragePool<kernel_shape=[8, 8]>(x) {MEET}",
        f"[pool] m = GlobalAveragePool(x) {MEET}",
        {
            "left_baked": f"[pool] m = AveragePool<kernel_shape=[8, 8]>(x) {MEET}",
            "half_baked": f"""p = AveragePool<kernel_shape=[8, 1], strides=[8, 1]>(x)
            [pool] m = ReduceMean(p, {{3}}) {MEET}""",
            "the_corner_alone": f"""c = Slice(x, {{0, 0}}, {{8, 8}}, {{2, 3}})
            [pool] m = GlobalAveragePool(c) {MEET}""",
            "pool_around_every_cell": f"""p = Pad<mode="edge">(x, {{0, 0, 3, 3, 0, 0, 4, 4}})
            [pool] m = AveragePool<kernel_shape=[8, 8]>(p) {MEET}""",
        },
    ),
    "gate_that_is_expanded": (
        "p = GlobalAveragePool(x) [expand] e = Expand(p, {1, 8, 8, 8}) y = Mul(x, e)",
        f"""{SIZE} to = Shape(x) p = GlobalAveragePool(x) [expand] e = Expand(p, to)
        y = Mul(x, e)""",
        {
            "left_baked": """p = GlobalAveragePool(x) [expand] e = Expand(p, {1, 8, 8, 8})
            y = Mul(x, e)""",
            "square": f"""{SIZE} to = Concat<axis=0>({{1, 8}}, h, h) p = GlobalAveragePool(x)
            [expand] e = Expand(p, to) y = Mul(x, e)""",
        },
    ),
    "resize": (
        """[resize] y = Resize<mode="nearest">(x, , , {1, 8, 16, 16})""",
        """[resize] y = Resize<mode="nearest">(x, , {1.0, 1.0, 2.0, 2.0})""",
        {
            "left_baked": """[resize] y = Resize<mode="nearest">(x, , , {1, 8, 16, 16})""",
            "wrong_ratio": f"""{SIZE} to = Add(hw, {{8}}) all = Concat<axis=0>({{1, 8}}, to)
            [resize] y = Resize<mode="nearest">(x, , , all)""",
            "other_ratio_for_rows": f"""{SIZE} th = Add(h, {{8}}) tw = Mul(w, {{2}})
            all = Concat<axis=0>({{1, 8}}, th, tw)
            [resize] y = Resize<mode="nearest">(x, , , all)""",
        },
    ),
    "linear_resize": (
        """[resize] y = Resize<mode="linear">(x, , , {1, 8, 16, 16})""",
        """[resize] y = Resize<mode="linear">(x, , {1.0, 1.0, 2.0, 2.0})""",
        {
            "wrong_ratio": f"""{SIZE} to = Add(hw, {{8}}) all = Concat<axis=0>({{1, 8}}, to)
            [resize] y = Resize<mode="linear">(x, , , all)""",
        },
    ),
    "cubic_resize": (
        """[resize] y = Resize<mode="cubic">(x, , , {1, 8, 24, 16})""",
        """[resize] y = Resize<mode="cubic">(x, , {1.0, 1.0, 3.0, 2.0})""",
        {
            "wrong_ratio": f"""{SIZE} to = Add(hw, {{16, 8}}) all = Concat<axis=0>({{1, 8}}, to)
            [resize] y = Resize<mode="cubic">(x, , , all)""",
        },
    ),
    "pyramid": (
        """[low] d = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(x)
        [resize] r = Resize<mode="nearest">(d, , , {1, 8, 8, 8}) y = Add(x, r)""",
        """[low] d = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(x) to = Shape(x)
        [resize] r = Resize<mode="nearest">(d, , , to) y = Add(x, r)""",
        {
            "left_baked": """[low] d = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(x)
            [resize] r = Resize<mode="nearest">(d, , , {1, 8, 8, 8}) y = Add(x, r)""",
        },
    ),
    "group_normalization": (
        """a = Reshape(x, {0, 2, -1}) n = InstanceNormalization(a, ones, zeros)
        [back] y = Reshape(n, {1, 8, 8, 8})""",
        """a = Reshape(x, {0, 2, -1}) n = InstanceNormalization(a, ones, zeros) s = Shape(x)
        [back] y = Reshape(n, s)""",
        {
            "exchanged": f"""{SIZE} a = Reshape(x, {{0, 2, -1}})
            n = InstanceNormalization(a, ones, zeros) to = Concat<axis=0>({{1, 8}}, w, h)
            [back] y = Reshape(n, to)""",
        },
    ),
    "dense_at_every_position": (
        """t = Transpose<perm=[0, 2, 3, 1]>(x) r = Reshape(t, {-1, 8}) d = MatMul(r, matrix)
        [back] b = Reshape(d, {1, 8, 8, 8}) y = Transpose<perm=[0, 3, 1, 2]>(b)""",
        """t = Transpose<perm=[0, 2, 3, 1]>(x) r = Reshape(t, {-1, 8}) d = MatMul(r, matrix)
        to = Shape(t) [back] b = Reshape(d, to) y = Transpose<perm=[0, 3, 1, 2]>(b)""",
        {
            "square": f"""{SIZE} t = Transpose<perm=[0, 2, 3, 1]>(x) r = Reshape(t, {{-1, 8}})
            d = MatMul(r, matrix) to = Concat<axis=0>({{1}}, h, {{-1, 8}})
            bb = Concat<axis=0>({{1}}, w, {{-1, 8}})
            [back] b = Reshape(d, bb) y = Transpose<perm=[0, 3, 1, 2]>(b)""",
        },
    ),
    "attention": (
        """[rows] q = Reshape(x, {1, 8, 64}) k = Transpose<perm=[0, 2, 1]>(q) s = MatMul(k, q)
        p = Softmax<axis=1>(s) v = MatMul(q, p) [back] y = Reshape(v, {1, 8, 8, 8})""",
        """[rows] q = Reshape(x, {1, 8, -1}) k = Transpose<perm=[0, 2, 1]>(q) s = MatMul(k, q)
        p = Softmax<axis=1>(s) v = MatMul(q, p) to = Shape(x) [back] y = Reshape(v, to)""",
        {},
    ),
    "pixel_shuffle": (
        """[split] a = Reshape(x, {1, 2, 2, 2, 8, 8})
        b = Transpose<perm=[0, 1, 4, 2, 5, 3]>(a) [join] y = Reshape(b, {1, 2, 16, 16})""",
        f"""{SIZE} to = Concat<axis=0>({{1, 2, 2, 2}}, hw) twice = Mul(hw, {{2}})
        back = Concat<axis=0>({{1, 2}}, twice) [split] a = Reshape(x, to)
        b = Transpose<perm=[0, 1, 4, 2, 5, 3]>(a) [join] y = Reshape(b, back)""",
        {
            "wrong_ratio": f"""{SIZE} to = Concat<axis=0>({{1, 2, 2, 2}}, hw)
            [split] a = Reshape(x, to) b = Transpose<perm=[0, 1, 4, 2, 5, 3]>(a)
            more = Add(h, {{8}}) back = Concat<axis=0>({{1, 2}}, more, {{-1}})
            [join] y = Reshape(b, back)""",
        },
    ),
    "padded_convolution_inside": (
        """[view] v = Reshape(x, {1, 8, 8, 8}) c = Conv<pads=[1, 1, 1, 1]>(v, inner)
        [back] y = Reshape(c, {1, 8, 8, 8})""",
        """c = Conv<pads=[1, 1, 1, 1]>(x, inner) s = Shape(c) [back] y = Reshape(c, s)""",
        {
            "padded_once_for_two_rows": """e = Pad(x, {0, 0, 1, 1, 0, 0, 1, 1})
            c = Conv(e, inner) s = Shape(x) [back] y = Reshape(c, s)""",
        },
    ),
    "channels_split": (
        "[split] a, b = Split<axis=1, num_outputs=2>(x) y = Concat<axis=1>(b, a)",
        """[split] a = Slice(x, {0}, {4}, {1}) b = Slice(x, {4}, {8}, {1})
        y = Concat<axis=1>(b, a)""",
        {},
    ),
    "flip": (
        "[view] v = Reshape(x, {1, 8, 8, 8}) y = Slice(v, {-1}, {-9}, {3}, {-1})",
        "y = Slice(x, {-1}, {-9223372036854775808}, {3}, {-1})",
        {"left_baked": "y = Slice(x, {-1}, {-9}, {3}, {-1})"},
    ),
}

OPTIONS = {
    "cut": {"sizes": ("8,7,7", "8,P,Q")},
    "resize": {"sizes": ("8,16,16", "8,P,Q")},
    "linear_resize": {"sizes": ("8,16,16", "8,P,Q")},
    "cubic_resize": {"sizes": ("8,24,16", "8,P,Q")},
    "pixel_shuffle": {"sizes": ("2,16,16", "2,P,Q")},
}
