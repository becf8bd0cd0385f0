"""Layers of random trunks: from a tensor ``[N, C, *s]`` to another, at any image size.

The layers are in the other modules; here is what they share.
"""

from collections.abc import Callable
from typing import Any

from .builder import Builder, Unfit, Value

Layer = Callable[[Builder, Value], Value]

LAYERS: dict[str, Layer] = {}
"""All layers by name."""


def layer(write: Layer) -> Layer:
    """Register a layer."""
    LAYERS[write.__name__] = write
    return write


def check_fits(value: Value, attributes: dict[str, Any]) -> None:
    """Leave out kernels that runtimes and shape inference read in different ways.

    Raises:
        Unfit: a kernel is larger than the padded map, or smaller than the stride where the pads
            are automatic.
    """
    kernel = attributes["kernel_shape"]
    if str(attributes.get("auto_pad", "")).startswith("SAME"):
        strides = attributes.get("strides") or kernel
        if any(size < stride for size, stride in zip(kernel, strides, strict=True)):
            raise Unfit
        return
    pads = attributes.get("pads") or [0] * 2 * len(kernel)
    dilations = attributes.get("dilations") or [1] * len(kernel)
    for axis, (size, dilation) in enumerate(zip(kernel, dilations, strict=True)):
        padded = value.extents[axis] + pads[axis] + pads[axis + len(kernel)]
        if padded < dilation * (size - 1) + 1:
            raise Unfit


def convolved(b: Builder, value: Value, units: int, **attributes: Any) -> Value:
    """A convolution with a bias; ``kernel_shape`` says its kernel."""
    check_fits(value, attributes)
    kernel = list(attributes["kernel_shape"])
    weight = b.weight([units, value.channels, *kernel])
    return b.add("Conv", [value, weight, b.weight([units])], **attributes)


def spatial_shape(b: Builder, value: Value) -> str:
    """The extents of a tensor's spatial axes, at run time."""
    return b.node("Shape", [value.name], start=2)
