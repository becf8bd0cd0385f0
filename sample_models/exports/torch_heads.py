"""Nets whose heads or axes are unusual: ConvNeXt, two heads, embeddings, sound, video."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

import torch
from torch import Tensor, nn

from .torch_net import CLASSES, ConvNormAct, Net, Recipe


class Permute(nn.Module):
    """Reorder the axes."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, data: Tensor) -> Tensor:
        return torch.permute(data, self.axes)


class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation over the channels of ``[N, C, H, W]``, as in torchvision."""

    def forward(self, data: Tensor) -> Tensor:
        last = data.permute(0, 2, 3, 1)
        normed = nn.functional.layer_norm(
            last, self.normalized_shape, self.weight, self.bias, self.eps
        )
        return normed.permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    """Depthwise 7x7, then a dense layer at each position with the channels last."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(channels, channels, 7, padding=3, groups=channels),
            Permute((0, 2, 3, 1)),
            nn.LayerNorm(channels, eps=1e-6),
            nn.Linear(channels, 3 * channels),
            nn.GELU(),
            nn.Linear(3 * channels, channels),
            Permute((0, 3, 1, 2)),
        )
        self.layer_scale = nn.Parameter(torch.linspace(0.3, 1.0, channels).reshape(-1, 1, 1))

    def forward(self, data: Tensor) -> Tensor:
        return self.layer_scale * self.block(data) + data


def convnext() -> Net:
    """ConvNeXt."""
    trunk = nn.Sequential(
        nn.Conv2d(3, 12, 4, stride=4),
        LayerNorm2d(12, eps=1e-6),
        ConvNeXtBlock(12),
        LayerNorm2d(12, eps=1e-6),
        nn.Conv2d(12, 16, 2, stride=2),
        ConvNeXtBlock(16),
        LayerNorm2d(16, eps=1e-6),
        nn.Conv2d(16, 24, 2, stride=2),
        ConvNeXtBlock(24),
    )
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        LayerNorm2d(24, eps=1e-6),
        nn.Flatten(1),
        nn.Linear(24, CLASSES),
    )
    return Net(trunk, head)


def _small_trunk() -> nn.Sequential:
    return nn.Sequential(
        ConvNormAct(3, 8, 3, 2),
        ConvNormAct(8, 16, 3, 2),
        ConvNormAct(16, 24, 3, 2),
        ConvNormAct(24, 32, 3),
    )


class TwoLinear(nn.Module):
    """Two answers from one pooled vector."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.age = nn.Linear(features, 1)
        self.kind = nn.Linear(features, CLASSES)

    def forward(self, feature_map: Tensor) -> tuple[Tensor, Tensor]:
        vector = self.avgpool(feature_map).flatten(1)
        return self.age(vector), self.kind(vector)


class Embedding(nn.Module):
    """An embedding of unit length, and logits from it."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.project = nn.Linear(features, 16)
        self.norm = nn.BatchNorm1d(16)
        self.fc = nn.Linear(16, CLASSES)

    def forward(self, feature_map: Tensor) -> tuple[Tensor, Tensor]:
        vector = self.norm(self.project(torch.flatten(feature_map, 1)))
        embedding = vector / vector.norm(dim=1, keepdim=True)
        return embedding, self.fc(embedding)


class NormalizedEmbedding(nn.Module):
    """``F.normalize``, which bounds the length from below."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.project = nn.Linear(features, 16)

    def forward(self, feature_map: Tensor) -> Tensor:
        vector = feature_map.mean(dim=(2, 3))
        return nn.functional.normalize(self.project(vector), p=2.0, dim=1)


class AverageAndMax(nn.Module):
    """Average and maximum side by side (fast.ai's AdaptiveConcatPool2d), then a hidden layer."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.average, self.maximum = nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.BatchNorm1d(2 * features),
            nn.Linear(2 * features, 24, bias=False),
            nn.ReLU(inplace=True),
            nn.BatchNorm1d(24),
            nn.Linear(24, CLASSES),
        )

    def forward(self, feature_map: Tensor) -> Tensor:
        pooled = torch.cat([self.maximum(feature_map), self.average(feature_map)], 1)
        return self.classifier(pooled)


def audio() -> Net:
    """A 1-D net for sound."""
    trunk = nn.Sequential(
        nn.Conv1d(1, 16, 16, stride=4),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.MaxPool1d(4),
        nn.Conv1d(16, 24, 3),
        nn.BatchNorm1d(24),
        nn.ReLU(),
        nn.MaxPool1d(4),
        nn.Conv1d(24, 32, 3),
        nn.ReLU(),
    )
    head = nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, CLASSES))
    return Net(trunk, head)


def video() -> Net:
    """A 3-D net for video or volumes."""
    trunk = nn.Sequential(
        nn.Conv3d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool3d((1, 2, 2)),
        nn.Conv3d(8, 16, 3, padding=1),
        nn.BatchNorm3d(16),
        nn.ReLU(),
        nn.MaxPool3d(2),
    )
    head = nn.Sequential(
        nn.Flatten(),
        nn.Linear(16 * 2 * 3 * 4, 24),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(24, CLASSES),
    )
    return Net(trunk, head)


RECIPES = {
    "convnext": Recipe(build=convnext, image=(3, 48, 64), larger=((64, 100),)),
    "two_heads": Recipe(
        build=lambda: Net(_small_trunk(), TwoLinear(32)),
        image=(3, 32, 48),
        larger=((41, 80),),
        outputs=("age", "kind"),
    ),
    "embedding": Recipe(
        build=lambda: Net(_small_trunk(), Embedding(32 * 4 * 5)),
        image=(3, 32, 40),
        larger=((41, 64),),
        outputs=("embedding", "logits"),
    ),
    "normalized": Recipe(
        build=lambda: Net(_small_trunk(), NormalizedEmbedding(32)),
        image=(3, 32, 40),
        larger=((41, 64),),
        outputs=("embedding",),
    ),
    "average_max": Recipe(
        build=lambda: Net(_small_trunk(), AverageAndMax(32)), image=(3, 40, 32), larger=((48, 56),)
    ),
    "audio": Recipe(build=audio, image=(1, 800), larger=((1200,),), opset=15),
    "video": Recipe(build=video, image=(1, 4, 12, 16), larger=((6, 16, 24),)),
}
RECIPES["convnext_batch1"] = RECIPES["convnext"].with_batch_of_one()
RECIPES["normalized_batch1"] = RECIPES["normalized"].with_batch_of_one()
