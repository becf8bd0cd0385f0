"""Puts new nodes around a node, in the form that the model's opset has for them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs

from ..opsets import PADS_AS_INPUT, SLICE_BOUNDS_AS_INPUTS
from ..splice import Splice

_UNTIL_THE_END = int(np.iinfo(np.int64).max)


class Builder:
    """Makes nodes of ai.onnx; constants of whole numbers are made once a graph."""

    def __init__(self, splice: Splice, opset: int) -> None:
        self.opset = opset
        self._splice = splice
        self._numbers: dict[tuple[int, ...], gs.Constant] = {}

    def before(self, anchor: gs.Node, name: str) -> "Sequel":
        """Nodes that are computed before ``anchor``, named after ``name``."""
        return Sequel(self, self._splice, name, partial(self._splice.insert_before, anchor))

    def after(self, anchor: gs.Node, name: str) -> "Sequel":
        """Nodes that are computed after ``anchor``, named after ``name``."""
        return Sequel(self, self._splice, name, partial(self._splice.insert_after, anchor))

    def numbers(self, values: Sequence[int]) -> gs.Constant:
        """A vector of int64."""
        key = tuple(values)
        if key not in self._numbers:
            name = "_".join("end" if v == _UNTIL_THE_END else str(v).replace("-", "m") for v in key)
            self._numbers[key] = self._splice.constant(f"int64_{name}", np.array(key, np.int64))
        return self._numbers[key]


class Sequel:
    """Nodes that follow one another; each method gives a node's output."""

    def __init__(
        self, builder: Builder, splice: Splice, name: str, insert: Callable[[gs.Node], None]
    ) -> None:
        self.builder = builder
        self._splice, self._name, self._insert = splice, name, insert

    def node(
        self, op: str, inputs: Sequence[gs.Tensor], like: gs.Tensor, **attrs: Any
    ) -> gs.Variable:
        """Any operator with one output, of the data type of ``like``."""
        name = self._splice.names(f"{self._name}_{op.lower()}")
        result = gs.Variable(self._splice.names(f"{name}_output"), dtype=like.dtype)
        new = gs.Node(op, name, attrs=dict(attrs), inputs=list(inputs), outputs=[result])
        self._insert(new)
        return result

    def transposed(self, data: gs.Tensor, perm: Sequence[int]) -> gs.Tensor:
        """``data`` with its axes permuted."""
        return self.node("Transpose", [data], data, perm=list(perm))

    def reshaped(self, data: gs.Tensor, target: Sequence[int]) -> gs.Tensor:
        """``data`` in another shape; a 0 in the target takes the extent in its place."""
        return self.node("Reshape", [data, self.builder.numbers(target)], data)

    def concatenated(self, parts: Sequence[gs.Tensor], axis: int) -> gs.Tensor:
        """Tensors behind one another along an axis; a single one as it is."""
        return parts[0] if len(parts) == 1 else self.node("Concat", parts, parts[0], axis=axis)

    def padded(self, data: gs.Tensor, pads: Sequence[int]) -> gs.Tensor:
        """``data`` with zeros at the beginning of every axis, and at the end of every axis."""
        if self.builder.opset < PADS_AS_INPUT:
            return self.node("Pad", [data], data, pads=list(pads))
        return self.node("Pad", [data, self.builder.numbers(pads)], data)

    def sliced(
        self,
        data: gs.Tensor,
        axes: Sequence[int],
        starts: Sequence[int],
        ends: Sequence[int | None],
        steps: Sequence[int],
    ) -> gs.Tensor:
        """A part of ``data``; an end of ``None`` is that of the axis."""
        closed = [_UNTIL_THE_END if end is None else end for end in ends]
        if self.builder.opset >= SLICE_BOUNDS_AS_INPUTS:
            bounds = [self.builder.numbers(each) for each in (starts, closed, axes)]
            if any(step != 1 for step in steps):
                bounds.append(self.builder.numbers(steps))
            return self.node("Slice", [data, *bounds], data)
        part = data
        if any(starts) or any(end is not None for end in ends):
            part = self.node(
                "Slice", [data], data, axes=list(axes), starts=list(starts), ends=closed
            )
        if all(step == 1 for step in steps):
            return part
        # A pool over single cells leaves out cells without steps in Slice; it takes [N, C, *s].
        ones = [1] * len(steps)
        return self.node("AveragePool", [part], data, kernel_shape=ones, strides=list(steps))
