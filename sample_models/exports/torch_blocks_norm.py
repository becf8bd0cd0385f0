"""Normalisations, and layers that work on channels-last maps or on tokens."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

import torch
from torch import Tensor, nn
from torch.nn import functional

from .torch_blocks import CHANNELS, around, named


class ConvNeXtBlock(nn.Module):
    """Depthwise 7x7, then normalisation and Linear layers with the channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(CHANNELS, CHANNELS, 7, padding=3, groups=CHANNELS)
        self.norm = nn.LayerNorm(CHANNELS)
        self.widen = nn.Linear(CHANNELS, 2 * CHANNELS)
        self.narrow = nn.Linear(2 * CHANNELS, CHANNELS)
        self.layer_scale = nn.Parameter(torch.rand(CHANNELS) + 0.5)

    def forward(self, data: Tensor) -> Tensor:
        worked = self.norm(self.depthwise(data).permute(0, 2, 3, 1))
        worked = self.layer_scale * self.narrow(functional.gelu(self.widen(worked)))
        return data + worked.permute(0, 3, 1, 2)


class ResponseNormBlock(nn.Module):
    """Global response normalisation with the channels last (ConvNeXt v2)."""

    def __init__(self) -> None:
        super().__init__()
        self.widen = nn.Linear(CHANNELS, 2 * CHANNELS)
        self.narrow = nn.Linear(2 * CHANNELS, CHANNELS)
        self.gamma = nn.Parameter(torch.rand(2 * CHANNELS))
        self.beta = nn.Parameter(torch.rand(2 * CHANNELS))

    def forward(self, data: Tensor) -> Tensor:
        worked = functional.gelu(self.widen(data.permute(0, 2, 3, 1)))
        length = torch.norm(worked, p=2, dim=(1, 2), keepdim=True)
        relative = length / (length.mean(dim=-1, keepdim=True) + 1e-6)
        worked = self.gamma * (worked * relative) + self.beta + worked
        return data + self.narrow(worked).permute(0, 3, 1, 2)


class LastLinear(nn.Module):
    """One Linear layer with the channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(CHANNELS, 12)

    def forward(self, data: Tensor) -> Tensor:
        return self.fc(data.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class TokenLinear(nn.Module):
    """Normalisation and Linear layers on tokens ``[N, H * W, C]``, and back to a map."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(CHANNELS)
        self.fc = nn.Linear(CHANNELS, CHANNELS)

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, height, width = data.shape
        tokens = data.flatten(2).transpose(1, 2)
        tokens = tokens + torch.relu(self.fc(self.norm(tokens)))
        return tokens.transpose(1, 2).view(batch, channels, height, width)


class MixFeedForward(nn.Module):
    """Linear, a depthwise convolution between two views, Linear, all on tokens (SegFormer)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(CHANNELS, CHANNELS)
        self.depthwise = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, groups=CHANNELS)
        self.fc2 = nn.Linear(CHANNELS, CHANNELS)

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, height, width = data.shape
        tokens = self.fc1(data.flatten(2).transpose(1, 2))
        worked = tokens.transpose(1, 2).reshape(batch, channels, height, width)
        tokens = functional.gelu(self.depthwise(worked).flatten(2).transpose(1, 2))
        return data + self.fc2(tokens).permute(0, 2, 1).reshape(batch, -1, height, width)


class LastNorm(nn.Module):
    """Layer normalisation over the channels by hand (ConvNeXt's ``LayerNorm2d``)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(CHANNELS))
        self.bias = nn.Parameter(torch.zeros(CHANNELS))

    def forward(self, data: Tensor) -> Tensor:
        mean = data.mean(1, keepdim=True)
        variance = (data - mean).pow(2).mean(1, keepdim=True)
        data = (data - mean) / torch.sqrt(variance + 1e-6)
        return self.weight[:, None, None] * data + self.bias[:, None, None]


class GroupNormByView(nn.Module):
    """Group normalisation by hand: groups with merged positions."""

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, height, width = data.shape
        groups = data.view(batch, 2, channels // 2 * height * width)
        mean = groups.mean(-1, keepdim=True)
        variance = groups.var(-1, keepdim=True, unbiased=False)
        groups = (groups - mean) / torch.sqrt(variance + 1e-5)
        return groups.view(batch, channels, height, width)


class StridedTranspose(nn.Module):
    """Channels last through ``as_strided``, a Linear layer, and back."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(CHANNELS, CHANNELS)

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, height, width = data.shape
        area = height * width
        strides = (channels * area, width, 1, area)
        last = torch.as_strided(data.contiguous(), (batch, height, width, channels), strides)
        return self.fc(last).permute(0, 3, 1, 2)


FREE = ("group_norm", "group_norm_view", "local_response_norm", "convnext_block", "token_linear")
RECIPES = named(
    {
        "group_norm": around(lambda: nn.GroupNorm(4, CHANNELS), head="flat"),
        "group_norm_view": around(GroupNormByView, head="average", opset=12),
        "instance_norm": around(
            lambda: nn.InstanceNorm2d(CHANNELS, affine=True), head="average", opset=11
        ),
        "local_response_norm": around(
            lambda: nn.LocalResponseNorm(3, alpha=0.5), head="flat", stem_padding=0
        ),
        "layer_norm_channels": around(LastNorm, head="flat"),
        "convnext_block": around(ConvNeXtBlock, head="flat"),
        "response_norm": around(ResponseNormBlock, head="average"),
        "linear_last": around(LastLinear, head="average", stem_padding=0),
        "token_linear": around(TokenLinear, head="flat"),
        "mix_feed_forward": around(MixFeedForward, head="average", opset=11),
        "strided_transpose": around(StridedTranspose, head="flat"),
    },
    FREE,
)
