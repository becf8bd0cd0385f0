"""Feature maps that the user names, where they cannot be found."""

from collections.abc import Mapping, Sequence, Set

from onnx import GraphProto

from ..errors import UsageError
from ..files.stored_model import StoredModel
from .model_pair import ModelPair


def parse_names(feature_maps: Sequence[str]) -> dict[str, str]:
    """Names in the rewritten model, by those in the original.

    Args:
        feature_maps: ``NAME``, or ``NAME=OTHER`` where the rewritten model has another name.
    """
    pairs = (text.partition("=") for text in feature_maps)
    return {name: other or name for name, _, other in pairs}


def with_original_names(model: StoredModel, names: Mapping[str, str]) -> StoredModel:
    """A rewritten model whose feature maps have the names that they have in the original.

    Args:
        model: the model; not changed.
        names: names in the model, by those in the original.

    Raises:
        UsageError: there is no such tensor, or another one has the original's name already.
    """
    renamed = {other: name for name, other in names.items() if other != name}
    if not renamed:
        return model
    computed = _computed(model.proto.graph)
    for other, name in renamed.items():
        if other not in computed:
            raise UsageError(f"the rewritten model computes no tensor '{other}'")
        if name in computed - renamed.keys():
            raise UsageError(
                f"'{name}' cannot stand for '{other}': the rewritten model computes a '{name}', too"
            )
    copy = model.copy()
    for node in copy.proto.graph.node:
        for names_of in (node.input, node.output):
            names_of[:] = [renamed.get(name, name) for name in names_of]
    for value in copy.proto.graph.value_info:
        value.name = renamed.get(value.name, value.name)
    return copy


def check_named(pair: ModelPair, names: Set[str]) -> None:
    """Both models must compute the named feature maps, alike at the original size.

    Raises:
        UsageError: one does not.
    """
    for model, kind in ((pair.original, "original"), (pair.rewritten, "rewritten model")):
        for name in sorted(names - _computed(model.proto.graph)):
            raise UsageError(f"feature map '{name}': the {kind} computes no such tensor")
    small = pair.original_shapes(pair.image.size)
    for name in sorted(names):
        before, after = small.get(name), pair.growth.shape(name)
        if before != after:
            raise UsageError(
                f"feature map '{name}' has the shape {list(after)} in the rewritten model at the"
                f" original size, {list(before or ())} in the original"
            )
        if pair.growth.axes(name) is None:
            raise UsageError(
                f"feature map '{name}' has not one axis for each axis of the image that grows"
                " with it"
            )


def _computed(graph: GraphProto) -> set[str]:
    return {name for node in graph.node for name in node.output if name}
