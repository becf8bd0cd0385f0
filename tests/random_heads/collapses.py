"""Random ways in which the spatial axes disappear."""

import numpy as np

from .builder import Builder, Value
from .trunks import batch_normalization

_REDUCTIONS = (
    "ReduceMean",
    "ReduceMax",
    "ReduceMin",
    "ReduceSum",
    "ReduceL1",
    "ReduceL2",
    "ReduceSumSquare",
)
_GLOBAL_POOLS = ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
_SAFE_UNARY = ("Relu", "Tanh", "Sigmoid", "LeakyRelu", "Abs", "Neg", "Softsign", "Identity")


def write_flattened_window(b: Builder, feature_map: Value) -> Value:
    """A view chain from the map to a vector, which a dense layer must read next."""
    value = feature_map
    if b.chance(6):
        value = _on_window(b, value)
    kind = b.pick(["flatten", "channels-last", "through-3d", "picked", "squeezed", "unsqueezed"])
    if kind == "channels-last":
        value = b.transpose(value, [0, *range(2, value.rank), 1])
    elif kind == "through-3d":
        value = b.reshape(value, [value.shape[0], int(np.prod(value.shape[1:]))])
        if b.chance():
            value = b.transpose(value, [0, 2, 1])
    elif kind == "picked":
        channels = value.shape[0]
        order = b.permutation(channels, b.integer(1, channels))
        value = b.add("Gather", [value, b.integers(order)], (len(order), *value.shape[1:]), axis=1)
    elif kind == "squeezed":
        ones = [axis for axis, extent in enumerate(value.shape, 1) if extent == 1 and axis > 1]
        value = b.squeeze(value, ones) if ones else value
    elif kind == "unsqueezed":
        value = b.unsqueeze(value, [1])
    if value.rank != 2 or b.chance(6):
        value = b.flatten(value)
    b.labels.append(f"collapse: {kind}")
    return value


def write_window_elementwise(b: Builder, value: Value) -> Value:
    """Elementwise operators on the flattened window: unary ones, then linear ones."""
    for _ in range(b.integer(0, 2)):
        if b.chance():
            value = _on_window(b, value)
    for _ in range(b.integer(0, 2)):
        kind = b.pick(["none", "Mul", "Add", "Sub", "Div", "BatchNormalization"])
        if kind == "none":
            continue
        b.labels.append(f"on window: {kind}")
        if kind == "BatchNormalization":
            value = batch_normalization(b, value)
            continue
        shape = b.pick([[value.size], [1, value.size], []])
        constant = b.uniform(shape, 0.5, 2.0)
        swapped = kind != "Div" and b.chance(3)
        value = b.add(kind, [constant, value] if swapped else [value, constant], value.shape)
    return value


def _on_window(b: Builder, value: Value) -> Value:
    operator = b.pick([*_SAFE_UNARY, "Dropout"])
    b.labels.append(f"on window: {operator}")
    return b.add(operator, [value], value.shape)


def write_pooled(b: Builder, feature_map: Value) -> Value:
    """A pool or a reduction over the whole map: ``[C]``, or ``[C, 1, ...]`` or ``[1, ..., C]``."""
    value = feature_map
    if b.chance(6):
        value = _on_window(b, value)
    kind = b.pick(["global", "reduction", "covering", "positions", "channels-last"])
    if kind == "global":
        # ONNX Runtime does not have the newest GlobalLpPool.
        operator = b.pick(_GLOBAL_POOLS if b.opset < 22 else _GLOBAL_POOLS[:2])
        ones = (1,) * b.spatial_rank
        pooled = b.add(operator, [value], (value.shape[0], *ones), p=_norm(b, operator))
    elif kind == "covering":
        pooled, operator = _covering_pool(b, value)
    else:
        operator = b.pick(_REDUCTIONS)
        pooled = _reduced(b, value, operator, kind)
    b.labels.append(f"collapse: {operator} ({kind})")
    return pooled


def _norm(b: Builder, operator: str) -> int | None:
    return b.pick([None, 1, 2, 3]) if "Lp" in operator else None


def _reduced(b: Builder, value: Value, operator: str, kind: str) -> Value:
    if kind == "positions":
        value = b.reshape(value, [value.shape[0], int(np.prod(value.shape[1:]))])
    axes = list(range(2, value.rank))
    if kind == "channels-last":
        value = b.transpose(value, [0, *axes, 1])
        axes = [axis - 1 for axis in axes]
    return b.reduce(operator, value, axes, keep=b.chance())


def _covering_pool(b: Builder, value: Value) -> tuple[Value, str]:
    """A pool whose only position sees the whole map, perhaps padded behind."""
    operator = b.pick(["AveragePool", "MaxPool", "LpPool"])
    extents = value.shape[1:]
    behind = [b.integer(0, extent - 1) if b.chance(3) else 0 for extent in extents]
    pads = [0] * len(extents) + behind
    attributes = {
        "kernel_shape": [e + pad for e, pad in zip(extents, behind, strict=True)],
        "pads": pads if any(pads) else None,
        "strides": b.pick([None, [1] * len(extents), list(extents)]),
        "p": _norm(b, operator),
    }
    if operator == "AveragePool":
        attributes["count_include_pad"] = b.pick([None, 1])
    ones = (1,) * len(extents)
    return b.add(operator, [value], (value.shape[0], *ones), **attributes), operator
