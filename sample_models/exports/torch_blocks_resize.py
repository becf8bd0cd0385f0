"""Blocks that change the map's size: interpolation, padding, slices, pools, constants beside it."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from .torch_blocks import CHANNELS, around, named


class Computed(nn.Module):
    """A function without weights as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, data: Tensor) -> Tensor:
        return self.function(data)


def double_by_scale(data: Tensor) -> Tensor:
    """Nearest, by a scale."""
    return functional.interpolate(data, scale_factor=2)


def double_by_scale_bilinear(data: Tensor) -> Tensor:
    """Bilinear, by a scale."""
    return functional.interpolate(data, scale_factor=2, mode="bilinear", align_corners=False)


def double_by_size(data: Tensor) -> Tensor:
    """Bilinear, to a computed size."""
    size = (2 * data.shape[2], 2 * data.shape[3])
    return functional.interpolate(data, size=size, mode="bilinear", align_corners=False)


class SkipAdd(nn.Module):
    """Half the size, back to the map's own by nearest neighbours, and added (FPN)."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(CHANNELS, CHANNELS, 3, stride=2, padding=1)

    def forward(self, data: Tensor) -> Tensor:
        worked = torch.relu(self.down(data))
        return data + functional.interpolate(worked, size=data.shape[-2:], mode="nearest")


class SkipConcat(SkipAdd):
    """Half the size, back to the map's own bilinearly, and beside it (U-Net)."""

    def __init__(self, align_corners: bool) -> None:
        super().__init__()
        self.align_corners = align_corners

    def forward(self, data: Tensor) -> Tensor:
        worked = functional.interpolate(
            torch.relu(self.down(data)),
            size=data.size()[2:],
            mode="bilinear",
            align_corners=self.align_corners,
        )
        return torch.cat((data, worked), 1)


class SkipCrop(SkipAdd):
    """Half the size, doubled by a transposed convolution, cropped to the map (U-Net)."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(CHANNELS, 4, 2, stride=2)

    def forward(self, data: Tensor) -> Tensor:
        worked = self.up(torch.relu(self.down(data)))
        return torch.cat((data, worked[:, :, : data.shape[2], : data.shape[3]]), 1)


class SkipPad(nn.Module):
    """Half the size rounded down, doubled, padded to the map (U-Net)."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(CHANNELS, 4, 2, stride=2)

    def forward(self, data: Tensor) -> Tensor:
        worked = self.up(functional.max_pool2d(data, 2))
        missing_y, missing_x = data.size(2) - worked.size(2), data.size(3) - worked.size(3)
        pads = [missing_x // 2, missing_x - missing_x // 2]
        pads += [missing_y // 2, missing_y - missing_y // 2]
        return torch.cat((data, functional.pad(worked, pads)), 1)


class ImagePooling(nn.Module):
    """The image pooling branch of ASPP beside a dilated convolution (DeepLab v3)."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(CHANNELS, 4, 1), nn.ReLU())
        self.dilated = nn.Conv2d(CHANNELS, 8, 3, padding=2, dilation=2)

    def forward(self, data: Tensor) -> Tensor:
        size = data.shape[-2:]
        pooled = self.pool(data)
        pooled = functional.interpolate(pooled, size=size, mode="bilinear", align_corners=False)
        return torch.cat((torch.relu(self.dilated(data)), pooled), 1)


def pad_constant(data: Tensor) -> Tensor:
    """Different margins of a constant."""
    return functional.pad(data, (1, 2, 0, 1), value=0.5)


def pad_reflect(data: Tensor) -> Tensor:
    """Margins that mirror the map."""
    return functional.pad(data, (1, 1, 2, 1), mode="reflect")


def pad_replicate(data: Tensor) -> Tensor:
    """Margins that repeat the edge."""
    return functional.pad(data, (2, 1, 1, 1), mode="replicate")


def difference(data: Tensor) -> Tensor:
    """Neighbouring rows subtracted, without the last two columns."""
    return (data[:, :, 1:] - data[:, :, :-1])[..., :-2]


def thin(data: Tensor) -> Tensor:
    """Every second row and column, as the shortcut of ResNet's option A; channels are added."""
    return functional.pad(data[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))


def shift(data: Tensor) -> Tensor:
    """A quarter of the channels moves by a row, a quarter by a column, with zeros behind."""
    quarter = CHANNELS // 4
    moved = torch.zeros_like(data)
    moved[:, :quarter, 1:] = data[:, :quarter, :-1]
    moved[:, quarter : 2 * quarter, :, :-1] = data[:, quarter : 2 * quarter, :, 1:]
    moved[:, 2 * quarter :] = data[:, 2 * quarter :]
    return moved


def roll(data: Tensor) -> Tensor:
    """Two rows and three columns that leave come in again on the other side."""
    return torch.roll(data, shifts=(-2, 3), dims=(2, 3))


def roll_by_slices(data: Tensor) -> Tensor:
    """Two rows that leave at the top come in again below."""
    return torch.cat((data[:, :, 2:], data[:, :, :2]), 2)


def ones_beside(data: Tensor) -> Tensor:
    """A channel of ones and one of zeros beside the map."""
    batch, _, height, width = data.shape
    ones = torch.ones(batch, 1, height, width)
    return torch.cat((data, ones, torch.zeros(batch, 1, height, width)), 1)


def ones_like_beside(data: Tensor) -> Tensor:
    """The same from ``ones_like``."""
    return torch.cat((data, 2 * torch.ones_like(data[:, :1])), 1)


def adaptive_own_size(data: Tensor) -> Tensor:
    """An adaptive pool to the map's own size."""
    return functional.adaptive_avg_pool2d(data, data.shape[2:])


class BlurPool(nn.Module):
    """Reflected margins, then a fixed depthwise filter with stride 2 (Zhang 2019)."""

    filter: Tensor

    def __init__(self) -> None:
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0])
        kernel = (row[:, None] * row / 16)[None, None].repeat(CHANNELS, 1, 1, 1)
        self.register_buffer("filter", kernel)
        self.margin = nn.ReflectionPad2d(1)

    def forward(self, data: Tensor) -> Tensor:
        return functional.conv2d(self.margin(data), self.filter, stride=2, groups=data.shape[1])


def _function(function: Callable[[Tensor], Tensor]) -> Callable[[], nn.Module]:
    return lambda: Computed(function)


ODD = (3, 26, 34)
LARGER_ODD = ((34, 46), (29, 50), (42, 38))
"""Odd maps like the original one: what is missing after halving and doubling stays the same."""
LARGER_MIXED = ((34, 46), (29, 52), (44, 37))
FREE = ("interpolate_size", "skip_add", "skip_concat", "skip_crop", "image_pooling", "pad_reflect",
        "ones", "roll")  # fmt: skip
RECIPES = named(
    {
        "interpolate_scale": around(_function(double_by_scale), head="average"),
        "interpolate_bilinear": around(_function(double_by_scale_bilinear), head="average"),
        "interpolate_size": around(_function(double_by_size), head="average"),
        "skip_add": around(SkipAdd, head="flat"),
        "skip_add_odd": around(SkipAdd, head="average", image=ODD, larger=LARGER_MIXED, opset=12),
        "skip_concat": around(lambda: SkipConcat(False), head="flat"),
        "skip_concat_corners": around(
            lambda: SkipConcat(True), head="average", image=ODD, larger=LARGER_MIXED
        ),
        "skip_crop": around(SkipCrop, head="flat", image=ODD, larger=LARGER_MIXED),
        "skip_pad": around(SkipPad, head="average", image=ODD, larger=LARGER_ODD),
        "image_pooling": around(ImagePooling, head="average", opset=11),
        "pad_constant": around(_function(pad_constant), head="flat"),
        "pad_reflect": around(_function(pad_reflect), head="average"),
        "pad_replicate": around(_function(pad_replicate), head="flat", opset=11),
        "difference": around(_function(difference), head="average", opset=11),
        "thin": around(_function(thin), head="flat"),
        "shift": around(_function(shift), head="average"),
        "roll": around(_function(roll), head="flat"),
        "roll_slices": around(_function(roll_by_slices), head="average"),
        "ones": around(_function(ones_beside), head="average", opset=11),
        "ones_like": around(_function(ones_like_beside), head="flat"),
        "adaptive_own_size": around(_function(adaptive_own_size), head="flat"),
        "max_pool_ceil": around(lambda: nn.MaxPool2d(3, 2, ceil_mode=True), head="flat"),
        "average_pool_ceil": around(
            lambda: nn.AvgPool2d(2, 2, ceil_mode=True), head="average", image=ODD, larger=LARGER_ODD
        ),
        "blur_pool": around(BlurPool, head="flat"),
    },
    FREE,
)
