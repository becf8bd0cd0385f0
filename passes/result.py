"""What a pass did, and why it would not: rewrites and refusals."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self

import onnx_graphsurgeon as gs

from .shapes import Dim


class RefusalCode(StrEnum):
    """Why a pass refused. The values are stable: programs may compare them.

    Attributes:
        meaning: the reason in a sentence.
    """

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """A code that is its value, and knows its meaning."""
        code = str.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    BAKED_EXTENT = "baked-extent", "A node of the trunk works at the original image size only."
    BATCH_MIXED = "batch-mixed", "A view chain or an axis operator mixes the samples of a batch."
    BIAS_SHAPE = "bias-shape", "A bias or constant operand that is not one number per feature."
    COMPUTED_WEIGHT = "computed-weight", "The weight of a layer is not a constant."
    CONSTANT_UNKNOWN = (
        "constant-unknown",
        "A constant expression fails, or is too large to be computed.",
    )
    CONTROL_FLOW = (
        "control-flow",
        "A branch or a loop holds a layer, stands in the head or reads the feature map.",
    )
    CUSTOM_OPERATOR = (
        "custom-operator",
        "An operator of a domain other than ai.onnx, whose meaning is unknown.",
    )
    GLOBAL_STATISTIC = (
        "global-statistic",
        "The head pools a map that a statistic of the whole map went into.",
    )
    INPUT_SIZE_NEEDED = (
        "input-size-needed",
        "The model's spatial axes are symbolic and no input size was given.",
    )
    INPUT_SIZE_WRONG = (
        "input-size-wrong",
        "The input size that was given contradicts the model or its rank.",
    )
    INTERNAL_OUTPUT = (
        "internal-output",
        "A graph output, or a node without a rule, needs the flattened window itself.",
    )
    LAYOUT_UNKNOWN = "layout-unknown", "It cannot be determined which axes of a tensor are spatial."
    MAP_SIZE = (
        "map-size",
        "A map has no elements, or more than can be followed through a view chain.",
    )
    MAP_SIZED_CONSTANT = (
        "map-sized-constant",
        "A constant has one value per position, such as a learned position embedding.",
    )
    NO_RULE = "no-rule", "No rule says how this operator acts at every cell of a map."
    OPSET_TOO_OLD = (
        "opset-too-old",
        "The model's opset lacks operators that the rewrite needs.",
    )
    POSITIONS_MIXED = (
        "positions-mixed",
        "Every position is multiplied with every other: attention over the map.",
    )
    RUNTIME_LACKS = (
        "runtime-lacks",
        "ONNX Runtime loads the original, but has no kernel for the rewritten model.",
    )
    SECOND_IMAGE = "second-image", "More than one input with spatial axes reaches the head."
    SECOND_INPUT = "second-input", "An input that is not the image meets the vectors of the head."
    SHAPE_UNKNOWN = (
        "shape-unknown",
        "Shape inference cannot tell a shape that the rewrite depends on.",
    )
    TRAINING_MODE = (
        "training-mode",
        "An operator runs in its training form, which depends on the whole batch or on chance.",
    )
    TRANSPOSED_DATA = (
        "transposed-data",
        "Gemm with transA: the batch would be multiplied, not the features.",
    )
    TYPE_UNSUPPORTED = "type-unsupported", "A layer of a data type that its new form does not take."
    WINDOWS_DIFFER = (
        "windows-differ",
        "Vectors of feature maps with different windows or strides meet in one layer.",
    )
    WRONG_AXIS = "wrong-axis", "An axis operator does not act on the features."


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a pass stopped, and at which node.

    Attributes:
        code: the kind of reason.
        node: the node's name, or the name of its first output where it has none; empty where the
            reason lies with the graph as a whole.
        operator: the node's operator type; empty as above.
        expected: what the pass needs.
        found: what the model has.
        advice: what the user can do, with options by their names in Python; may be empty.
    """

    code: RefusalCode
    node: str
    operator: str
    expected: str
    found: str
    advice: str = ""

    def __str__(self) -> str:
        where = f"node '{self.node}' ({self.operator}): " if self.node else ""
        advice = f". {self.advice}" if self.advice else ""
        return f"{where}expected {self.expected}, found {self.found} [{self.code}]{advice}"


@dataclass(frozen=True, kw_only=True)
class Rewrite:
    """One changed node, input or output.

    Attributes:
        node: the node's name, or the name of its first output where it has none.
        before: what it was, such as ``Gemm 9216 -> 4096``.
        after: what it is now, such as ``Conv 6x6x256 -> 4096``.
        feature_map: for a layer that reads a window of the feature map, that tensor's name.
        window: for such a layer, the window's extent in cells, an axis each.
    """

    node: str
    before: str
    after: str
    feature_map: str = ""
    window: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PassResult:
    """Outcome of one pass.

    A pass changes the graph only where ``refusals`` is empty. Both tuples empty means that there
    was nothing for the pass to do.

    Attributes:
        name: the pass's name.
        rewrites: what was changed, in graph order.
        refusals: why nothing was changed.
    """

    name: str
    rewrites: tuple[Rewrite, ...] = ()
    refusals: tuple[Refusal, ...] = ()


class Refused(Exception):
    """Ends the matching of a graph; passes catch it and return its refusal in their result."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def node_name(node: gs.Node) -> str:
    """Name of a node for people: its own, else that of its first named output."""
    named = [tensor.name for tensor in node.outputs if tensor.name]
    return str(node.name or (named[0] if named else ""))


def refuse(
    code: RefusalCode, node: gs.Node | None, *, expected: str, found: str, advice: str = ""
) -> Refused:
    """Exception that refuses at ``node`` (``None``: the graph as a whole), ready to be raised."""
    return Refused(
        Refusal(
            code=code,
            node=node_name(node) if node is not None else "",
            operator=str(node.op) if node is not None else "",
            expected=expected,
            found=found,
            advice=advice,
        )
    )


def reshaped(
    kind: Literal["input", "output"], tensor: gs.Tensor, before: Sequence[Dim]
) -> list[Rewrite]:
    """What became of the declared shape of an input or an output.

    Args:
        kind: which of the two it is.
        tensor: the input or output, with its shape as it is now.
        before: its shape as it was.

    Returns:
        One rewrite, or none where the shape is the same.
    """
    if list(before) == list(tensor.shape):
        return []
    return [
        Rewrite(
            node=tensor.name,
            before=f"{kind} {_shape_text(before)}",
            after=f"{kind} {_shape_text(tensor.shape)}",
        )
    ]


def _shape_text(shape: Sequence[Dim]) -> str:
    return f"[{', '.join('?' if extent is None else str(extent) for extent in shape)}]"
