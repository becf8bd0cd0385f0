"""Blocks that are made for one size, or look from every position at every other."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

import torch
from torch import Tensor, nn
from torch.nn import functional

from .torch_blocks import CHANNELS, around, named

IMAGE = (3, 10, 14)
EXTENTS = (5, 7)
AREA = EXTENTS[0] * EXTENTS[1]


class PositionEmbedding(nn.Module):
    """A learned number for each position and channel."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(1, CHANNELS, *EXTENTS))

    def forward(self, data: Tensor) -> Tensor:
        return data + self.embedding


class TokenEmbedding(nn.Module):
    """The same on tokens ``[N, H * W, C]``."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(1, AREA, CHANNELS))

    def forward(self, data: Tensor) -> Tensor:
        tokens = functional.gelu(data.flatten(2).transpose(1, 2) + self.embedding)
        return tokens.transpose(1, 2).reshape(data.shape)


class CoordinateChannels(nn.Module):
    """Row and column numbers beside the map, from -1 to 1 (CoordConv)."""

    def forward(self, data: Tensor) -> Tensor:
        batch, _, height, width = data.shape
        rows = torch.linspace(-1, 1, height)[:, None].expand(batch, 1, height, width)
        columns = torch.linspace(-1, 1, width).expand(batch, 1, height, width)
        return torch.cat((data, rows, columns), 1)


class SelfAttention(nn.Module):
    """Attention from every position to every position (Wang et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Conv2d(CHANNELS, 4, 1)
        self.key = nn.Conv2d(CHANNELS, 4, 1)
        self.value = nn.Conv2d(CHANNELS, CHANNELS, 1)

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, height, width = data.size()
        query = self.query(data).view(batch, -1, height * width).permute(0, 2, 1)
        key = self.key(data).view(batch, -1, height * width)
        attention = torch.softmax(torch.bmm(query, key), dim=-1)
        value = self.value(data).view(batch, -1, height * width)
        mixed = torch.bmm(value, attention.permute(0, 2, 1))
        return mixed.view(batch, channels, height, width) + data


class AffinityMean(nn.Module):
    """Products between all positions divided by their number, without a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Conv2d(CHANNELS, 4, 1)
        self.key = nn.Conv2d(CHANNELS, 4, 1)

    def forward(self, data: Tensor) -> Tensor:
        query, key = self.query(data).flatten(2), self.key(data).flatten(2)
        scores = query.transpose(1, 2) @ key / query.shape[-1]
        return data + (data.flatten(2) @ scores).view(data.shape)


class BiasedAttention(nn.Module):
    """Attention in two heads between tokens, with a learned bias a pair of positions (LeViT)."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(CHANNELS, 3 * CHANNELS)
        ys, xs = (torch.arange(extent) for extent in EXTENTS)
        points = torch.stack(torch.meshgrid(ys, xs, indexing="ij")).flatten(1)
        offsets = (points[:, :, None] - points[:, None]).abs()
        self.register_buffer("indices", offsets[0] * EXTENTS[1] + offsets[1])
        self.bias = nn.Parameter(torch.randn(2, AREA))

    indices: Tensor

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, height, width = data.shape
        qkv = self.qkv(data.flatten(2).transpose(1, 2))
        qkv = qkv.reshape(batch, -1, 3, 2, channels // 2).permute(2, 0, 3, 1, 4)
        query, key, value = qkv[0], qkv[1], qkv[2]
        scores = query @ key.transpose(-2, -1) * 0.5 + self.bias[:, self.indices]
        mixed = (scores.softmax(dim=-1) @ value).transpose(1, 2).reshape(batch, -1, channels)
        return data + mixed.transpose(1, 2).view(batch, channels, height, width)


class TokenMixing(nn.Module):
    """Linear layers over merged positions (MLP-Mixer)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(CHANNELS)
        self.fc1 = nn.Linear(AREA, 8)
        self.fc2 = nn.Linear(8, AREA)

    def forward(self, data: Tensor) -> Tensor:
        tokens = data.flatten(2).transpose(1, 2)
        mixed = self.fc2(functional.gelu(self.fc1(self.norm(tokens).transpose(1, 2))))
        return (tokens.transpose(1, 2) + mixed).view(data.shape)


class RowMixing(nn.Module):
    """A Linear layer over each row of the map (ViP)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(EXTENTS[1], EXTENTS[1])

    def forward(self, data: Tensor) -> Tensor:
        return data + self.fc(data)


class FullConv(nn.Module):
    """A gate from a depthwise convolution as large as the map (MobileFaceNet)."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.Conv2d(CHANNELS, CHANNELS, EXTENTS, groups=CHANNELS)

    def forward(self, data: Tensor) -> Tensor:
        return data * torch.sigmoid(self.pool(data))


FREE = ("position_embedding", "self_attention", "token_mixing")
RECIPES = named(
    {
        "position_embedding": around(PositionEmbedding, image=IMAGE, head="flat", larger=()),
        "token_embedding": around(TokenEmbedding, image=IMAGE, head="average", larger=(), opset=11),
        "coordinate_channels": around(CoordinateChannels, image=IMAGE, head="flat"),
        "self_attention": around(SelfAttention, image=IMAGE, head="average"),
        "affinity_mean": around(AffinityMean, image=IMAGE, head="flat"),
        "biased_attention": around(BiasedAttention, image=IMAGE, head="flat", larger=()),
        "token_mixing": around(TokenMixing, image=IMAGE, head="average", larger=()),
        "row_mixing": around(RowMixing, image=IMAGE, head="flat", larger=()),
        "layer_norm_map": around(
            lambda: nn.LayerNorm([CHANNELS, *EXTENTS]),
            image=IMAGE,
            head="average",
            larger=(),
        ),
        "full_conv_gate": around(FullConv, image=IMAGE, head="flat", larger=()),
    },
    FREE,
)
