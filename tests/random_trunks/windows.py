"""Elements that work on windows of 2x2 cells, as vision transformers for mobile devices do."""

from .builder import TrunkBuilder, Value
from .channels_last import on_features, to_first, to_last
from .elements import element
from .extents import product
from .targets import view


def _attention(b: TrunkBuilder, tokens: Value) -> Value:
    """Attention without weights among tokens ``[N, T, C]``."""
    count, features = tokens.shape
    turned = b.transpose(tokens, [0, 2, 1])
    scores = b.add("MatMul", [tokens, turned], (count, count))
    scores = b.add("Mul", [scores, b.constant(features**-0.5)], scores.shape)
    weights = b.add("Softmax", [scores], scores.shape, axis=2)
    return b.add("MatMul", [weights, tokens], tokens.shape)


@element("windows as batch", ranks=(2,))
def write_windows(b: TrunkBuilder, value: Value) -> Value | None:
    """``[N * H/2 * W/2, 4, C]`` around operators on windows of 2x2 cells, and back."""
    channels, height, width = value.shape
    if height % 2 != 0 or width % 2 != 0:
        return None
    halves = (height // 2, width // 2)
    last = to_last(b, value)
    split = view(b, last, (halves[0], 2, halves[1], 2, channels), like=value)
    turned = b.transpose(split, [0, 1, 3, 2, 4, 5])
    count = product(halves)
    windows = _on_windows(b, view(b, turned, (4, channels), lead=count, like=turned))
    shape = (*halves, 2, 2, windows.shape[-1])
    grid = view(b, windows, shape, source_lead=count, like=turned)
    back = b.transpose(grid, [0, 1, 3, 2, 4, 5])
    return to_first(b, view(b, back, (height, width, windows.shape[-1]), like=last))


def _on_windows(b: TrunkBuilder, windows: Value) -> Value:
    """Operators on ``[N * windows, 4, C]``: of features, of the four cells, or attention."""
    kind = b.spell(b.pick(["of features", "of cells", "attention"]))
    if kind == "of features":
        return on_features(b, windows)
    if kind == "attention":
        return _attention(b, windows)
    cells, _ = windows.shape
    turned = b.transpose(windows, [0, 2, 1])
    mixed = b.add("MatMul", [turned, b.weight([cells, cells], fan_in=cells)], turned.shape)
    return b.transpose(mixed, [0, 2, 1])


@element("patches unfolded", ranks=(2,))
def write_unfolded(b: TrunkBuilder, value: Value) -> Value | None:
    """``[4 * N, patches, C]``: equal places of all 2x2 patches see each other, and back."""
    channels, height, width = value.shape
    if height % 2 != 0 or width % 2 != 0:
        return None
    rows, columns = height // 2, width // 2
    patches = rows * columns
    strips = view(b, value, (2, columns, 2), lead=channels * rows, like=value)
    turned = b.transpose(strips, [0, 2, 1, 3])
    grid = view(b, turned, (channels, patches, 4), source_lead=channels * rows, like=value)
    places = b.transpose(grid, [0, 3, 2, 1])
    tokens = view(b, places, (patches, channels), lead=4, like=places)
    if b.chance():
        b.spell("attention")
        tokens = _attention(b, tokens)
    else:
        b.spell("of features")
        tokens = on_features(b, tokens)
    features = tokens.shape[-1]
    apart = view(b, tokens, (4, patches, features), source_lead=4, like=places)
    grid = b.transpose(apart, [0, 3, 2, 1])
    strips = view(b, grid, (columns, 2, 2), lead=features * rows, like=value)
    turned = b.transpose(strips, [0, 2, 1, 3])
    after = (features, height, width)
    return view(b, turned, after, source_lead=features * rows, like=value)
