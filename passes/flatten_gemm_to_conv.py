"""Turn the dense layers and whole-map pools of a head into ones that slide over the feature map.

Puts Conv nodes with the same weights, reshaped, in the place of dense layers that read the
flattened feature map, pools over a window in the place of pools over the whole map (at once, or one
axis after the other), and lifts everything after them to maps. A head is rewritten whole or not at
all. The input size stays what it was: dynamic_spatial_axes frees it.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import onnx_graphsurgeon as gs

from .collapse import Collapse, nodes_behind
from .evaluation import Constants, load_values
from .heads import HeadFinder
from .images import Image, find_images, original_shapes
from .lift import RULES, Rule
from .lift.edits import make_edits
from .lift.head import Head
from .lift.lifted import Edit
from .lift.pooling import POOLING
from .lift.shape_counts import computes_shapes, declare_counts
from .lift.single_cell import strided
from .operators import POOLS, VARIADIC
from .options import one_of, per_axis
from .result import PassResult, RefusalCode, Refused, Rewrite, node_name, refuse
from .splice import Splice
from .static_shapes import StaticShapes
from .trunk.extents import small
from .trunk.follow import follow, known_shapes
from .trunk.positions import Positions
from .trunk.trunk import Trunk
from .use_def import has_subgraph, is_standard, producer, upstream
from .view_chain import is_view
from .window import Scattered, Window

NAME = "flatten_gemm_to_conv"


def apply(
    graph: gs.Graph,
    *,
    input_size: Sequence[int] | None = None,
    input_layout: str | None = None,
    window_step: int | Sequence[int] = 1,
    global_pool: Literal["slide", "keep"] = "slide",
    output_layout: Literal["input", "nchw", "nhwc"] = "input",
) -> PassResult:
    """Rewrite the heads of a graph in place.

    Args:
        graph: any graph in topological order; changed only where nothing is refused.
        input_size: the image size that the model was made for, in pixels, one per axis (height,
            width); needed where the model's own spatial axes are symbolic.
        input_layout: one letter per axis, such as ``nchw`` or ``nhw``, for an image that reaches no
            convolution or pool, so that its layout cannot be determined.
        window_step: cells from one window to the next, one number or one per axis; at least 1.
        global_pool: ``slide`` turns a pool over the whole map into one over a window of the
            original extent, ``keep`` leaves it as it is, so that its head answers once per image.
        output_layout: where the maps of the outputs have their features: after the batch
            (``nchw``), last (``nhwc``), or (``input``) where the original has 1-sized axes for
            them, else where the image has its channels.

    Returns:
        One rewrite for each changed node, or the refusals; neither where no dense layer, no pool
        over the whole map and no view that ends a map of one cell reads a feature map.

    Raises:
        OptionError: ``window_step`` is not positive, or has another number of axes than the map;
            another option is none of its words.
    """
    one_of("global_pool", global_pool, ("slide", "keep"))
    one_of("output_layout", output_layout, ("input", "nchw", "nhwc"))
    try:
        images = find_images(graph, input_size, input_layout)
        shapes = original_shapes(graph, images)
        constants = Constants(graph)
        trunk = _followed(graph, images, shapes, constants)
        grown = StaticShapes() if trunk is None else known_shapes(trunk, trunk.with_larger_image)
        positions = Positions(trunk, images)
        finder = HeadFinder(graph, images, shapes, grown, positions, constants)
        found = finder.find()
        collapses = found if global_pool == "slide" else [c for c in found if not _stays(c)]
        if not collapses:
            return PassResult(name=NAME)
        first = collapses[0].window
        step = per_axis("window_step", window_step, len(first.extents))
        head = Head(graph, shapes, grown, finder.roles, constants, first.samples, step)
        edits = _match(head, collapses)
    except Refused as refused:
        return PassResult(name=NAME, refusals=(refused.refusal,))
    last = any(1 in image.roles[2:] for image in images)
    return PassResult(
        name=NAME,
        rewrites=tuple(make_edits(head, edits, output_layout, "nhwc" if last else "nchw")),
    )


def _followed(
    graph: gs.Graph, images: Sequence[Image], shapes: StaticShapes, constants: Constants
) -> Trunk | None:
    """The axes of the trunk as far as they can be followed; they complete the shapes."""
    # A size that nobody knows matters only where a head is found: it is asked for there.
    if not all(image.is_sized for image in images):
        return None
    trunk = follow(graph, images, shapes, constants, to_the_end=False)
    # What onnx's inference does not know, the axes may tell.
    shapes.update({name: s for name, s in known_shapes(trunk, small).items() if name not in shapes})
    return trunk


def _stays(collapse: Collapse) -> bool:
    """Whether a collapse is a pool that can be left over the whole map at any size.

    Raises:
        Refused: its kernel has the size of the original map, so that it would not be whole.
    """
    if is_standard(collapse.node, *POOLS):
        raise refuse(
            RefusalCode.BAKED_EXTENT,
            collapse.node,
            expected="a global pool, which can be kept at any size",
            found=f"{collapse.node.op} with a fixed kernel {collapse.node.attrs['kernel_shape']}",
            advice="Let it slide: option global_pool=slide",
        )
    return is_standard(collapse.node, *POOLING)


def _match(head: Head, collapses: Sequence[Collapse]) -> list[tuple[gs.Node, Edit]]:
    """An edit for every node of every head, in graph order; changes nothing.

    Raises:
        Refused: at the first node that cannot be lifted.
    """
    views = {id(c.node): c.window for c in collapses if is_view(c.node, head.constants)}
    for collapse in collapses:
        _enter(head, collapse, id(collapse.node) in views)
    region = _region(head.graph, collapses)
    shapes = _computed_from_shapes(head, region)
    edits: list[tuple[gs.Node, Edit]] = []
    for node in region:
        made = node.outputs[0]
        if id(made) not in shapes and head.constants.declared(made) is None:
            if is_standard(node, *VARIADIC):
                declare_counts(node, head, shapes)
            edit, view = _rule(node)(node, head), views.get(id(node))
            edits.append((node, edit if view is None else _reported(node, edit, view)))
    maps = {id(collapse.window.source) for collapse in collapses}
    computed = {id(output) for node in region for output in node.outputs}
    for output in head.graph.outputs:
        if id(output) not in maps:
            _check_output(head, output, shapes & computed)
    return edits


def _enter(head: Head, collapse: Collapse, is_view: bool) -> None:
    """Let a head know the feature map that one of its collapses reads as a window.

    Raises:
        Refused: cells of the map are to be left out, and are of a type that no pool takes.
    """
    window = collapse.window
    if is_view and any(step != 1 for step in head.step):
        head.check_type(collapse.node, window.source, "MaxPool")
        window, entry = strided(window, head.step)
        head.entries.append(entry)
    head.lifted[id(collapse.window.source)] = window


def _region(graph: gs.Graph, collapses: Sequence[Collapse]) -> list[gs.Node]:
    """The nodes of all heads, in graph order."""
    # Views before a head may be read in the trunk as well.
    trunk = {node for collapse in collapses for node in upstream(collapse.window.source)}
    region = {id(node) for collapse in collapses for node in collapse.chain}
    for collapse in collapses:
        region.update({id(node) for node in nodes_behind(graph, collapse.first)} - trunk)
    return [node for node in graph.nodes if id(node) in region]


def _computed_from_shapes(head: Head, region: Sequence[gs.Node]) -> set[int]:
    """``id`` of tensors that are computed from shapes alone: of the head, or read in it.

    Tensors of the head that are filled up to such a shape become constants of the head.

    Raises:
        Refused: such a shape does not begin with the batch.
    """
    own = set(map(id, region))
    shapes: set[int] = set()
    for node in head.graph.nodes:
        fills = is_standard(node, "ConstantOfShape") and id(node.inputs[0]) in shapes
        if fills and id(node) in own:
            _declare_filled(node, head)
        elif computes_shapes(node, head, shapes):
            shapes.update(map(id, node.outputs))
    return shapes


def _reported(node: gs.Node, lift: Edit, window: Window) -> Edit:
    """The edit of a view of a map that is a single cell, which itself changes nothing to report."""

    def edit(splice: Splice) -> Rewrite:
        before = node.op
        lift(splice)
        return Rewrite(
            node=node_name(node),
            before=before,
            after="a vector at every cell",
            feature_map=window.feature_map,
            window=window.extents,
        )

    return edit


def _declare_filled(node: gs.Node, head: Head) -> None:
    """ConstantOfShape driven by the batch size: a constant, the same for every sample.

    Raises:
        Refused: its shape is not known, or does not begin with the batch.
    """
    shape = head.shapes.get(node.outputs[0].name, ())
    known = [extent for extent in shape if isinstance(extent, int)]
    if not shape or len(known) != len(shape) or known[0] != head.samples:
        raise refuse(
            RefusalCode.SHAPE_UNKNOWN,
            node,
            expected=f"a known shape of '{node.outputs[0].name}' that begins with the batch",
            found=f"{list(shape)}",
        )
    value = node.attrs.get("value")
    filler = np.zeros(1, np.float32) if value is None else load_values(value)
    head.constants.declare(node.outputs[0], np.broadcast_to(filler.reshape(()), (1, *known[1:])))


def _check_output(head: Head, output: gs.Tensor, shapes: set[int]) -> None:
    """What leaves the head must be a map."""
    node, lifted = producer(output), head.lifted.get(id(output))
    if node and (isinstance(lifted, Scattered) or (isinstance(lifted, Window) and lifted.is_cell)):
        lifted = head.cells(node, output)
    if id(output) in shapes or isinstance(lifted, Window):
        raise refuse(
            RefusalCode.INTERNAL_OUTPUT,
            node,
            expected="a dense layer or a pool after the window of the feature map",
            found=f"that '{output.name}', the window itself or its shape, is an output",
        )


def _rule(node: gs.Node) -> Rule:
    if has_subgraph(node):
        raise refuse(
            RefusalCode.CONTROL_FLOW,
            node,
            expected="a head without branches and loops",
            found=f"{node.op} with a subgraph",
        )
    if not is_standard(node):
        raise refuse(
            RefusalCode.CUSTOM_OPERATOR,
            node,
            expected="operators of ai.onnx",
            found=f"{node.domain}.{node.op}, whose meaning is unknown",
        )
    if node.op not in RULES:
        raise refuse(
            RefusalCode.NO_RULE,
            node,
            expected="an operator that can act at every cell of a map",
            found=f"{node.op}, for which there is no rule",
        )
    return RULES[node.op]
