"""Elements that change the size of a map by Resize or Upsample."""

from typing import Any

from .builder import FLOAT, INT64, Operand, TrunkBuilder, Value
from .elements import element
from .extents import product
from .targets import dimension, whole_shape

_NEAREST = [
    ("asymmetric", "floor"),
    ("half_pixel", "round_prefer_floor"),
    ("half_pixel", None),
    ("asymmetric", "ceil"),
]
_LINEAR = ["half_pixel", "align_corners", "pytorch_half_pixel", "asymmetric"]


def _method(b: TrunkBuilder) -> dict[str, Any]:
    """Attributes that say how it interpolates."""
    if b.opset == 10:
        return {"mode": b.pick(["nearest", "linear"]) if b.spatial_rank == 2 else "nearest"}
    mode = b.pick(["nearest", "linear"] + ["cubic"] * (b.spatial_rank == 2))
    if mode == "nearest":
        place, rounding = b.pick(_NEAREST)
        return {
            "mode": mode,
            "coordinate_transformation_mode": place,
            "nearest_mode": rounding,
        }
    attributes: dict[str, Any] = {"mode": mode}
    attributes["coordinate_transformation_mode"] = b.pick(_LINEAR)
    if mode == "cubic":
        attributes["cubic_coeff_a"] = b.pick([None, -0.5])
    return attributes


def to_size(b: TrunkBuilder, value: Value, extents: tuple[int, ...], like: Value) -> Value:
    """A Resize with the sizes as an operand (opset 11 and up)."""
    shape = (value.shape[0], *extents)
    operands: list[Operand]
    operands = [value, "", ""] if b.opset >= 13 else [value, b.constant([]), b.constant([])]
    attributes = _method(b)
    if b.opset >= 18 and b.chance():
        b.spell("sizes of axes")
        operands.append(_sizes_of_axes(b, extents, like))
        axes = [b.axis(axis, value.rank) for axis in range(2, value.rank)]
        return b.add("Resize", operands, shape, axes=axes, **attributes)
    operands.append(whole_shape(b, shape, like))
    return b.add("Resize", operands, shape, **attributes)


def _sizes_of_axes(b: TrunkBuilder, extents: tuple[int, ...], like: Value) -> str:
    if like.shape[1:] != extents or b.chance():
        return b.integers(list(extents))
    parts = [dimension(b, like, axis) for axis in range(2, like.rank)]
    return b.add("Concat", parts, [], INT64, axis=0).name if len(parts) > 1 else parts[0]


@element("Resize by a factor, size baked", 11)
def write_resize_to_multiple(b: TrunkBuilder, value: Value) -> Value | None:
    """Twice or three times the size, written as a size; half of it where that is whole."""
    kind = b.pick(["2", "3", "1/2", "uneven"])
    if kind == "1/2":
        if any(extent % 2 != 0 for extent in value.shape[1:]):
            return None
        extents = [extent // 2 for extent in value.shape[1:]]
    else:
        factors = {"2": [2, 2, 2], "3": [3, 3, 3], "uneven": [2, 1, 3]}[kind]
        extents = [e * f for e, f in zip(value.shape[1:], factors, strict=False)]
    if not b.fits((value.shape[0], *extents)):
        return None
    b.spell(f"factor {kind}")
    return to_size(b, value, tuple(extents), value)


@element("Resize to an earlier map", 11, share=2)
def write_resize_to_earlier(b: TrunkBuilder, value: Value) -> Value | None:
    """The size of a larger map, which it then meets."""
    cells = product(value.shape[1:])
    earlier = [
        other
        for other in b.seen
        if other.shape[1:] != value.shape[1:] and product(other.shape[1:]) > cells
    ]
    if not earlier:
        earlier = [value]
        value = _strided(b, value)
        if value.shape[1:] == earlier[0].shape[1:]:
            return None
    partner = b.pick(earlier[::-1])
    odd = any(e % 2 == 1 for e in map(int, partner.shape[1:]))
    b.spell("odd extents" if odd else "even extents")
    if b.chance():
        value = b.unary(value, "Relu", "Tanh")
    resized = to_size(b, value, partner.shape[1:], partner)
    shape = (value.shape[0] + partner.shape[0], *partner.shape[1:])
    if b.chance() and shape[0] <= 24:
        b.spell("Concat")
        parts = [resized, partner] if b.chance() else [partner, resized]
        return b.add("Concat", parts, shape, axis=b.axis(1, value.rank))
    b.spell("Add")
    if resized.shape[0] != partner.shape[0]:
        resized = b.conv1x1(resized, partner.shape[0])
    return b.add("Add", [partner, resized], partner.shape)


def _strided(b: TrunkBuilder, value: Value) -> Value:
    """Half the size, or a cell less."""
    rank, channels = b.spatial_rank, value.shape[0]
    extents = [(extent - 1) // 2 + 1 for extent in value.shape[1:]]
    weight = b.weight([channels, channels, *[3] * rank], fan_in=3 * channels)
    attributes: dict[str, Any] = {
        "kernel_shape": [3] * rank,
        "strides": [2] * rank,
        "pads": [1] * 2 * rank,
    }
    return b.add("Conv", [value, weight], (channels, *extents), **attributes)


@element("Resize by scales", 10)
def write_resize_by_scales(b: TrunkBuilder, value: Value) -> Value | None:
    """The operator with constant scales."""
    factor = b.pick([2, 1])
    extents = [extent * factor for extent in value.shape[1:-1]] + [value.shape[-1] * 2]
    shape = (value.shape[0], *extents)
    if not b.fits(shape):
        return None
    scales = b.constant([1.0, 1.0, *[float(factor)] * (b.spatial_rank - 1), 2.0])
    if b.opset == 10:
        return b.add("Resize", [value, scales], shape, **_method(b))
    roi = "" if b.opset >= 13 else b.constant([])
    return b.add("Resize", [value, roi, scales], shape, **_method(b))


@element("Upsample", 9, 9, ranks=(2,))
def write_upsample(b: TrunkBuilder, value: Value) -> Value | None:
    """The operator that came before Resize."""
    shape = (value.shape[0], *(extent * 2 for extent in value.shape[1:]))
    if not b.fits(shape):
        return None
    scales = b.constant([1.0, 1.0, 2.0, 2.0])
    return b.add("Upsample", [value, scales], shape, mode=b.pick(["nearest", "linear"]))


@element("scales computed from the size", 9, 12, ranks=(2,))
def write_computed_scales(b: TrunkBuilder, value: Value) -> Value | None:
    """The size baked in, divided by the map's own: what exporters wrote before opset 11."""
    extents = [extent * 2 for extent in value.shape[1:]]
    shape = (value.shape[0], *extents)
    if not b.fits(shape):
        return None
    wanted = b.constant([float(1), float(1)])
    parts = [dimension(b, value, axis) for axis in (2, 3)]
    own = b.add("Concat", parts, [], INT64, axis=0)
    own = b.add("Cast", [own], [], to=FLOAT)
    target = b.add("Cast", [b.integers(extents)], [], to=FLOAT)
    ratio = b.add("Div", [target, own], [])
    scales = b.add("Concat", [wanted, ratio], [], axis=0)
    if b.opset == 9:
        return b.add("Upsample", [value, scales], shape, mode="nearest")
    if b.opset == 10:
        return b.add("Resize", [value, scales], shape, mode="nearest")
    place: dict[str, Any] = {
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    }
    return b.add("Resize", [value, b.constant([]), scales], shape, mode="nearest", **place)
