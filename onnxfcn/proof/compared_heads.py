"""The heads of an original, and what they are compared with in its rewritten form."""

from collections.abc import Mapping, Set
from fractions import Fraction

from passes.shapes import Shape

from ..errors import ValidationFailedError
from ..runtime.session import load_rewritten
from ..settings import Settings
from ..sizes import Size, known_size
from .feature_maps import find_frontiers
from .head_windows import HeadWindows
from .model_pair import ModelPair
from .regions.finder import SharedTrunk


class ComparedHeads:
    """Two models whose trunks do the same, and the heads behind them.

    Attributes:
        pair: the models.
        trunk: what they share.
        step: cells of the feature map from one window to the next, an axis each.
        settings: how validation is run.
        heads: the original's heads, which run on windows of the feature maps.
        session: the rewritten model; returns the feature maps and logits too.
    """

    def __init__(
        self,
        pair: ModelPair,
        trunk: SharedTrunk,
        step: Size,
        settings: Settings,
        named: Set[str] = frozenset(),
    ) -> None:
        """Find the feature maps and the heads, and load the rewritten model.

        Args:
            pair: the models.
            trunk: what they share, regions that are proven included.
            step: cells of the feature map from one window to the next, an axis each.
            settings: how validation is run.
            named: names of the feature maps, where the user says which they are.

        Raises:
            RefusedError: ONNX Runtime cannot load the rewritten model.
            ValidationFailedError: the two models have no feature map in common.
        """
        self.pair, self.trunk, self._named = pair, trunk, named
        self.step, self.settings = step, settings
        frontiers = find_frontiers(pair, trunk.shared, named)
        self.heads = [HeadWindows(pair, each, step, settings.provider) for each in frontiers]
        inner = {name for head in self.heads for name in (*head.feature_maps, *head.compared)}
        extra = sorted(inner - pair.declared.keys())
        self.session = load_rewritten(pair.rewritten, settings.provider, extra)

    @property
    def inner(self) -> list[str]:
        """Names of what is compared beside the outputs at the original size.

        Logits, and feature maps that are named or that come of changed nodes: a head may hide what
        is wrong with them.
        """
        logits = {name for head in self.heads for name in head.compared}
        changed = any(region.changed for region in self.trunk.regions)
        maps = {name for head in self.heads for name in head.feature_maps if changed}
        return sorted((logits | maps | self._named) - self.pair.declared.keys())

    def shapes_at(self, size: Size) -> Mapping[str, Shape]:
        """Static shapes of the trunk's tensors at an image size.

        The original's own, but for what lies behind nodes that the rewrite changed where those had
        the original size baked in: then it does not grow as the rewritten model's does.
        """
        original = self.pair.original_shapes(size)
        if not any(region.changed for region in self.trunk.regions):
            return original
        as_original = self.trunk.untouched | self.pair.grow_alike
        own = {name: shape for name, shape in original.items() if name in as_original}
        return {**self.pair.rewritten_shapes(size), **own}

    @property
    def trunk_outputs(self) -> list[str]:
        """Names of the outputs that are maps of the trunk, behind which there is no head."""
        behind = {name for head in self.heads for name in head.output_of.values()}
        return [n for n in self.pair.declared if self.pair.growth.spatial(n) and n not in behind]

    @property
    def output_size(self) -> Size:
        """Extents of the first output that is a map of the trunk, at the original size."""
        return self.extents(self.trunk_outputs[0], self.pair.growth.shapes) or ()

    @property
    def pitch(self) -> Size:
        """Pixels by which images differ that go through the trunk alike, an axis each.

        From one cell of the coarsest feature map to the next, or of the coarsest tensor where
        there is no head; more where tensors of the trunk grow by whole cells only then.
        """
        maps = [name for head in self.heads for name in head.feature_maps]
        spatial = [name for name in self.pair.growth.shapes if self.pair.growth.axes(name)]
        inner = {n for r in self.trunk.regions for node in r.twin_nodes for n in node.output}
        whole = self.pair.growth.pixels(inner | self.trunk.shared)
        return tuple(
            every if every <= own else coarsest
            for every, own, coarsest in zip(
                whole, self.pair.image.size, self.pair.growth.pitch(maps or spatial), strict=True
            )
        )

    def map_sizes(self, size: Size) -> list[Size] | None:
        """Cells of every head's map at an image size, in pixels an axis.

        Returns:
            The cells; ``None`` where the size is too small, or where the trunk cannot take it.
        """
        shapes = self.shapes_at(size)
        found = [head.map_size(shapes) for head in self.heads]
        sizes = [map_size for map_size in found if map_size is not None and min(map_size) >= 1]
        known = all(self.extents(name, shapes) for name in self.trunk_outputs)
        return sizes if known and len(sizes) == len(found) else None

    def check_trunk(self) -> None:
        """Refuse heads that begin at the image although there must be a trunk.

        Where the image itself is the feature map, the outputs have a cell for each step. Else there
        is a trunk, and none of its tensors was found in both models.

        Raises:
            ValidationFailedError: they have not.
        """
        for head in self.heads:
            for name in head.compared if self.pair.image.name in head.feature_maps else ():
                rates = [list(rates.get(name, {}).values()) for rates in self.pair.growth.rates]
                if head.slides and rates != [[Fraction(1, by)] for by in self.step]:
                    raise _no_trunk(name)

    def check_windows(self) -> None:
        """Refuse to call answers wrong that windows of the feature maps cannot have right.

        A trunk that pads does something else on each window of the image than on all of it, and
        where the head begins at the image, none of its tensors was found in both models. A
        statistic of the whole map is another one on each window, and where positions lie on one
        axis behind it, the head had to begin before it.

        Raises:
            ValidationFailedError: a head begins at the image, and pads, or has such a statistic.
        """
        for head in self.heads:
            if head.slides and head.pads and self.pair.image.name in head.feature_maps:
                raise _no_trunk(head.compared[0])
            if head.slides and head.uncut:
                raise ValidationFailedError(
                    f"whether '{head.compared[0]}' is right cannot be told: '{head.uncut}' depends"
                    " on all of the map, and has its positions on one axis, so that no windows can"
                    " be cut from it"
                )

    def extents(self, name: str, shapes: Mapping[str, Shape]) -> Size | None:
        """Extents of a tensor along the axes that grow; ``None`` where they are not known."""
        axes, shape = self.pair.growth.spatial(name), shapes.get(name, ())
        return known_size([shape[axis] if axis < len(shape) else None for axis in axes])


def _no_trunk(output: str) -> ValidationFailedError:
    return ValidationFailedError(
        f"no tensor between the image and '{output}' was found in both models: name the feature"
        " maps (--feature-map), or the step (--window-step)"
    )
