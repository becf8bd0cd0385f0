"""A small net around one block of a trunk."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

from collections.abc import Callable, Collection, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from .torch_net import Net, Recipe

FOLDER = "blocks"
CHANNELS = 8
TAIL_CHANNELS = 4
CLASSES = 5

IMAGE = (3, 24, 32)
LARGER = ((32, 44), (27, 50), (44, 37))
"""Image sizes for blocks that take maps of any size."""
LARGER_EVEN = ((32, 44), (28, 52), (44, 36))
"""The same for blocks that halve the map, and can do so only where it is even."""

Build = Callable[[], nn.Module]


class FlatLinear(nn.Module):
    """Flatten, one Linear."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.LazyLinear(CLASSES)

    def forward(self, feature_map: Tensor) -> Tensor:
        return self.fc(torch.flatten(feature_map, 1))


class AverageLinear(nn.Module):
    """Average pool over the map, flatten, one Linear."""

    def __init__(self) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.LazyLinear(CLASSES)

    def forward(self, feature_map: Tensor) -> Tensor:
        return self.fc(torch.flatten(self.avgpool(feature_map), 1))


HEADS = {"flat": FlatLinear, "average": AverageLinear}


def around(
    block: Build,
    *,
    head: Literal["flat", "average"],
    image: tuple[int, ...] = IMAGE,
    larger: Sequence[tuple[int, ...]] = LARGER,
    stem_padding: int = 1,
    opset: int = 17,
    exporters: tuple[str, ...] = ("torchscript", "dynamo"),
) -> Recipe:
    """A net of a stem, a block and two convolutions, with a batch of one.

    Args:
        block: makes the block; it reads ``[N, CHANNELS, h, w]``, half the image with
            ``stem_padding`` 1.
        head: the head that reads the feature map.
        image: ``(C, H, W)`` of the image that the net is made for.
        larger: spatial extents of larger images.
        stem_padding: padding of the stem's 3x3 convolution with stride 2.
        opset: opset of the TorchScript export.
        exporters: names of the exporters that can export the block.
    """

    def build() -> Net:
        stem = nn.Conv2d(image[0], CHANNELS, 3, stride=2, padding=stem_padding)
        tail = (
            nn.LazyConv2d(TAIL_CHANNELS, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(TAIL_CHANNELS, 6, 3, stride=2, padding=1, groups=2), nn.ReLU(),
        )  # fmt: skip
        net = Net(nn.Sequential(stem, nn.ReLU(), block(), *tail), HEADS[head]())
        with torch.no_grad():
            net.eval()(torch.zeros(1, *image))  # The lazy layers take their shapes.
        return net

    return Recipe(
        build=build,
        image=image,
        larger=tuple(larger),
        opset=opset,
        free_batch=False,
        exporters=exporters,
        metadata=False,
        folder=FOLDER,
    )


def named(blocks: dict[str, Recipe], free: Collection[str]) -> dict[str, Recipe]:
    """Recipes by the names of their nets: with a batch of one, the ``free`` ones also without."""
    recipes = {}
    for name, recipe in blocks.items():
        if name in free:
            recipes[name] = recipe.with_free_batch()
        recipes[f"{name}_batch1"] = recipe
    return recipes
