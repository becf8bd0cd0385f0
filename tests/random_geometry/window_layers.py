"""Layers that read a window, and cuts and margins."""

from typing import Any

from .builder import Builder, Unfit, Value
from .layers import check_fits, convolved, layer


def padding(b: Builder, kernel: list[int], *, below_kernel: bool = False) -> dict[str, Any]:
    """No pads, explicit ones, or automatic ones."""
    kind = b.pick(["none", "none", "pads", "pads", "SAME_UPPER", "SAME_LOWER", "VALID"])
    if kind == "none":
        return {}
    if kind != "pads":
        return {"auto_pad": kind}
    most = [(k - 1) // 2 if below_kernel else k - 1 for k in kernel]
    return {"pads": [b.integer(0, m) for m in most] + [b.integer(0, m) for m in most]}


@layer
def activation(b: Builder, value: Value) -> Value:
    """An elementwise function that keeps differences."""
    return b.add("LeakyRelu", [value], alpha=0.5)


@layer
def convolution(b: Builder, value: Value) -> Value:
    """Any kernel, stride, dilation and padding."""
    kernel = b.each(1, 3)
    pads = padding(b, kernel)
    dilations = None if "auto_pad" in pads else b.each(1, 2)
    return convolved(
        b,
        value,
        b.integer(1, 4),
        kernel_shape=kernel,
        strides=b.each(1, 3),
        dilations=dilations,
        **pads,
    )


@layer
def unpadded(b: Builder, value: Value) -> Value:
    """A convolution without padding."""
    return convolved(b, value, b.integer(1, 3), kernel_shape=b.each(1, 3), strides=b.each(1, 2))


@layer
def same(b: Builder, value: Value) -> Value:
    """A 3x3 convolution that keeps the extents."""
    ones = [1] * b.rank
    return convolved(b, value, b.integer(1, 4), kernel_shape=[3] * b.rank, pads=[*ones, *ones])


@layer
def pool(b: Builder, value: Value) -> Value:
    """A pool of any kind, kernel, stride and padding."""
    operator = b.pick(["MaxPool", "AveragePool", "LpPool"])
    kernel = b.each(1, 3)
    attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": b.each(1, 3)}
    attributes |= padding(b, kernel, below_kernel=True)
    if "auto_pad" not in attributes and b.chance():
        attributes["ceil_mode"] = 1
    if operator == "AveragePool" and b.chance():
        attributes["count_include_pad"] = 1
    check_fits(value, attributes)
    return b.add(operator, [value], **attributes)


@layer
def plain_pool(b: Builder, value: Value) -> Value:
    """A pool with a stride and no padding."""
    attributes = {"kernel_shape": b.each(1, 3), "strides": b.each(1, 2)}
    check_fits(value, attributes)
    return b.add(b.pick(["MaxPool", "AveragePool"]), [value], **attributes)


@layer
def transposed(b: Builder, value: Value) -> Value:
    """A transposed convolution."""
    kernel, strides = b.each(1, 4), b.each(1, 3)
    pads = [b.integer(0, (k - 1) // 2) for k in kernel * 2]
    units = b.integer(1, 3)
    extra = [b.integer(0, stride - 1) for stride in strides]
    return b.add(
        "ConvTranspose",
        [value, b.weight([value.channels, units, *kernel])],
        kernel_shape=kernel,
        strides=strides,
        pads=pads if b.chance() else None,
        output_padding=extra if b.chance(3) else None,
    )


@layer
def resize(b: Builder, value: Value) -> Value:
    """Interpolation by scales."""
    mode = b.pick(["nearest", "linear", "cubic"])
    if mode == "cubic" and b.rank != 2:
        raise Unfit
    coordinates = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]
    coordinates += ["half_pixel_symmetric"]
    scales = [b.pick([2.0, 1.0, 0.5, 3.0, 1.5, 0.7, 1 / 3]) for _ in range(b.rank)]
    antialias = mode != "nearest" and b.rank == 2 and b.chance(3)
    return b.add(
        "Resize",
        [value, "", b.constant([1.0, 1.0, *scales])],
        mode=mode,
        coordinate_transformation_mode=b.pick(coordinates),
        nearest_mode=b.pick(["round_prefer_floor", "floor", "ceil", "round_prefer_ceil"])
        if mode == "nearest"
        else None,
        antialias=int(antialias) or None,
    )


@layer
def margins(b: Builder, value: Value) -> Value:
    """Pad of any kind; negative margins cut."""
    mode = b.pick(["constant", "constant", "edge", "reflect"])
    low = -1 if mode == "constant" else 0
    pads = [0, 0, *b.each(low, 2), 0, 0, *b.each(low, 2)]
    if mode == "reflect" and min(value.extents) < 3:
        raise Unfit
    return b.add("Pad", [value, b.integers(pads)], mode=mode)


@layer
def crop(b: Builder, value: Value) -> Value:
    """A Slice from a start to an end, in steps."""
    starts, ends = b.each(0, 2), [b.pick([2**31 - 1, -1, -2]) for _ in range(b.rank)]
    steps = [b.pick([1, 1, 2]) for _ in range(b.rank)]
    axes = b.integers(range(2, 2 + b.rank))
    return b.add("Slice", [value, b.integers(starts), b.integers(ends), axes, b.integers(steps)])


@layer
def pad_and_crop(b: Builder, value: Value) -> Value:
    """A padded convolution whose padded positions are cut off again."""
    padded = same(b, value)
    ends = [b.pick([-1, -2]) for _ in range(b.rank)]
    axes = b.integers(range(2, 2 + b.rank))
    return b.add("Slice", [padded, b.integers(b.each(1, 2)), b.integers(ends), axes])
