"""Dense layers of a head."""

from .builder import Builder, Value
from .operators import as_vector, operator


def _units(b: Builder) -> int:
    return 1 if b.chance(10) else b.integer(2, 6)


def gemm(b: Builder, value: Value, units: int, bias: str | Value | None) -> Value:
    """Gemm with a random spelling of its factors."""
    features = value.size
    transposed = b.chance()
    weight = b.weight([units, features] if transposed else [features, units], fan_in=features)
    operands: list[str | Value] = [value, weight]
    if bias is not None:
        operands.append(bias)
    return b.add(
        "Gemm",
        operands,
        [units],
        transB=1 if transposed else b.pick([None, 0]),
        alpha=b.pick([None, 1.0, 0.5]),
        beta=b.pick([None, 1.0, 2.0]) if not isinstance(bias, Value) else None,
    )


@operator("Gemm")
def write_gemm(b: Builder, value: Value) -> Value:
    value, units = as_vector(b, value), _units(b)
    shapes: list[list[int] | None] = [[units], [1, units], [1], [], None]
    shape = b.pick(shapes if b.opset >= 11 else shapes[:-1])
    return gemm(b, value, units, None if shape is None else b.weight(shape, fan_in=4))


@operator("Gemm with computed C")
def write_gemm_with_computed_bias(b: Builder, value: Value) -> Value:
    value = as_vector(b, value)
    alike = [other for other in b.seen if other.rank == 2]
    bias = b.pick(alike) if alike and b.chance() else value
    return gemm(b, value, bias.size, bias)


@operator("MatMul")
def write_matmul(b: Builder, value: Value) -> Value:
    value, units = as_vector(b, value), _units(b)
    weight = b.weight([value.size, units], fan_in=value.size)
    return b.add("MatMul", [value, weight], [units])


@operator("MatMul + Add")
def write_matmul_and_bias(b: Builder, value: Value) -> Value:
    product = write_matmul(b, value)
    bias = b.weight(b.pick([product.shape, (1, *product.shape)]), fan_in=4)
    return b.add("Add", [bias, product] if b.chance() else [product, bias], product.shape)


@operator("MatMul, constant left")
def write_matmul_from_the_left(b: Builder, value: Value) -> Value:
    value, units = as_vector(b, value), _units(b)
    columns = b.add("Transpose", [value], value.shape, perm=b.pick([None, [1, 0]]))
    weight = b.weight([units, value.size], fan_in=value.size)
    product = b.add("MatMul", [weight, columns], [units])
    if b.chance(3):
        product = b.add("Tanh", [product], [units])
    return b.add("Transpose", [product], [units], perm=[1, 0])


@operator("Conv 1x1")
def write_conv(b: Builder, value: Value) -> Value:
    value, units = as_vector(b, value), _units(b)
    ones = [1] * b.spatial_rank
    if b.chance():
        value = b.unsqueeze(value, [2 + axis for axis in range(b.spatial_rank)])
    else:
        value = b.reshape(value, [value.size, *ones])
    operands: list[str | Value] = [value, b.weight([units, value.size, *ones], fan_in=value.size)]
    if b.chance():
        operands.append(b.weight([units], fan_in=4))
    attributes = {"kernel_shape": b.pick([None, ones]), "strides": b.pick([None, ones])}
    return b.add("Conv", operands, [units, *ones], **attributes)


@operator("Conv 1x1 at once")
def write_conv_on_pooled(b: Builder, value: Value) -> Value:
    ones = [1] * b.spatial_rank
    if list(value.shape[1:]) != ones:
        return write_conv(b, value)
    units, features = _units(b), value.shape[0]
    weight = b.weight([units, features, *ones], fan_in=features)
    return b.add("Conv", [value, weight], [units, *ones])
