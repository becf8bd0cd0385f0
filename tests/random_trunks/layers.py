"""Layers that look at a neighbourhood: convolutions, pools; and those that look at one cell."""

from typing import Any

from .builder import Operand, TrunkBuilder, Value
from .elements import ELEMENTS, Element, Write, element
from .extents import at, each, product, smallest

_PADDINGS = ["none", "same", "uneven", "SAME_UPPER", "SAME_LOWER", "VALID"]

_UNARY = {
    9: "Relu LeakyRelu Tanh Sigmoid Elu Softplus Softsign Identity Erf HardSigmoid Selu Abs Neg",
    14: "HardSwish",
    18: "Mish",
    20: "Gelu",
}


def draw_window(
    b: TrunkBuilder, value: Value, *, dilates: bool, ceils: bool = False, covers: bool = True
) -> tuple[list[int], tuple[int, ...], dict[str, Any]]:
    """A sliding window: its kernel, the extents that it leaves, the attributes.

    A pool that ``covers`` all of a map might as well be a gate's that was meant to be global.
    """
    extents = value.shape[1:]
    padding = b.pick(_PADDINGS)
    auto = padding.startswith("SAME")
    kernel, stride, dilation, begins, ends = [], [], [], [], []
    for extent in extents:
        largest = smallest(extent) if covers else max(1, smallest(extent) - 1)
        size = min(b.pick([3, 2, 1, 4]), largest)
        wide = dilates and not auto and 2 * (size - 1) < smallest(extent) and b.chance(4)
        reach = (size - 1) * (2 if wide else 1)
        kernel.append(size)
        dilation.append(2 if wide else 1)
        # ONNX Runtime pads no pool whose strides are longer than its kernel.
        stride.append(b.pick([1, 2]) if extent >= 3 and not (auto and size < 2) else 1)
        whole = {"same": reach, "uneven": b.integer(0, size - 1)}.get(padding, 0)
        begins.append(min(whole // 2, size - 1))
        ends.append(min(whole - whole // 2, size - 1))
    ceil = ceils and not auto and padding != "VALID" and b.chance(3)
    ceil = ceil and all(e < k - s + 1 for e, k, s in zip(ends, kernel, stride, strict=True))
    after = []
    for axis, extent in enumerate(extents):
        if auto:
            after.append(each(lambda e, s: -(-e // s), extent, stride[axis]))
            continue
        slack = stride[axis] - 1 if ceil else 0
        reach = dilation[axis] * (kernel[axis] - 1)
        room = extent + begins[axis] + ends[axis] - reach - 1
        after.append((room + slack) // stride[axis] + 1)
    attributes: dict[str, Any] = {
        "kernel_shape": kernel,
        "strides": stride,
        "dilations": dilation if any(d > 1 for d in dilation) else None,
        "pads": begins + ends if padding in ("same", "uneven") else None,
        "auto_pad": padding if padding.isupper() else None,
        "ceil_mode": 1 if ceil else None,
    }
    features = [("strides", stride), ("dilations", dilation)]
    for name in [name for name, numbers in features if any(n > 1 for n in numbers)]:
        b.spell(name)
    b.spell("ceil_mode" if ceil else f"padding {padding}")
    return kernel, tuple(after), attributes


def _groups(b: TrunkBuilder, channels: int) -> int:
    return b.pick([1, 1, *[g for g in range(2, channels + 1) if channels % g == 0]])


@element("Conv")
def write_conv(b: TrunkBuilder, value: Value) -> Value | None:
    """Any convolution that the map is large enough for."""
    groups = _groups(b, value.shape[0])
    kernel, after, attributes = draw_window(b, value, dilates=True)
    units = b.channels(value, multiple_of=groups)
    each_reads = value.shape[0] // groups
    operands: list[Operand] = [
        value,
        b.weight([units, each_reads, *kernel], fan_in=each_reads * product(kernel)),
    ]
    if b.chance():
        operands.append(b.weight([units], fan_in=4))
    if groups > 1:
        b.spell("group")
    return b.add("Conv", operands, (units, *after), group=groups, **attributes)


@element("ConvTranspose")
def write_conv_transpose(b: TrunkBuilder, value: Value) -> Value | None:
    """Explicit pads, automatic ones, or the size of the result baked in."""
    extents = value.shape[1:]
    kind = b.pick(["pads", "SAME_UPPER", "output_shape"])
    stride = [b.pick([2, 1]) for _ in extents]
    kernel = [b.integer(s, s + 2) for s in stride]
    full = [e * s for e, s in zip(extents, stride, strict=True)]
    attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": stride}
    if kind == "pads":
        begins = [b.integer(0, k - s) for k, s in zip(kernel, stride, strict=True)]
        ends = [k - s - p for k, s, p in zip(kernel, stride, begins, strict=True)]
        extra = [b.integer(0, s - 1) for s in stride]
        attributes |= {"pads": begins + ends, "output_padding": extra if any(extra) else None}
        full = [extent + more for extent, more in zip(full, extra, strict=True)]
    elif kind == "output_shape":
        attributes["output_shape"] = full
    else:
        attributes["auto_pad"] = kind
    groups = _groups(b, value.shape[0])
    units = groups * b.integer(1, 3)
    if not b.fits((units, *full)):
        return None
    b.spell(kind)
    kernel_shape = [value.shape[0], units // groups, *kernel]
    reads = value.shape[0] // groups * product(kernel)
    operands: list[Operand] = [value, b.weight(kernel_shape, fan_in=max(reads // 2, 1))]
    return b.add("ConvTranspose", operands, (units, *full), group=groups, **attributes)


def _pool(name: str) -> Write:
    since = {"MaxPool": 10, "AveragePool": 19, "LpPool": 18}[name]

    def write(b: TrunkBuilder, value: Value) -> Value | None:
        dilates = b.opset >= since
        ceils = b.opset >= (18 if name == "LpPool" else 10)
        _, after, attributes = draw_window(b, value, dilates=dilates, ceils=ceils, covers=False)
        if name == "AveragePool":
            attributes["count_include_pad"] = b.pick([None, 1])
        return b.add(name, [value], (value.shape[0], *after), **attributes)

    return write


for _name in ("MaxPool", "AveragePool", "LpPool"):
    ELEMENTS[_name] = Element(_name, 9, 21, (1, 2, 3), 1, _pool(_name))


@element("activation")
def write_activation(b: TrunkBuilder, value: Value) -> Value | None:
    """One operator, or the few that exporters write for one."""
    spelled = ["Clip", "PRelu", "x * sigmoid", "x * tanh(softplus)", "erf", "Dropout"]
    names = [name for since, text in _UNARY.items() if b.opset >= since for name in text.split()]
    kind = b.spell(b.pick([*spelled, *names]))
    if kind == "Clip":
        if b.opset < 11:
            return b.add("Clip", [value], value.shape, min=0.0, max=6.0)
        return b.add("Clip", [value, b.constant(0.0), b.constant(6.0)], value.shape)
    if kind == "PRelu":
        slope = b.uniform([value.shape[0], *[1] * b.spatial_rank], 0.1, 0.4)
        return b.add("PRelu", [value, slope], value.shape)
    if kind == "x * sigmoid":
        return b.add("Mul", [value, b.unary(value, "Sigmoid")], value.shape)
    if kind == "x * tanh(softplus)":
        return b.add("Mul", [value, b.unary(b.unary(value, "Softplus"), "Tanh")], value.shape)
    if kind == "erf":
        scaled = b.add("Div", [value, b.constant(1.4142135)], value.shape)
        shifted = b.add("Add", [b.unary(scaled, "Erf"), b.constant(1.0)], value.shape)
        return b.add(
            "Mul", [b.add("Mul", [value, shifted], value.shape), b.constant(0.5)], value.shape
        )
    return b.unary(value, kind)


@element("normalisation")
def write_normalisation(b: TrunkBuilder, value: Value) -> Value | None:
    """A normalisation that is one operator."""
    kinds = ["BatchNormalization", "InstanceNormalization", "LRN", "LpNormalization"]
    kind = b.spell(b.pick(kinds))
    features = value.shape[:1]
    if kind == "LRN":
        if b.spatial_rank != 2:
            return None
        return b.add("LRN", [value], value.shape, size=3, alpha=0.5)
    if kind == "LpNormalization":
        return b.add(kind, [value], value.shape, axis=1, p=b.pick([2, 1]))
    operands: list[Operand] = [value, b.uniform(features, 0.5, 1.5), b.weight(features, fan_in=4)]
    if kind == "BatchNormalization":
        operands += [b.weight(features, fan_in=4), b.uniform(features, 0.5, 2.0)]
    return b.add(kind, operands, value.shape)


@element("constant a channel")
def write_channel_constant(b: TrunkBuilder, value: Value) -> Value | None:
    """Scale or shift by one number a channel, or by one that may look like the map's size."""
    ones = [1] * b.spatial_rank
    shapes = [[value.shape[0], *ones], [1, value.shape[0], *ones], []]
    operator = b.pick(["Mul", "Add", "Sub", "Div"])
    if b.chance(3):
        b.spell("as large as the map")
        cells = float(at(product(value.shape[1:]), 0))
        return b.add(b.pick(["Div", "Mul"]), [value, b.constant(cells)], value.shape)
    return b.add(operator, [value, b.uniform(b.pick(shapes), 0.5, 1.5)], value.shape)
