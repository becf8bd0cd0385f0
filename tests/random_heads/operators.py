"""Random operators of a head: each reads a tensor of the head and writes the next one."""

from collections.abc import Callable
from dataclasses import dataclass

from .builder import Builder, Value

_NEWEST_OPSET = 24

Write = Callable[[Builder, Value], Value]


@dataclass(frozen=True)
class Operator:
    """One way to go on.

    Attributes:
        label: what it is counted as.
        since: first opset that has it and that ONNX Runtime runs.
        write: appends its nodes.
    """

    label: str
    since: int
    write: Write


OPERATORS: dict[str, Operator] = {}
"""Every operator of the heads, by label."""


def operator(label: str, since: int = 7) -> Callable[[Write], Write]:
    """Register a function that appends the nodes of an operator."""

    def register(write: Write) -> Write:
        OPERATORS[label] = Operator(label, since, write)
        return write

    return register


def available(opset: int) -> list[Operator]:
    """The operators that an opset has."""
    return [entry for entry in OPERATORS.values() if entry.since <= opset]


def as_vector(b: Builder, value: Value) -> Value:
    """``[N, F]``, by whatever view that takes."""
    if value.rank == 2:
        return value
    if value.rank == 1:
        return b.unsqueeze(value, [1])
    ones = [axis for axis, extent in enumerate(value.shape, 1) if extent == 1]
    if len(ones) == value.rank - 1:
        ones = ones[1:]
    if len(ones) == value.rank - 2 and b.chance():
        return b.squeeze(value, ones)
    return b.flatten(value)


def partner(b: Builder, value: Value) -> Value:
    """Another tensor of the head with the same shape."""
    alike = [other for other in b.seen if other.shape == value.shape and other != value]
    if alike and b.chance():
        return b.pick(alike)
    return b.add(b.pick(["Tanh", "Sigmoid"]), [value], value.shape)


def constant_shape(b: Builder, value: Value) -> list[int]:
    """A shape that broadcasts against a tensor of the head: one number, or one a feature."""
    shapes: list[list[int]] = [list(value.shape[-1:]), [], [1], [1, *value.shape]]
    if value.rank > 2:
        shapes += [list(value.shape), [value.shape[0], *[1] * (value.rank - 2)]]
    return b.pick(shapes)
