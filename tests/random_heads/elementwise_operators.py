"""Elementwise operators of a head."""

from collections.abc import Callable

import numpy as np

from .builder import BOOL, DOUBLE, FLOAT, HALF, INT8, INT32, INT64, UINT8, Builder, Value
from .operators import OPERATORS, Operator, as_vector, constant_shape, operator, partner
from .trunks import batch_normalization

_UNARY = {
    7: "Abs Ceil Cos Elu Floor HardSigmoid Identity LeakyRelu Neg Relu Selu Sigmoid Sin Softplus"
    " Softsign Tanh Atan",
    9: "Asinh Erf Shrink Sign",
    10: "ThresholdedRelu",
    11: "Round",
    12: "Celu",
    14: "HardSwish",
    18: "Mish",
    20: "Gelu",
    24: "Swish",
}
"""Operators on any number, by first opset."""

_ON_UNIT = {7: "Acos Asin Log Reciprocal Sqrt", 9: "Atanh"}
"""Operators on numbers between 0 and 1."""

_ON_TAME = {7: "Exp Tan", 9: "Cosh Sinh"}
"""Operators that grow fast: on numbers between -1 and 1."""


def _register_unary(table: dict[int, str], prepare: str | None) -> None:
    for since, names in table.items():
        for name in names.split():
            OPERATORS[name] = Operator(name, since, _unary(name, prepare))


def _unary(name: str, prepare: str | None) -> Callable[[Builder, Value], Value]:
    def write(b: Builder, value: Value) -> Value:
        if prepare is not None:
            value = b.add(prepare, [value], value.shape)
        if prepare == "Sigmoid":
            value = b.add("Mul", [value, b.constant(0.9)], value.shape)
            value = b.add("Add", [value, b.constant(0.05)], value.shape)
        if name in ("Ceil", "Floor", "Round"):
            value = b.add("Mul", [value, b.constant(3.7)], value.shape)
        return b.add(name, [value], value.shape, **_unary_attributes(b, name))

    return write


def _unary_attributes(b: Builder, name: str) -> dict[str, object]:
    if name in ("Elu", "Celu", "LeakyRelu", "ThresholdedRelu"):
        return {"alpha": b.pick([None, 0.3])}
    if name == "Gelu":
        return {"approximate": b.pick([None, "tanh"])}
    if name == "Shrink":
        return {"lambd": 0.2, "bias": 0.1}
    return {}


_register_unary(_UNARY, None)
_register_unary(_ON_UNIT, "Sigmoid")
_register_unary(_ON_TAME, "Tanh")


@operator("Acosh", 9)
def write_acosh(b: Builder, value: Value) -> Value:
    value = b.add("Sigmoid", [value], value.shape)
    value = b.add("Add", [value, b.constant(1.1)], value.shape)
    return b.add("Acosh", [value], value.shape)


@operator("Dropout")
def write_dropout(b: Builder, value: Value) -> Value:
    if b.opset < 12:
        return b.add("Dropout", [value], value.shape, ratio=b.pick([None, 0.3]))
    operands: list[str | Value] = [value]
    if b.chance():
        operands.append(b.constant(0.3))
        if b.chance():
            operands.append(b.constant(False, np.bool_))
    return b.add("Dropout", operands, value.shape)


@operator("Clip")
def write_clip(b: Builder, value: Value) -> Value:
    low, high = b.pick([None, -0.4]), b.pick([None, 0.6, 6.0])
    if b.opset < 11:
        return b.add("Clip", [value], value.shape, min=low, max=high)
    operands: list[str | Value] = [value]
    if low is not None or high is not None:
        operands.append("" if low is None else b.constant(low))
    if high is not None:
        operands.append(b.constant(high))
    return b.add("Clip", operands, value.shape)


def _binary(name: str) -> Callable[[Builder, Value], Value]:
    def write(b: Builder, value: Value) -> Value:
        computed = b.chance(3)
        if name == "Pow":
            value = b.add("Sigmoid", [value], value.shape)
        if computed:
            other: str | Value = partner(b, value)
        else:
            other = b.uniform(constant_shape(b, value), 0.3, 1.7)
        operands = [other, value] if b.chance(3) else [value, other]
        if name in ("Div", "Mod") and isinstance(operands[1], Value):
            # Far from 0, where a rounding would decide the answer.
            tame = b.add("Tanh", [operands[1]], value.shape)
            operands[1] = b.add("Exp", [tame], value.shape)
        return b.add(name, operands, value.shape, fmod=1 if name == "Mod" else None)

    return write


for _name in ("Add", "Sub", "Mul", "Div", "Pow"):
    OPERATORS[_name] = Operator(_name, 7, _binary(_name))
OPERATORS["Mod"] = Operator("Mod", 10, _binary("Mod"))


def _variadic(name: str) -> Callable[[Builder, Value], Value]:
    def write(b: Builder, value: Value) -> Value:
        operands: list[str | Value] = [value]
        for _ in range(b.integer(0, 2)):
            # Before opset 8 they do not broadcast.
            if b.opset < 8 or b.chance():
                operands.append(partner(b, value))
            else:
                operands.append(b.uniform(constant_shape(b, value), -0.5, 0.5))
        return b.add(name, operands, value.shape)

    return write


for _name in ("Max", "Min", "Sum", "Mean"):
    OPERATORS[_name] = Operator(_name, 7, _variadic(_name))


@operator("PRelu")
def write_prelu(b: Builder, value: Value) -> Value:
    slope = b.uniform(constant_shape(b, value), 0.1, 0.5)
    return b.add("PRelu", [value, slope], value.shape)


def _compared(b: Builder, value: Value) -> Value:
    name = b.pick(["Greater", "Less", *(["GreaterOrEqual", "LessOrEqual"] * (b.opset >= 12))])
    if b.chance(3):
        other: str | Value = partner(b, value)
    else:
        other = b.uniform(constant_shape(b, value), -0.5, 0.5)
    return b.add(name, [value, other], value.shape, BOOL)


@operator("Where", 9)
def write_where(b: Builder, value: Value) -> Value:
    condition: str | Value
    kind = b.pick(["compared", "constant", "IsNaN"])
    if kind == "compared":
        condition = _compared(b, value)
    elif kind == "constant":
        shape = constant_shape(b, value)
        condition = b.constant(b.normal(shape) > 0, np.bool_)
    else:
        condition = b.add("IsNaN", [value], value.shape, BOOL)
    other: str | Value = partner(b, value) if b.chance() else b.uniform([], 0.1, 0.9)
    choices = [value, other] if b.chance() else [other, value]
    return b.add("Where", [condition, *choices], value.shape)


@operator("Greater, Less, And, Or, Xor, Not")
def write_logic(b: Builder, value: Value) -> Value:
    first = _compared(b, value)
    kind = b.pick(["Not", "And", "Or", "Xor"])
    operands = [first] if kind == "Not" else [first, _compared(b, value)]
    answer = b.add(kind, operands, value.shape, BOOL)
    return b.add("Cast", [answer], value.shape, to=FLOAT)


@operator("Equal")
def write_equal(b: Builder, value: Value) -> Value:
    scaled = b.add("Mul", [value, b.constant(3.0)], value.shape)
    whole = b.add("Cast", [scaled], value.shape, INT64, to=INT64)
    answer = b.add("Equal", [whole, b.integers(0)], value.shape, BOOL)
    return b.add("Cast", [answer], value.shape, to=FLOAT)


@operator("BitwiseNot", 18)
def write_bitwise_not(b: Builder, value: Value) -> Value:
    scaled = b.add("Mul", [value, b.constant(5.0)], value.shape)
    whole = b.add("Cast", [scaled], value.shape, INT32, to=INT32)
    answer = b.add("BitwiseNot", [whole], value.shape, INT32)
    return b.add("Cast", [answer], value.shape, to=FLOAT)


@operator("IsInf", 10)
def write_is_infinite(b: Builder, value: Value) -> Value:
    answer = b.add("IsInf", [value], value.shape, BOOL)
    number = b.add("Cast", [answer], value.shape, to=FLOAT)
    return b.add("Add", [number, value], value.shape)


@operator("Cast")
def write_cast(b: Builder, value: Value) -> Value:
    other = b.pick([DOUBLE, HALF, INT32, INT64])
    if other in (INT32, INT64):
        value = b.add("Mul", [value, b.constant(7.3)], value.shape)
    if other == HALF:
        b.exact = False
    return b.add("Cast", [b.add("Cast", [value], value.shape, other, to=other)], value.shape, to=1)


@operator("QuantizeLinear, DequantizeLinear", 10)
def write_quantization(b: Builder, value: Value) -> Value:
    dtype, number = b.pick([(UINT8, np.uint8), (INT8, np.int8)])
    each = b.opset >= 13 and value.rank == 2 and b.chance(3)
    shape = value.shape if each else ()
    operands = [b.uniform(shape, 0.02, 0.06)]
    if number is np.int8 or each or b.chance():
        zero = np.full(shape, 5 if number is np.int8 else 120)
        operands.append(b.constant(zero, number))
    axis = b.pick([None, b.axis(1, value.rank)]) if each else None
    quantized = b.add("QuantizeLinear", [value, *operands], value.shape, dtype, axis=axis)
    return b.add("DequantizeLinear", [quantized, *operands], value.shape, axis=axis)


@operator("GELU by Erf", 9)
def write_gelu(b: Builder, value: Value) -> Value:
    scaled = b.add("Div", [value, b.constant(1.4142135)], value.shape)
    raised = b.add("Add", [b.add("Erf", [scaled], value.shape), b.constant(1.0)], value.shape)
    product = b.add("Mul", [value, raised], value.shape)
    return b.add("Mul", [product, b.constant(0.5)], value.shape)


@operator("SiLU written out")
def write_silu(b: Builder, value: Value) -> Value:
    return b.add("Mul", [value, b.add("Sigmoid", [value], value.shape)], value.shape)


@operator("HardSwish written out")
def write_hard_swish(b: Builder, value: Value) -> Value:
    raised = b.add("Add", [value, b.constant(3.0)], value.shape)
    if b.opset < 11:
        gate = b.add("Clip", [raised], value.shape, min=0.0, max=6.0)
    else:
        gate = b.add("Clip", [raised, b.constant(0.0), b.constant(6.0)], value.shape)
    product = b.add("Mul", [value, gate], value.shape)
    return b.add("Div", [product, b.constant(6.0)], value.shape)


@operator("Mish written out")
def write_mish(b: Builder, value: Value) -> Value:
    gate = b.add("Tanh", [b.add("Softplus", [value], value.shape)], value.shape)
    return b.add("Mul", [value, gate], value.shape)


@operator("residual")
def write_residual(b: Builder, value: Value) -> Value:
    value = as_vector(b, value)
    weight = b.weight([value.size, value.size], fan_in=value.size)
    branch = b.add("MatMul", [value, weight], value.shape)
    branch = b.add("Relu", [branch], value.shape)
    return b.add("Add", [value, branch] if b.chance() else [branch, value], value.shape)


@operator("BatchNormalization")
def write_batch_normalization(b: Builder, value: Value) -> Value:
    return batch_normalization(b, as_vector(b, value))
