"""Attention that works at any size: between channels, from positions to one context, in tiles."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

import torch
from torch import Tensor, nn
from torch.nn import functional

from .torch_blocks import CHANNELS, around, named


class GlobalContext(nn.Module):
    """Global context block: one softmax over all positions (Cao et al. 2019)."""

    def __init__(self) -> None:
        super().__init__()
        self.mask = nn.Conv2d(CHANNELS, 1, 1)
        self.transform = nn.Sequential(
            nn.Conv2d(CHANNELS, 4, 1), nn.LayerNorm([4, 1, 1]), nn.ReLU(), nn.Conv2d(4, CHANNELS, 1)
        )

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, height, width = data.size()
        values = data.view(batch, channels, height * width).unsqueeze(1)
        mask = self.mask(data).view(batch, 1, height * width).softmax(2).unsqueeze(-1)
        context = torch.matmul(values, mask).view(batch, channels, 1, 1)
        return data + self.transform(context)


class ChannelAttention(nn.Module):
    """Attention between channels, with the number of positions as scale."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Conv2d(CHANNELS, 3 * CHANNELS, 1)
        self.project = nn.Conv2d(CHANNELS, CHANNELS, 1)

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, height, width = data.shape
        parts = self.qkv(data).chunk(3, dim=1)
        query, key, value = (part.view(batch, channels, height * width) for part in parts)
        scores = torch.bmm(query, key.transpose(1, 2)) * (height * width) ** -0.5
        mixed = torch.bmm(scores.softmax(-1), value)
        return data + self.project(mixed.view(batch, channels, height, width))


class CrossCovarianceAttention(nn.Module):
    """Attention between channels in two heads, on vectors of unit length (El-Nouby et al. 2021)."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Conv2d(CHANNELS, 3 * CHANNELS, 1)
        self.project = nn.Conv2d(CHANNELS, CHANNELS, 1)
        self.temperature = nn.Parameter(torch.rand(2, 1, 1) + 1)

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, height, width = data.shape
        parts = self.qkv(data).chunk(3, dim=1)
        query, key, value = (part.reshape(batch, 2, channels // 2, -1) for part in parts)
        query, key = functional.normalize(query, dim=-1), functional.normalize(key, dim=-1)
        scores = (query @ key.transpose(-2, -1)) * self.temperature
        mixed = (scores.softmax(dim=-1) @ value).reshape(batch, channels, height, width)
        return data + self.project(mixed)


class TokenCovarianceAttention(nn.Module):
    """The same on tokens ``[N, H * W, C]``, with Linear layers, as XCiT writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(CHANNELS)
        self.qkv = nn.Linear(CHANNELS, 3 * CHANNELS)
        self.project = nn.Linear(CHANNELS, CHANNELS)

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, height, width = data.shape
        tokens = data.flatten(2).transpose(1, 2)
        count = tokens.shape[1]
        qkv = self.qkv(self.norm(tokens)).reshape(batch, count, 3, 2, channels // 2)
        query, key, value = qkv.permute(2, 0, 3, 4, 1).unbind(0)
        query, key = functional.normalize(query, dim=-1), functional.normalize(key, dim=-1)
        scores = (query @ key.transpose(-2, -1)).softmax(dim=-1)
        mixed = (scores @ value).permute(0, 3, 1, 2).reshape(batch, count, channels)
        tokens = tokens + self.project(mixed)
        return tokens.transpose(1, 2).reshape(batch, channels, height, width)


class EfficientAttention(nn.Module):
    """Softmax over positions for keys, over channels for queries (Shen et al. 2021)."""

    def __init__(self) -> None:
        super().__init__()
        self.key = nn.Conv2d(CHANNELS, 4, 1)
        self.query = nn.Conv2d(CHANNELS, 4, 1)
        self.value = nn.Conv2d(CHANNELS, CHANNELS, 1)

    def forward(self, data: Tensor) -> Tensor:
        batch, _, height, width = data.size()
        key = functional.softmax(self.key(data).reshape(batch, 4, height * width), dim=2)
        query = functional.softmax(self.query(data).reshape(batch, 4, height * width), dim=1)
        value = self.value(data).reshape(batch, CHANNELS, height * width)
        context = key @ value.transpose(1, 2)
        return data + (context.transpose(1, 2) @ query).reshape(batch, CHANNELS, height, width)


class ChannelSoftmax(nn.Module):
    """A softmax over the channels of merged positions."""

    def forward(self, data: Tensor) -> Tensor:
        return data.flatten(2).softmax(dim=1).view(data.shape) * data


class UnflattenedSoftmax(nn.Module):
    """The same, back through ``unflatten``."""

    def forward(self, data: Tensor) -> Tensor:
        height, width = data.shape[2:]
        return data * data.flatten(2).softmax(dim=1).unflatten(2, (height, width))


class WindowAttention(nn.Module):
    """Attention inside tiles of 4x4 positions with relative position bias (Swin)."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(CHANNELS, 3 * CHANNELS)
        self.bias = nn.Parameter(torch.randn(16, 16))

    def forward(self, data: Tensor) -> Tensor:
        data = data.permute(0, 2, 3, 1)
        batch, height, width, channels = data.shape
        tiles = data.view(batch, height // 4, 4, width // 4, 4, channels)
        tiles = tiles.permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, channels)
        query, key, value = self.qkv(tiles).chunk(3, dim=-1)
        scores = query @ key.transpose(1, 2) * channels**-0.5 + self.bias
        mixed = (scores.softmax(-1) @ value).view(batch, height // 4, width // 4, 4, 4, channels)
        mixed = mixed.permute(0, 1, 3, 2, 4, 5).reshape(batch, height, width, channels)
        return (data + mixed).permute(0, 3, 1, 2)


TILED = ((32, 48), (24, 56), (48, 40))
FREE = ("global_context", "channel_attention", "covariance_attention", "efficient_attention",
        "channel_softmax", "window_attention")  # fmt: skip
RECIPES = named(
    {
        "global_context": around(GlobalContext, head="flat", opset=12),
        "channel_attention": around(ChannelAttention, head="average"),
        "covariance_attention": around(
            CrossCovarianceAttention, head="flat", image=(3, 16, 32), opset=13
        ),
        "token_covariance": around(TokenCovarianceAttention, head="average"),
        "efficient_attention": around(EfficientAttention, head="flat"),
        "channel_softmax": around(ChannelSoftmax, head="average", stem_padding=0, opset=12),
        "channel_softmax_unflatten": around(UnflattenedSoftmax, head="flat"),
        "window_attention": around(WindowAttention, head="flat", larger=TILED),
    },
    FREE,
)
