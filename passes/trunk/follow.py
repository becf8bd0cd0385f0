"""Follow the axes of every tensor from the image on."""

from collections.abc import Callable, Sequence

import onnx_graphsurgeon as gs

from ..evaluation import Constants, run_node
from ..images import AXIS_NAMES, GROWTH, Image
from ..result import RefusalCode, Refused, refuse
from ..shapes import LARGEST_SHAPE_OPERAND, Dim, shape_value
from ..static_shapes import StaticShapes
from ..use_def import downstream, has_subgraph, is_standard, outer_inputs, producer
from ..view_chain import trains
from . import RULES
from .extents import Axes, Extent, fixed, grows, small
from .trunk import Again, Rule, Trunk, baked, numbers, operands

_FILLS = frozenset({"ConstantOfShape", "Expand", "Range", "Resize", "Tile"})
"""Operators that may read no image and yet hold its size."""


def follow(
    graph: gs.Graph,
    images: Sequence[Image],
    shapes: StaticShapes,
    constants: Constants,
    *,
    batch_grows: bool = False,
    to_the_end: bool = True,
) -> Trunk:
    """Follow the axes of a graph's tensors.

    Args:
        graph: the graph, in topological order; not changed.
        images: its images, of known size.
        shapes: static shapes at that size.
        constants: constant tensors of the graph.
        batch_grows: whether a fixed batch may be any number too.
        to_the_end: whether every node must work, or be freed to work, at any size; else what
            follows a node that does not is left unknown.

    Raises:
        Refused: at the first node that cannot work at any size.
    """
    trunk = Trunk(graph, constants, shapes)
    _set_inputs(trunk, images, batch_grows)
    nodes = downstream(graph, [image.tensor for image in images])
    fills = [node for node in graph.nodes if is_standard(node, *_FILLS)]
    followed = {id(node): node for node in (*nodes, *fills)}
    order = sorted(followed.values(), key=lambda node: trunk.position[id(node)])
    places = {trunk.position[id(node)]: index for index, node in enumerate(order)}
    dependent = {id(node) for node in nodes}
    index = 0
    while index < len(order):
        try:
            _follow_node(order[index], trunk, depends=id(order[index]) in dependent)
        except Again as again:
            index = places[again.position]
            continue
        except Refused as refused:
            if to_the_end:
                raise next(iter(trunk.doubts.values()), refused) from None
            trunk.refusals[id(order[index])] = _cause(order[index], trunk) or refused
            for output in order[index].outputs:
                trunk.set_axes(output, None)
        index += 1
    if to_the_end and trunk.doubts:
        raise next(iter(trunk.doubts.values()))
    return trunk


def _cause(node: gs.Node, trunk: Trunk) -> Refused | None:
    """Why an operand of a node is not known; ``None`` where all are known."""
    for tensor in outer_inputs(node):
        made_by = producer(tensor)
        if made_by is not None and trunk.is_followed(tensor) and trunk.found(tensor) is None:
            return trunk.refusals.get(id(made_by))
    return None


def _set_inputs(trunk: Trunk, images: Sequence[Image], batch_grows: bool) -> None:
    batches: dict[object, Extent] = {}
    for image in images:
        axes: list[Extent] = []
        names = AXIS_NAMES[len(image.spatial_axes)]
        places = {axis: place for place, axis in enumerate(image.spatial_axes)}
        for axis, (extent, declared) in enumerate(
            zip(image.shape, image.tensor.shape, strict=True)
        ):
            number = extent if isinstance(extent, int) else 0
            if image.roles[axis] == 0 and (batch_grows or not isinstance(declared, int)):
                grown = trunk.extents.growing(number, number + 1, "batch", str(declared))
                trunk.names[grown[0].key] = "batch"
                trunk.batches[number, number + 1] = grown
                batches[declared] = grown
                axes.append(grown)
            elif axis in places:
                place = places[axis]
                larger = number + GROWTH[place]
                grown = trunk.extents.growing(number, larger, "image", image.tensor.name, place)
                trunk.names[grown[0].key] = names[place]
                axes.append(grown)
            else:
                axes.append(fixed(number))
        known = all(isinstance(extent, int) for extent in image.shape)
        trunk.set_axes(image.tensor, tuple(axes) if known else None)
    own = {id(image.tensor) for image in images}
    for tensor in trunk.graph.inputs:
        if id(tensor) not in own and any(extent in batches for extent in tensor.shape or ()):
            found = trunk.shapes.get(tensor.name, ())
            pairs = zip(tensor.shape, found, strict=True)
            axes_of = [batches.get(d) or fixed(n) for d, n in pairs if isinstance(n, int)]
            trunk.set_axes(tensor, tuple(axes_of) if len(axes_of) == len(found) else None)


def _ruled(rule: Rule, node: gs.Node, trunk: Trunk) -> Sequence[Axes]:
    """What a rule says of a node's outputs.

    Raises:
        Refused: the rule refuses, or the node contradicts itself.
    """
    try:
        return rule(node, trunk)
    except (ArithmeticError, LookupError, StopIteration, TypeError, ValueError) as error:
        raise refuse(
            RefusalCode.SHAPE_UNKNOWN,
            node,
            expected="attributes that fit its inputs",
            found=f"that they contradict them ({error!r})",
        ) from error


def _follow_node(node: gs.Node, trunk: Trunk, *, depends: bool) -> None:
    trunk.forget(node)
    if depends:
        _check_inference(node, trunk)
    if is_standard(node, "Shape") and trunk.found(node.inputs[0]) is not None:
        _measure(node, trunk)
        return
    wanted = any(
        (id(output), axis) in trunk.wanted
        for output in node.outputs
        for axis in range(len(trunk.shapes.get(output.name, ())))
    )
    if not wanted and _computes_shapes(node, trunk) and _compute(node, trunk):
        return
    tensors = list(outer_inputs(node))
    reads_shapes = any(trunk.has_value(tensor) for tensor in tensors)
    # Where inference knows no shape, the rule may.
    lost = depends and any(output.name not in trunk.shapes for output in node.outputs)
    has_rule = is_standard(node) and node.op in RULES
    if any(map(trunk.grows, tensors)) or wanted or reads_shapes or (lost and has_rule):
        rule = _rule(node, trunk)
        for tensor in tensors:
            if not trunk.has_value(tensor):
                trunk.axes(node, tensor)
        _set_outputs(node, trunk, _ruled(rule, node, trunk))
    elif depends:
        for output in node.outputs:
            known = all(trunk.found(tensor) is not None for tensor in tensors)
            trunk.set_axes(output, _unchanged(trunk, output) if known else None)
    if depends:
        outputs = {id(tensor) for tensor in trunk.graph.outputs}
        for output in node.outputs:
            if output.outputs or id(output) in outputs:
                trunk.axes(node, output)


def _unchanged(trunk: Trunk, output: gs.Tensor) -> Axes | None:
    """Axes of a tensor that is computed from tensors of fixed extents."""
    shape = trunk.shapes.get(output.name)
    if shape is None or not all(isinstance(extent, int) for extent in shape):
        return None
    return tuple(fixed(extent) for extent in shape if isinstance(extent, int))


def _set_outputs(node: gs.Node, trunk: Trunk, found: Sequence[Axes]) -> None:
    for output, axes in zip(node.outputs, found, strict=False):
        inferred = trunk.shapes.get(output.name)
        own, larger = numbers(axes)
        if inferred is not None and not any(map(_unknown, inferred)) and list(inferred) != own:
            raise baked(node, f"'{output.name}' of shape {list(inferred)}, not {own}")
        if min(larger, default=1) < 1:
            raise baked(node, f"'{output.name}', which is empty at a larger size")
        trunk.set_axes(output, axes)


def _unknown(extent: Dim) -> bool:
    return not isinstance(extent, int)


def _check_inference(node: gs.Node, trunk: Trunk) -> None:
    """A node in its training form depends on chance, or on the batch at hand."""
    normalises = is_standard(node, "BatchNormalization") and node.attrs.get("training_mode", 0)
    if normalises or trains(node, trunk.constants):
        raise refuse(
            RefusalCode.TRAINING_MODE,
            node,
            expected=f"{node.op} at inference",
            found="its training form",
            advice="Export the model in evaluation mode",
        )


def _rule(node: gs.Node, trunk: Trunk) -> Rule:
    if is_standard(node) and node.op in RULES:
        return RULES[node.op]
    if not any(map(trunk.follows_image, outer_inputs(node))):
        return _by_sample
    if has_subgraph(node):
        code, found = RefusalCode.CONTROL_FLOW, "a subgraph that reads the map"
    elif not is_standard(node):
        code, found = RefusalCode.CUSTOM_OPERATOR, f"{node.domain}.{node.op}, of unknown meaning"
    else:
        code, found = RefusalCode.BAKED_EXTENT, f"{node.op}, which may depend on the original size"
    raise refuse(code, node, expected="operators that work at any image size", found=found)


def _by_sample(node: gs.Node, trunk: Trunk) -> list[Axes]:
    """Axes behind an unknown operator that reads vectors, one a sample: so does what follows it."""
    batch = next(
        axes[0] for axes in map(trunk.found, outer_inputs(node)) if axes and grows(axes[0])
    )
    found = []
    for output in node.outputs:
        shape = trunk.small_shape(node, output)
        if not shape or shape[0] != small(batch):
            raise baked(node, f"'{output.name}' of shape {list(shape)}, which has no batch")
        found.append((batch, *map(fixed, shape[1:])))
    return found


def _measure(node: gs.Node, trunk: Trunk) -> None:
    """Shape: a value that differs between the sizes."""
    at_small, at_large = (
        shape_value(node, extents) for extents in numbers(trunk.axes(node, node.inputs[0]))
    )
    if at_small is not None and at_large is not None:
        trunk.set_value(node.outputs[0], (at_small, at_large))
        trunk.set_axes(node.outputs[0], (fixed(len(at_small)),))


def _computes_shapes(node: gs.Node, trunk: Trunk) -> bool:
    """Whether a node computes with shapes alone, and few numbers."""
    tensors = operands(node)
    return (
        is_standard(node)
        and not has_subgraph(node)
        and any(trunk.has_value(tensor) for tensor in tensors)
        and all(trunk.has_value(tensor) or tensor in trunk.constants for tensor in tensors)
    )


def _compute(node: gs.Node, trunk: Trunk) -> bool:
    """Run a node of shape arithmetic at both sizes; false where it makes data of them."""
    if node.op in _FILLS and len(trunk.shapes.get(node.outputs[0].name, (0, 0))) > 1:
        return False
    pairs = [trunk.known_value(node, tensor) for tensor in operands(node)]
    try:
        at_small, at_large = (
            run_node(trunk.graph, node, [pair[which] for pair in pairs]) for which in (0, 1)
        )
    except Exception as error:  # whatever numpy raises where nothing fits at this size
        raise baked(node, f"arithmetic on shapes that fails at another size: {error}") from None
    found = list(zip(node.outputs, at_small, at_large, strict=True))
    if any(a.shape != b.shape or a.size > LARGEST_SHAPE_OPERAND for _, a, b in found):
        return False
    for output, *pair in found:
        trunk.set_value(output, (pair[0], pair[1]))
        trunk.set_axes(output, tuple(map(fixed, pair[0].shape)))
    return True


def known_shapes(trunk: Trunk, size: Callable[[Extent], int]) -> StaticShapes:
    """Shapes of all tensors whose axes are known, by name, at the size that ``size`` takes."""
    found = StaticShapes()
    for name, tensor in trunk.graph.tensors().items():
        axes = trunk.found(tensor)
        if axes is not None:
            found[name] = tuple(map(size, axes))
    return found
