"""Operators along the features of a head, and those that cut, pick and join features."""

from collections.abc import Callable

from .builder import INT32, INT64, Builder, Value
from .operators import OPERATORS, Operator, as_vector, operator, partner

_REDUCTIONS = (
    "ReduceMean ReduceMax ReduceMin ReduceSum ReduceL1 ReduceL2 ReduceSumSquare ReduceProd"
    " ReduceLogSumExp"
)


def _feature_axis(b: Builder, value: Value) -> int:
    """An axis of the features, the last one first, seldom one of extent 1."""
    axes = list(range(value.rank - 1, 0, -1))
    wide = [axis for axis in axes if value.shape[axis - 1] != 1]
    return b.pick(wide if wide and not b.chance(12) else axes)


def _with_features(b: Builder, value: Value) -> Value:
    return as_vector(b, value) if value.rank == 1 else value


def _softmax(name: str) -> Callable[[Builder, Value], Value]:
    def write(b: Builder, value: Value) -> Value:
        if b.opset < 13:
            value = as_vector(b, value)
            axis = b.pick([None, b.axis(1, 2)])
        else:
            value = _with_features(b, value)
            place = _feature_axis(b, value)
            spelled = b.axis(place, value.rank)
            axis = b.pick([None, spelled]) if place == value.rank - 1 else spelled
        return b.add(name, [value], value.shape, axis=axis)

    return write


for _name in ("Softmax", "LogSoftmax", "Hardmax"):
    OPERATORS[_name] = Operator(_name, 7, _softmax(_name))


def _arg(name: str) -> Callable[[Builder, Value], Value]:
    def write(b: Builder, value: Value) -> Value:
        value = _with_features(b, value)
        axis = _feature_axis(b, value)
        keep = b.chance()
        shape = list(value.shape)
        shape[axis - 1] = 1
        if not keep:
            del shape[axis - 1]
        attributes = {"axis": b.axis(axis, value.rank), "keepdims": None if keep else 0}
        if b.opset >= 12:
            attributes["select_last_index"] = b.pick([None, 1])
        return b.add(name, [value], shape, INT64, **attributes)

    return write


for _name in ("ArgMax", "ArgMin"):
    OPERATORS[_name] = Operator(_name, 7, _arg(_name))


@operator("TopK")
def write_top_k(b: Builder, value: Value) -> Value:
    value = _with_features(b, value)
    axis = _feature_axis(b, value)
    k = b.integer(1, value.shape[axis - 1])
    shape = list(value.shape)
    shape[axis - 1] = k
    spelled = b.pick([b.axis(axis, value.rank), None if axis == value.rank - 1 else axis])
    dtypes = [value.dtype, INT64]
    if b.opset < 10:
        outputs = b.add_many("TopK", [value], [shape] * 2, dtypes, k=k, axis=spelled)
    else:
        largest = b.pick([None, 0]) if b.opset >= 11 else None
        operands = [value, b.integers([k])]
        outputs = b.add_many("TopK", operands, [shape] * 2, dtypes, axis=spelled, largest=largest)
    return outputs[1] if b.chance(4) else outputs[0]


@operator("CumSum", 11)
def write_cumsum(b: Builder, value: Value) -> Value:
    value = _with_features(b, value)
    axis = b.axis(_feature_axis(b, value), value.rank)
    place = b.integers(axis) if b.chance() else b.constant(axis, "int32")
    exclusive, backwards = b.pick([None, 1]), b.pick([None, 1])
    return b.add("CumSum", [value, place], value.shape, exclusive=exclusive, reverse=backwards)


@operator("LayerNormalization", 17)
def write_layer_normalization(b: Builder, value: Value) -> Value:
    value = as_vector(b, value)
    operands = [value, b.uniform(value.shape, 0.5, 1.5)]
    if b.chance():
        operands.append(b.weight(value.shape, fan_in=4))
    axis, epsilon = b.pick([None, -1, 1]), b.pick([None, 1e-3])
    return b.add("LayerNormalization", operands, value.shape, axis=axis, epsilon=epsilon)


@operator("RMSNormalization", 23)
def write_rms_normalization(b: Builder, value: Value) -> Value:
    value = as_vector(b, value)
    operands = [value, b.uniform(value.shape, 0.5, 1.5)]
    return b.add("RMSNormalization", operands, value.shape, axis=b.pick([None, -1, 1]))


@operator("LpNormalization")
def write_lp_normalization(b: Builder, value: Value) -> Value:
    value = _with_features(b, value)
    axis = _feature_axis(b, value)
    spelled = b.pick([axis, axis - value.rank])
    return b.add("LpNormalization", [value], value.shape, axis=spelled, p=b.pick([None, 1, 2]))


@operator("L2 normalisation by ReduceL2")
def write_l2_by_norm(b: Builder, value: Value) -> Value:
    value = as_vector(b, value)
    norm = b.reduce("ReduceL2", value, [1], keep=True)
    small = b.constant(0.01)
    norm = b.add(b.pick(["Max", "Add"]) if b.opset >= 8 else "Add", [norm, small], norm.shape)
    return b.add("Div", [value, norm], value.shape)


@operator("L2 normalisation by ReduceSum")
def write_l2_by_sum(b: Builder, value: Value) -> Value:
    value = as_vector(b, value)
    square = b.add("Mul", [value, value], value.shape)
    total = b.reduce("ReduceSum", square, [1], keep=True)
    total = b.add("Add", [total, b.constant(0.01)], total.shape)
    root = b.add("Sqrt", [total], total.shape)
    if b.chance(3):
        return b.add("Mul", [value, b.add("Reciprocal", [root], root.shape)], value.shape)
    return b.add("Div", [value, root], value.shape)


def _reduction(name: str) -> Callable[[Builder, Value], Value]:
    def write(b: Builder, value: Value) -> Value:
        value = _with_features(b, value)
        axes = [_feature_axis(b, value)]
        if b.spatial_rank + 2 != value.rank > 2 and b.chance(3):
            axes = list(range(1, value.rank))
        return b.reduce(name, value, axes, keep=b.chance())

    return write


for _name in _REDUCTIONS.split():
    OPERATORS[f"{_name} of features"] = Operator(f"{_name} of features", 7, _reduction(_name))


@operator("Concat", 7)
def write_concat(b: Builder, value: Value) -> Value:
    value = _with_features(b, value)
    axis = _feature_axis(b, value)
    operands = [value, *(partner(b, value) for _ in range(b.integer(1, 2)))]
    shape = list(value.shape)
    shape[axis - 1] *= len(operands)
    return b.add("Concat", operands, shape, axis=b.axis(axis, value.rank))


@operator("Split")
def write_split(b: Builder, value: Value) -> Value:
    value = _with_features(b, value)
    axis = _feature_axis(b, value)
    extent = value.shape[axis - 1]
    if extent < 2:
        return b.add("Identity", [value], value.shape)
    first = extent // 2 if extent % 2 == 0 and b.chance() else b.integer(1, extent - 1)
    lengths = [first, extent - first]
    shapes = [[*value.shape[: axis - 1], part, *value.shape[axis:]] for part in lengths]
    spelled = b.axis(axis, value.rank)
    even = first * 2 == extent and b.chance()
    if even and b.opset >= 18:
        parts = b.add_many("Split", [value], shapes, axis=spelled, num_outputs=2)
    elif even:
        parts = b.add_many("Split", [value], shapes, axis=spelled)
    elif b.opset >= 13:
        parts = b.add_many("Split", [value, b.integers(lengths)], shapes, axis=spelled)
    else:
        parts = b.add_many("Split", [value], shapes, axis=spelled, split=lengths)
    use = b.pick(["first", "second", "swapped", "gated"])
    if use == "swapped":
        return b.add("Concat", parts[::-1], value.shape, axis=spelled)
    if use == "gated" and first * 2 == extent:
        return b.add("Mul", [parts[0], b.add("Sigmoid", [parts[1]], shapes[1])], shapes[0])
    return parts[1] if use == "second" else parts[0]


@operator("Slice")
def write_slice(b: Builder, value: Value) -> Value:
    value = _with_features(b, value)
    axis = _feature_axis(b, value)
    extent = value.shape[axis - 1]
    start = b.integer(0, extent - 1)
    stop = b.integer(start + 1, extent)
    ends = [stop - extent if stop < extent and b.chance() else stop]
    if stop == extent and b.chance():
        ends = [2**31 - 1]
    step = 1 if b.opset < 10 else b.pick([1, 2])
    shape = list(value.shape)
    shape[axis - 1] = len(range(start, stop, step))
    spelled = b.axis(axis, value.rank)
    if b.opset < 10:
        return b.add("Slice", [value], shape, axes=[spelled], starts=[start], ends=ends)
    operands: list[str | Value] = [value, b.integers([start]), b.integers(ends)]
    if step != 1 or b.chance():
        operands += [b.integers([spelled]), b.integers([step])]
    else:
        operands += [b.integers([spelled])]
    return b.add("Slice", operands, shape)


@operator("Gather")
def write_gather(b: Builder, value: Value) -> Value:
    value = _with_features(b, value)
    axis = _feature_axis(b, value)
    extent = value.shape[axis - 1]
    kind = b.pick(["list", "number", "table"])
    order = b.permutation(extent, b.integer(1, extent))
    if b.chance(4):
        order = [*order, order[0]]
    indices: list[int] | list[list[int]] | int = order
    middle = [len(order)]
    if kind == "number":
        indices, middle = order[0], []
    elif kind == "table":
        indices, middle = [order, order[::-1]], [2, len(order)]
    if b.opset >= 11 and kind == "list" and b.chance():
        indices = [i - extent for i in order]
    shape = [*value.shape[: axis - 1], *middle, *value.shape[axis:]]
    operands = [value, b.integers(indices)]
    return b.add("Gather", operands, shape, axis=b.axis(axis, value.rank))


@operator("Unsqueeze")
def write_unsqueeze(b: Builder, value: Value) -> Value:
    return b.unsqueeze(value, [b.pick(list(range(value.rank, 0, -1)))])


@operator("Squeeze")
def write_squeeze(b: Builder, value: Value) -> Value:
    value = _with_features(b, value)
    if 1 not in value.shape:
        value = b.unsqueeze(value, [value.rank])
    ones = [axis for axis, extent in enumerate(value.shape, 1) if extent == 1]
    return b.squeeze(value, [b.pick(ones)] if b.chance() else ones)


@operator("Reshape")
def write_reshape(b: Builder, value: Value) -> Value:
    """Groups of features, or axes of extent 1, or one axis."""
    divisors = [d for d in range(1, value.size + 1) if value.size % d == 0]
    groups = b.pick(divisors)
    shapes = [[groups, value.size // groups], [value.size], [value.size, 1], [1, value.size]]
    return b.reshape(value, b.pick(shapes))


@operator("Transpose")
def write_transpose(b: Builder, value: Value) -> Value:
    """The axes of the features in another order, as in a shuffle of groups."""
    if value.rank < 3:
        divisors = [d for d in range(1, value.size + 1) if value.size % d == 0]
        groups = b.pick(divisors[::-1])
        value = b.reshape(value, [groups, value.size // groups])
    perm = [0, *(1 + i for i in b.permutation(value.rank - 1))]
    if b.chance():
        perm = [0, *range(value.rank - 1, 0, -1)]
    value = b.transpose(value, perm)
    return b.flatten(value) if b.chance() else value


@operator("Cast of ArgMax")
def write_class_number(b: Builder, value: Value) -> Value:
    """The class as a number of another type."""
    value = as_vector(b, value)
    arg = b.add("ArgMax", [value], [1], INT64, axis=1)
    return b.add("Cast", [arg], [1], INT32, to=INT32)
