"""Nets that answer with maps: segmentation, and a trunk for a detector."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

import torch
from torch import Tensor, nn
from torch.nn import functional

from .torch_blocks import FOLDER
from .torch_net import ConvNormAct, Recipe


def _resize(data: Tensor, like: Tensor) -> Tensor:
    size = like.shape[-2:]
    return functional.interpolate(data, size=size, mode="bilinear", align_corners=False)


class Segmenter(nn.Module):
    """An encoder, a decoder with skips, and classes for every pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNormAct(3, 6, 3, 2)
        self.down1 = ConvNormAct(6, 8, 3, 2)
        self.down2 = ConvNormAct(8, 12, 3, 2)
        self.up1 = ConvNormAct(12 + 8, 8)
        self.up0 = ConvNormAct(8 + 6, 6)
        self.classify = nn.Conv2d(6, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        """``[N, 2, H, W]``, as large as the image."""
        half = self.stem(image)
        quarter = self.down1(half)
        eighth = self.down2(quarter)
        decoded = self.up1(torch.cat((_resize(eighth, quarter), quarter), 1))
        decoded = self.up0(torch.cat((_resize(decoded, half), half), 1))
        return _resize(self.classify(decoded), image)


class DetectorTrunk(nn.Module):
    """A feature pyramid: maps at strides 4, 8 and 16, summed from above."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNormAct(3, 6, 3, 2)
        stages = [ConvNormAct(6, 6, 3, 2), ConvNormAct(6, 8, 3, 2), ConvNormAct(8, 12, 3, 2)]
        self.stages = nn.ModuleList(stages)
        self.laterals = nn.ModuleList(nn.Conv2d(channels, 6, 1) for channels in (6, 8, 12))
        self.smooth = nn.ModuleList(nn.Conv2d(6, 3, 3, padding=1) for _ in range(3))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """``[N, 3, h, w]`` at strides 4, 8 and 16."""
        data, maps = self.stem(image), []
        for stage, lateral in zip(self.stages, self.laterals, strict=True):
            data = stage(data)
            maps.append(lateral(data))
        for below in (1, 0):
            size = maps[below].shape[-2:]
            maps[below] = maps[below] + functional.interpolate(maps[below + 1], size=size)
        return tuple(smooth(values) for smooth, values in zip(self.smooth, maps, strict=True))


RECIPES = {
    "segmenter": Recipe(
        build=Segmenter,
        image=(3, 64, 64),
        larger=((96, 160), (72, 80), (68, 70)),
        outputs=("classes",),
        cut=False,
        metadata=False,
        folder=FOLDER,
    ),
    "detector_trunk": Recipe(
        build=DetectorTrunk,
        image=(3, 64, 96),
        larger=((96, 160), (112, 104), (70, 130)),
        outputs=("stride4", "stride8", "stride16"),
        cut=False,
        metadata=False,
        folder=FOLDER,
    ),
}
RECIPES |= {f"{name}_batch1": recipe.with_batch_of_one() for name, recipe in RECIPES.items()}
