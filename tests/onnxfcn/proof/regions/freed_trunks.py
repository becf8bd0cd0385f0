"""Trunks with the image size baked into them, what they should become, and what they should not.

All texts are from ``x`` to ``y``; the image has 8x8 pixels. The wrong ones agree with the original
at its own size.
"""

from dataclasses import dataclass

from onnx import ModelProto

from tests.onnxfcn.model_texts import trunk


@dataclass(frozen=True)
class Case:
    """A trunk and its freed forms.

    Attributes:
        baked: the trunk with the size baked into it.
        freed: what it should become.
        wrong: what it should not become, by what is wrong.
        says: what the complaint about a wrong one names: a node.
        shape: shape of ``y``, without the batch.
    """

    baked: str
    freed: str
    wrong: dict[str, str]
    says: str
    shape: str = "8,8,8"


def baked(case: Case) -> ModelProto:
    return trunk(case.baked, "1,3,8,8", f"1,{case.shape}")


def freed(case: Case, text: str = "") -> ModelProto:
    """The case's model with symbolic axes and a text, its own freed one by default."""
    channels = case.shape.split(",")[0]
    return trunk(text or case.freed, "1,3,H,W", f"1,{channels},P,Q")


SIZE = "hw = Shape<start=2>(x) h = Shape<start=2, end=3>(x) w = Shape<start=3>(x)"
SHUFFLE = "b = Transpose<perm=[0, 2, 1, 3, 4]>(a) [join] y = Reshape(b, back)"
SUM = "[sum] s = ReduceSum(x, @(2, 3))"
GATE = "[share] m = Mul(s, part) [gate] g = Sigmoid(m) [meet] y = Mul(x, g)"
MEET = "g = Sigmoid(m) [meet] y = Mul(x, g)"
TOKENS = "k = Transpose<perm=[0, 2, 1]>(q) s = MatMul(k, q) p = Softmax<axis=1>(s) v = MatMul(q, p)"
END, ENDS = "@(9223372036854775807)", "@(-1, 9223372036854775807)"

CASES = {
    "channel shuffle": Case(
        f"""back = Identity(@(1, 8, 8, 8)) [split] a = Reshape(x, @(1, 2, 4, 8, 8)) {SHUFFLE}""",
        f"""{SIZE} to = Concat<axis=0>(@(1, 2, 4), hw) back = Concat<axis=0>(@(1, 8), hw)
        [split] a = Reshape(x, to) {SHUFFLE}""",
        {
            "height and width exchanged": f"""{SIZE} back = Concat<axis=0>(@(1, 8), w, h)
            to = Concat<axis=0>(@(1, 2, 4), hw) [split] a = Reshape(x, to) {SHUFFLE}""",
            "channels mixed with rows": f"""{SIZE} back = Concat<axis=0>(@(1), h, @(8), w)
            to = Concat<axis=0>(@(1, 2, 4), hw) [split] a = Reshape(x, to) {SHUFFLE}""",
            "channels that grow": f"""{SIZE} back = Concat<axis=0>(@(1, 8), hw)
            [split] a = Reshape(x, @(1, 2, -1, 8, 8)) {SHUFFLE}""",
            "width left baked": f"""back = Identity(@(1, 8, -1, 8))
            [split] a = Reshape(x, @(1, 2, 4, -1, 8)) {SHUFFLE}""",
            "half as many groups as rows": f"""{SIZE} back = Concat<axis=0>(@(1, 8), hw)
            half = Div(h, @(2)) to = Concat<axis=0>(@(1, -1), half, hw)
            [split] a = Reshape(x, to) {SHUFFLE}""",
        },
        says="split (Reshape)",
    ),
    "cut": Case(
        "[cut] y = Slice(x, @(0, 1), @(7, 8), @(2, 3))",
        f"[cut] y = Slice(x, @(0, 1), {ENDS}, @(2, 3))",
        {
            "left baked": "[cut] y = Slice(x, @(0, 1), @(7, 8), @(2, 3))",
            "one end left baked": "[cut] y = Slice(x, @(0, 1), @(-1, 8), @(2, 3))",
            "cut at the other side": f"[cut] y = Slice(x, @(-8, 1), {ENDS}, @(2, 3))",
            "ends of the other axis": f"""{SIZE} wh = Concat<axis=0>(w, h)
            ends = Sub(wh, @(1, 0)) [cut] y = Slice(x, @(0, 1), ends, @(2, 3))""",
        },
        says="cut (Slice)",
        shape="8,7,7",
    ),
    "roll": Case(
        """[cut] a = Slice(x, @(5), @(8), @(3)) [rest] b = Slice(x, @(0), @(5), @(3))
        y = Concat<axis=3>(a, b)""",
        f"""[cut] a = Slice(x, @(-3), {END}, @(3)) [rest] b = Slice(x, @(0), @(-3), @(3))
        y = Concat<axis=3>(a, b)""",
        {
            "one cut left baked": """[cut] a = Slice(x, @(5), @(8), @(3))
            [rest] b = Slice(x, @(0), @(-3), @(3)) y = Concat<axis=3>(a, b)""",
        },
        says="(Slice)",
    ),
    "flip": Case(
        "[flip] y = Slice(x, @(7), @(-9), @(3), @(-1))",
        "[flip] y = Slice(x, @(-1), @(-9223372036854775808), @(3), @(-1))",
        {"left baked": "[flip] y = Slice(x, @(7), @(-9), @(3), @(-1))"},
        says="flip (Slice)",
    ),
    "gate of a sum": Case(
        f"{SUM} part = Identity(@(0.015625)) {GATE}",
        f"""{SUM} {SIZE} n = ReduceProd<keepdims=0>(hw) f = Cast<to=1>(n) part = Reciprocal(f)
        {GATE}""",
        {
            "left baked": f"{SUM} part = Identity(@(0.015625)) {GATE}",
            "square of the height": f"""{SUM} {SIZE} n = Mul(h, h) f = Cast<to=1>(n)
            part = Reciprocal(f) {GATE}""",
            "left baked in a changed region": f"""{SUM} part = Identity(@(0.015625))
            [share] m = Mul(s, part) [gate] g = Sigmoid(m) e = Identity(g) [meet] y = Mul(x, e)""",
        },
        says="which 'y' is made by",
    ),
    "gate of a pool": Case(
        f"[pool] m = AveragePool<kernel_shape=[8, 8]>(x) {MEET}",
        f"[pool] m = GlobalAveragePool(x) {MEET}",
        {
            "left baked": f"[pool] m = AveragePool<kernel_shape=[8, 8]>(x) {MEET}",
            "of the corner alone": f"""c = Slice(x, @(0, 0), @(8, 8), @(2, 3))
            [pool] m = GlobalAveragePool(c) {MEET}""",
        },
        says="",
    ),
    "gate that is expanded": Case(
        "p = GlobalAveragePool(x) [expand] e = Expand(p, @(1, 8, 8, 8)) [meet] y = Mul(x, e)",
        """p = GlobalAveragePool(x) to = Shape(x) [expand] e = Expand(p, to)
        [meet] y = Mul(x, e)""",
        {
            "left baked": """p = GlobalAveragePool(x) [expand] e = Expand(p, @(1, 8, 8, 8))
            [meet] y = Mul(x, e)""",
            "square": f"""{SIZE} to = Concat<axis=0>(@(1, 8), h, h) p = GlobalAveragePool(x)
            [expand] e = Expand(p, to) [meet] y = Mul(x, e)""",
        },
        says="meet",
    ),
    "nearest resize": Case(
        """[resize] y = Resize<mode="nearest">(x, , , @(1, 8, 16, 16))""",
        """[resize] y = Resize<mode="nearest">(x, , @(1.0, 1.0, 2.0, 2.0))""",
        {
            "left baked": """[resize] y = Resize<mode="nearest">(x, , , @(1, 8, 16, 16))""",
            "wrong ratio": f"""{SIZE} more = Add(hw, @(8)) to = Concat<axis=0>(@(1, 8), more)
            [resize] y = Resize<mode="nearest">(x, , , to)""",
        },
        says="resize (Resize)",
        shape="8,16,16",
    ),
    "linear resize": Case(
        """[resize] y = Resize<mode="linear">(x, , , @(1, 8, 16, 16))""",
        """[resize] y = Resize<mode="linear">(x, , @(1.0, 1.0, 2.0, 2.0))""",
        {
            "wrong ratio": f"""{SIZE} more = Add(hw, @(8)) to = Concat<axis=0>(@(1, 8), more)
            [resize] y = Resize<mode="linear">(x, , , to)""",
        },
        says="resize (Resize)",
        shape="8,16,16",
    ),
    "cubic resize": Case(
        """[resize] y = Resize<mode="cubic">(x, , , @(1, 8, 24, 16))""",
        """[resize] y = Resize<mode="cubic">(x, , @(1.0, 1.0, 3.0, 2.0))""",
        {
            "wrong ratio": f"""{SIZE} more = Add(hw, @(16, 8)) to = Concat<axis=0>(@(1, 8), more)
            [resize] y = Resize<mode="cubic">(x, , , to)""",
        },
        says="resize (Resize)",
        shape="8,24,16",
    ),
    "resize to an earlier map": Case(
        """d = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(x)
        [resize] r = Resize<mode="nearest">(d, , , @(1, 8, 8, 8)) y = Add(x, r)""",
        """d = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(x) to = Shape(x)
        [resize] r = Resize<mode="nearest">(d, , , to) y = Add(x, r)""",
        {
            "left baked": """d = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(x)
            [resize] r = Resize<mode="nearest">(d, , , @(1, 8, 8, 8)) y = Add(x, r)""",
        },
        says="does not fit together",
    ),
    "group normalisation": Case(
        """a = Reshape(x, @(0, 2, -1)) n = InstanceNormalization(a, ones, zeros)
        [back] y = Reshape(n, @(1, 8, 8, 8))""",
        """a = Reshape(x, @(0, 2, -1)) n = InstanceNormalization(a, ones, zeros) s = Shape(x)
        [back] y = Reshape(n, s)""",
        {
            "height and width exchanged": f"""{SIZE} to = Concat<axis=0>(@(1, 8), w, h)
            a = Reshape(x, @(0, 2, -1)) n = InstanceNormalization(a, ones, zeros)
            [back] y = Reshape(n, to)""",
        },
        says="back (Reshape)",
    ),
    "dense layer at every position": Case(
        """t = Transpose<perm=[0, 2, 3, 1]>(x) r = Reshape(t, @(-1, 8)) d = MatMul(r, matrix)
        [back] b = Reshape(d, @(1, 8, 8, 8)) y = Transpose<perm=[0, 3, 1, 2]>(b)""",
        """t = Transpose<perm=[0, 2, 3, 1]>(x) r = Reshape(t, @(-1, 8)) d = MatMul(r, matrix)
        s = Shape(t) [back] b = Reshape(d, s) y = Transpose<perm=[0, 3, 1, 2]>(b)""",
        {
            "rows as long as the map is high": f"""{SIZE} to = Concat<axis=0>(@(1, -1), h, @(8))
            t = Transpose<perm=[0, 2, 3, 1]>(x) r = Reshape(t, @(-1, 8)) d = MatMul(r, matrix)
            [back] b = Reshape(d, to) y = Transpose<perm=[0, 3, 1, 2]>(b)""",
        },
        says="back (Reshape)",
    ),
    "attention between positions": Case(
        f"[rows] q = Reshape(x, @(1, 8, 64)) {TOKENS} [back] y = Reshape(v, @(1, 8, 8, 8))",
        f"""[rows] q = Reshape(x, @(1, 8, -1)) {TOKENS} to = Shape(x)
        [back] y = Reshape(v, to)""",
        {
            "height and width exchanged": f"""{SIZE} to = Concat<axis=0>(@(1, 8), w, h)
            [rows] q = Reshape(x, @(1, 8, -1)) {TOKENS} [back] y = Reshape(v, to)""",
        },
        says="back (Reshape)",
    ),
    "pixel shuffle": Case(
        """[split] a = Reshape(x, @(1, 2, 2, 2, 8, 8)) b = Transpose<perm=[0, 1, 4, 2, 5, 3]>(a)
        [join] y = Reshape(b, @(1, 2, 16, 16))""",
        f"""{SIZE} to = Concat<axis=0>(@(1, 2, 2, 2), hw) twice = Mul(hw, @(2))
        back = Concat<axis=0>(@(1, 2), twice) [split] a = Reshape(x, to)
        b = Transpose<perm=[0, 1, 4, 2, 5, 3]>(a) [join] y = Reshape(b, back)""",
        {
            "wrong ratio": f"""{SIZE} to = Concat<axis=0>(@(1, 2, 2, 2), hw) more = Add(h, @(8))
            back = Concat<axis=0>(@(1, 2), more, @(-1)) [split] a = Reshape(x, to)
            b = Transpose<perm=[0, 1, 4, 2, 5, 3]>(a) [join] y = Reshape(b, back)""",
        },
        says="split (Reshape)",
        shape="2,16,16",
    ),
    "padded convolution": Case(
        """[view] v = Reshape(x, @(1, 8, 8, 8)) [conv] c = Conv<pads=[1, 1, 1, 1]>(v, inner)
        [back] y = Reshape(c, @(1, 8, 8, 8))""",
        """[conv] c = Conv<pads=[1, 1, 1, 1]>(x, inner) s = Shape(c) [back] y = Reshape(c, s)""",
        {
            "a border that grows": f"""{SIZE} more = Sub(h, @(7))
            pads = Concat<axis=0>(@(0, 0), more, @(1, 0, 0, 1, 1)) e = Pad(x, pads)
            [conv] c = Conv(e, inner) s = Shape(c) [back] y = Reshape(c, s)""",
            "a border of another value": f"""{SIZE} m = Sub(h, @(8)) v = Cast<to=1>(m)
            e = Pad(x, @(0, 0, 1, 1, 0, 0, 1, 1), v)
            [conv] c = Conv(e, inner) s = Shape(c) [back] y = Reshape(c, s)""",
        },
        says="view (Reshape), conv (Conv)",
    ),
    "channels split": Case(
        "[split] a, b = Split<axis=1, num_outputs=2>(x) y = Concat<axis=1>(b, a)",
        """[split] a = Slice(x, @(0), @(4), @(1)) b = Slice(x, @(4), @(8), @(1))
        y = Concat<axis=1>(b, a)""",
        {
            "a part that is longer by the height": f"""{SIZE} more = Sub(h, @(4))
            [split] a = Slice(x, @(0), more, @(1)) b = Slice(x, more, @(8), @(1))
            y = Concat<axis=1>(b, a)""",
        },
        says="split (Split)",
    ),
}
