"""Elements that merge the spatial axes into one axis of positions."""

from .builder import TrunkBuilder, Value, softmax_along
from .channels_last import on_features
from .elements import element
from .extents import largest, smallest
from .targets import map_positions, view

_LARGEST_MATRIX = 400
"""Positions that a constant matrix takes, at any image size."""


@element("merged positions", ranks=(2, 3), share=2)
def write_merged(b: TrunkBuilder, value: Value) -> Value | None:
    """``[N, C, positions]`` around elementwise operators, softmax over channels, a convolution."""
    merged = view(b, value, (value.shape[0], map_positions(value)), like=value)
    kind = b.spell(b.pick(["elementwise", "softmax of channels", "constant", "Conv"]))
    channels = value.shape[0]
    if kind == "elementwise":
        merged = b.unary(merged, "Relu", "Tanh", "Sigmoid")
    elif kind == "softmax of channels":
        merged = softmax_along(b, merged, 1)
    elif kind == "constant":
        merged = b.add("Mul", [merged, b.uniform([channels, 1], 0.5, 1.5)], merged.shape)
    else:
        weight = b.weight([channels, channels, 1], fan_in=channels)
        merged = b.add("Conv", [merged, weight], merged.shape)
    return view(b, merged, value.shape, like=value)


@element("merged positions, channels last")
def write_tokens(b: TrunkBuilder, value: Value) -> Value | None:
    """``[N, positions, C]`` around operators on the features of every position."""
    merged = view(b, value, (value.shape[0], map_positions(value)), like=value)
    tokens = on_features(b, b.transpose(merged, [0, 2, 1]))
    after = (tokens.shape[-1], *value.shape[1:])
    return view(b, b.transpose(tokens, [0, 2, 1]), after, like=value)


@element("softmax over positions by Flatten")
def write_spatial_softmax(b: TrunkBuilder, value: Value) -> Value | None:
    """``[N * C, positions]`` by Flatten, and back."""
    rows = b.add("Flatten", [value], (map_positions(value),), axis=2)
    axis = b.pick([1, -1]) if b.opset >= 13 else 1
    weights = b.add("Softmax", [rows], rows.shape, axis=axis)
    spread = view(b, weights, value.shape, source_lead=value.shape[0], like=value)
    # A softmax of many positions is small beside the map that it is added to.
    cells = b.add("Mul", [spread, b.constant(6.3)], value.shape)
    return b.add("Add", [value, cells], value.shape)


@element("global context")
def write_global_context(b: TrunkBuilder, value: Value) -> Value | None:
    """A softmax over positions weighs the cells; their sum is added to the map."""
    channels, cells = value.shape[0], map_positions(value)
    scores = view(b, b.conv1x1(value, 1), (1, cells), like=value)
    if b.opset >= 13:
        weights = b.add("Softmax", [scores], scores.shape, axis=b.axis(2, 3))
    else:
        weights = b.add("Softmax", [scores], scores.shape, axis=2)
    merged = view(b, value, (channels, cells), like=value)
    if b.chance():
        b.spell("four axes")
        column = b.unsqueeze(weights, [3])
        context = b.add("MatMul", [b.unsqueeze(merged, [1]), column], (1, channels, 1))
    else:
        context = b.add("MatMul", [merged, b.transpose(weights, [0, 2, 1])], (channels, 1))
    ones = [1] * b.spatial_rank
    target = b.integers([0 if b.batch is None else b.batch, channels, *ones])
    spread = b.add("Reshape", [context, target], (channels, *ones))
    spread = b.conv1x1(spread, channels)
    if b.chance():
        return b.add("Mul", [value, b.unary(spread, "Sigmoid")], value.shape)
    return b.add("Add", [value, spread], value.shape)


@element("non-local block")
def write_non_local(b: TrunkBuilder, value: Value) -> Value | None:
    """Every position reads every other: by softmax, or divided by their number."""
    channels, cells = value.shape[0], map_positions(value)
    units = b.integer(2, 4)
    theta, phi, data = (
        view(b, b.unary(b.conv1x1(value, units), "Tanh"), (units, cells), like=value)
        for _ in range(3)
    )
    scores = b.add("MatMul", [b.transpose(theta, [0, 2, 1]), phi], (cells, cells))
    if b.chance():
        b.spell("softmax")
        weights = b.add("Softmax", [scores], scores.shape, axis=2)
    else:
        b.spell("divided by the positions")
        weights = b.add("Div", [scores, b.number(cells)], scores.shape)
    mixed = b.add("MatMul", [data, b.transpose(weights, [0, 2, 1])], data.shape)
    after = view(b, mixed, (units, *value.shape[1:]), like=value)
    return b.add("Add", [value, b.conv1x1(after, channels)], value.shape)


@element("constant of the positions")
def write_position_embedding(b: TrunkBuilder, value: Value) -> Value | None:
    """A learned position embedding or a matrix over positions: no larger image has one."""
    if any(smallest(extent) < 2 for extent in value.shape[1:]):
        return None
    cells = map_positions(value)
    if largest(cells) > _LARGEST_MATRIX or b.chance():
        b.spell("embedding")
        table = b.constant(b.random_map((1, *value.shape)))
        return b.add("Add", [value, table], value.shape)
    b.spell("matrix")
    merged = view(b, value, (value.shape[0], cells), like=value)
    matrix = b.constant(b.random_map((cells, cells)))
    mixed = b.add("MatMul", [merged, matrix], merged.shape)
    return view(b, b.unary(mixed, "Tanh"), value.shape, like=value)
