"""Turn convolutions into windows and one matrix product each, in standard operators.

A convolution is the product ``B = M K`` of the windows ``M [b * H_out * W_out, k_h * k_w * C_in]``
and the filters ``K [k_h * k_w * C_in, f]``, with ``H_out = floor((H_in + p0 + p1 - d (k_h - 1) - 1)
/ s) + 1`` (Ma and Lu, 'An Equivalence of Fully Connected Layer and Convolutional Layer'). The
windows are strided slices, one for each cell of the kernel, so that the result takes images of any
size that the original takes.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

import onnx_graphsurgeon as gs

from .evaluation import Constants
from .matmul.convolution import Convolution, read_convolution
from .matmul.heads import head_convolutions
from .matmul.product import Products
from .opsets import BROADCASTS, HAS_CONSTANT_OF_SHAPE
from .options import OptionError
from .result import PassResult, RefusalCode, Refused, node_name, refuse
from .use_def import is_standard

NAME = "conv_to_gemm"


def apply(graph: gs.Graph, *, convolutions: str = "all") -> PassResult:
    """Rewrite convolutions in place.

    Args:
        graph: any graph in topological order; changed only where nothing is refused.
        convolutions: which ones: ``all``; ``heads``, the unpadded Conv that reads the feature map
            and the 1x1 Convs after it; or names with wildcards, such as ``conv1*,fc?``.

    Returns:
        One rewrite for each convolution, or the refusals; neither where there is no such
        convolution.

    Raises:
        OptionError: a name matches no convolution, and there is one.
    """
    constants = Constants(graph)
    try:
        chosen = _chosen(graph, convolutions, constants)
        found = {id(node): read_convolution(node, constants) for node in chosen}
        for node in chosen:
            _check_opset(node, found[id(node)], graph.opset)
    except Refused as refused:
        return PassResult(name=NAME, refusals=(refused.refusal,))
    if not chosen:
        return PassResult(name=NAME)
    return PassResult(name=NAME, rewrites=tuple(Products(graph, constants, found).make()))


def _chosen(graph: gs.Graph, convolutions: str, constants: Constants) -> Sequence[gs.Node]:
    """The convolutions that are meant, in graph order.

    Raises:
        OptionError: a name matches none, and there is one.
        Refused: all are meant, and one stands in a branch or a loop.
    """
    names = [name.strip() for name in convolutions.split(",")]
    if names == ["heads"]:
        return head_convolutions(graph, constants)
    own = [node for node in graph.nodes if is_standard(node, "Conv")]
    if names != ["all"]:
        return _named(own, names)
    for node in graph.nodes:
        if any(_holds_convolution(subgraph.nodes) for subgraph in node.subgraphs(recursive=True)):
            raise _out_of_reach(node, "a branch or a loop with one inside")
    for function in graph.functions:
        if _holds_convolution(function.nodes):
            raise _out_of_reach(None, f"one in the function '{function.name}'")
    return own


def _named(convolutions: Sequence[gs.Node], names: Sequence[str]) -> list[gs.Node]:
    """Those convolutions that one of the names matches, in order.

    Raises:
        OptionError: a name matches none, and there is one.
    """
    found = [n for n in convolutions if any(fnmatchcase(node_name(n), name) for name in names)]
    for name in names if convolutions else ():
        if not any(fnmatchcase(node_name(node), name) for node in found):
            last = node_name(convolutions[-1])
            raise OptionError(f"convolutions: no Conv matches '{name}'; the last one is '{last}'")
    return found


def _holds_convolution(nodes: Iterable[gs.Node]) -> bool:
    return any(is_standard(node, "Conv") for node in nodes)


def _out_of_reach(node: gs.Node | None, found: str) -> Refused:
    return refuse(
        RefusalCode.CONTROL_FLOW,
        node,
        expected="convolutions outside of branches, loops and functions",
        found=found,
        advice="Name those to rewrite: option convolutions, such as fc*",
    )


def _check_opset(node: gs.Node, convolution: Convolution, opset: int) -> None:
    """The model's opset must have the operators.

    Raises:
        Refused: it does not.
    """
    computed = convolution.pads is None
    needed = HAS_CONSTANT_OF_SHAPE if computed else BROADCASTS
    if opset < needed:
        raise refuse(
            RefusalCode.OPSET_TOO_OLD,
            node,
            expected=f"opset {needed} or newer{', for pads that depend on the map' * computed}",
            found=f"opset {opset}",
            advice="Convert the model with onnx.version_converter first",
        )
