"""Blocks that regroup channels and positions: shuffles, groups by hand, pixels into channels."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

import torch
from torch import Tensor, nn

from .torch_blocks import CHANNELS, LARGER_EVEN, around, named


class ChannelShuffle(nn.Module):
    """Interleaves the channels of two groups through a 5-D view, as torchvision does."""

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, height, width = data.size()
        data = data.view(batch, 2, channels // 2, height, width)
        return torch.transpose(data, 1, 2).contiguous().view(batch, channels, height, width)


class MergedChannelShuffle(nn.Module):
    """The same through a 4-D view with merged positions."""

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, height, width = data.shape
        data = data.reshape(batch, 4, channels // 4, height * width).permute(0, 2, 1, 3)
        return data.reshape(batch, -1, height, width)


class FoldedChannelShuffle(nn.Module):
    """Takes odd and even channels apart with the batch merged in (ShuffleNet v2's own code)."""

    def __init__(self) -> None:
        super().__init__()
        self.work = nn.Conv2d(CHANNELS // 2, CHANNELS // 2, 3, padding=1)

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, height, width = data.size()
        data = data.reshape(batch * channels // 2, 2, height * width).permute(1, 0, 2)
        data = data.reshape(2, -1, channels // 2, height, width)
        return torch.cat((data[0], self.work(data[1])), 1)


class ChunkedConv(nn.Module):
    """A convolution in two groups by hand, cut with ``chunk``."""

    def __init__(self) -> None:
        super().__init__()
        half = CHANNELS // 2
        self.paths = nn.ModuleList(nn.Conv2d(half, half, 3, padding=1) for _ in range(2))

    def forward(self, data: Tensor) -> Tensor:
        parts = data.chunk(2, dim=1)
        return torch.cat([path(part) for path, part in zip(self.paths, parts, strict=True)], 1)


class SplitConv(nn.Module):
    """Two paths over unequal shares of the channels, cut with ``split``."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(5, 5, 3, padding=1)
        self.narrow = nn.Conv2d(3, 3, 1)

    def forward(self, data: Tensor) -> Tensor:
        wide, narrow = torch.split(data, [5, 3], dim=1)
        return torch.cat((self.wide(wide), torch.relu(self.narrow(narrow))), 1)


class SplitAttention(nn.Module):
    """Split attention of radix 2 and cardinality 2, as in timm (Zhang et al. 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.radix, self.cardinality = 2, 2
        self.conv = nn.Conv2d(CHANNELS, 2 * CHANNELS, 3, padding=1, groups=4)
        self.fc1 = nn.Conv2d(CHANNELS, CHANNELS, 1, groups=2)
        self.fc2 = nn.Conv2d(CHANNELS, 2 * CHANNELS, 1, groups=2)

    def forward(self, data: Tensor) -> Tensor:
        data = torch.relu(self.conv(data))
        batch, channels, height, width = data.shape
        data = data.reshape(batch, self.radix, channels // self.radix, height, width)
        pooled = data.sum(dim=1).mean((2, 3), keepdim=True)
        gate = self.fc2(torch.relu(self.fc1(pooled)))
        gate = gate.view(batch, self.cardinality, self.radix, -1).transpose(1, 2).softmax(dim=1)
        gate = gate.reshape(batch, self.radix, channels // self.radix, 1, 1)
        return (data * gate).sum(dim=1)


class SplitAttentionBySplit(nn.Module):
    """Split attention of radix 2, with ``split`` in place of views (ResNeSt's own code)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(CHANNELS, 2 * CHANNELS, 3, padding=1, groups=2)
        self.fc1 = nn.Conv2d(CHANNELS, CHANNELS, 1)
        self.fc2 = nn.Conv2d(CHANNELS, 2 * CHANNELS, 1)

    def forward(self, data: Tensor) -> Tensor:
        data = torch.relu(self.conv(data))
        batch, channels = data.shape[:2]
        parts = torch.split(data, int(channels // 2), dim=1)
        pooled = nn.functional.adaptive_avg_pool2d(sum(parts), 1)
        gate = self.fc2(torch.relu(self.fc1(pooled)))
        gate = gate.view(batch, 1, 2, -1).transpose(1, 2).softmax(dim=1).reshape(batch, -1)
        gates = torch.split(gate.view(batch, -1, 1, 1), int(channels // 2), dim=1)
        out = sum(gate * part for gate, part in zip(gates, parts, strict=True))
        return out.contiguous()


class PixelShuffleByView(nn.Module):
    """Channels into pixels through a 6-D view."""

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, height, width = data.shape
        data = data.view(batch, channels // 4, 2, 2, height, width)
        data = data.permute(0, 1, 4, 2, 5, 3).contiguous()
        return data.view(batch, channels // 4, 2 * height, 2 * width)


class SpaceToDepth(nn.Module):
    """Pixels into channels through a 6-D view, as TResNet does."""

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, height, width = data.size()
        data = data.view(batch, channels, height // 2, 2, width // 2, 2)
        data = data.permute(0, 3, 5, 1, 2, 4).contiguous()
        return data.view(batch, channels * 4, height // 2, width // 2)


class Focus(nn.Module):
    """Every second pixel four times side by side (YOLOv5)."""

    def forward(self, data: Tensor) -> Tensor:
        parts = [data[..., row::2, column::2] for column in range(2) for row in range(2)]
        return torch.cat(parts, 1)


class PatchMerging(nn.Module):
    """Four neighbours into one position with the channels last (Swin)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * CHANNELS)
        self.reduction = nn.Linear(4 * CHANNELS, 2 * CHANNELS, bias=False)

    def forward(self, data: Tensor) -> Tensor:
        data = data.permute(0, 2, 3, 1)
        batch, height, width, channels = data.shape
        data = data.reshape(batch, height // 2, 2, width // 2, 2, channels)
        data = data.permute(0, 1, 3, 4, 2, 5).flatten(3)
        return self.reduction(self.norm(data)).permute(0, 3, 1, 2)


FREE = ("channel_shuffle", "channel_shuffle_folded", "chunked_conv", "split_attention",
        "pixel_shuffle_view", "space_to_depth")  # fmt: skip
RECIPES = named(
    {
        "channel_shuffle": around(ChannelShuffle, head="flat"),
        "channel_shuffle_merged": around(MergedChannelShuffle, head="average", stem_padding=0),
        "channel_shuffle_folded": around(FoldedChannelShuffle, head="flat", image=(3, 16, 32)),
        "channel_shuffle_module": around(
            lambda: nn.ChannelShuffle(2), head="average", exporters=("dynamo",)
        ),
        "chunked_conv": around(ChunkedConv, head="flat"),
        "split_conv": around(SplitConv, head="average", opset=12),
        "split_attention": around(SplitAttention, head="flat", image=(3, 32, 24)),
        "split_attention_split": around(SplitAttentionBySplit, head="average"),
        "pixel_shuffle": around(lambda: nn.PixelShuffle(2), head="average"),
        "pixel_shuffle_view": around(PixelShuffleByView, head="average", image=(3, 16, 24)),
        "pixel_unshuffle": around(lambda: nn.PixelUnshuffle(2), head="flat", larger=LARGER_EVEN),
        "space_to_depth": around(SpaceToDepth, head="flat", larger=LARGER_EVEN, opset=11),
        "focus": around(Focus, head="flat", larger=LARGER_EVEN),
        "patch_merging": around(PatchMerging, head="average", larger=LARGER_EVEN, opset=12),
    },
    FREE,
)
