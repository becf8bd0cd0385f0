"""Nets of depthwise convolutions: MobileNet v2 and v3, EfficientNet, ShuffleNet v2."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

import torch
from torch import Tensor, nn

from .torch_net import CLASSES, ConvNormAct, Net, PooledLinear, Recipe, SqueezeExcitation


class InvertedResidual(nn.Module):
    """Expand, depthwise, perhaps a gate, project; a shortcut where the shapes agree."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        *,
        kernel: int = 3,
        expand: int = 2,
        activation: type[nn.Module],
        gate: nn.Module | None = None,
    ) -> None:
        super().__init__()
        hidden = inputs * expand
        self.block = nn.Sequential(
            ConvNormAct(inputs, hidden, 1, activation=activation),
            ConvNormAct(hidden, hidden, kernel, stride, groups=hidden, activation=activation),
            *([] if gate is None else [gate]),
            ConvNormAct(hidden, outputs, 1, activation=None),
        )
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, data: Tensor) -> Tensor:
        return data + self.block(data) if self.shortcut else self.block(data)


def mobilenet_v2() -> Net:
    """MobileNet v2: ReLU6, linear bottlenecks."""
    trunk = nn.Sequential(
        ConvNormAct(3, 8, 3, 2, activation=nn.ReLU6),
        InvertedResidual(8, 12, 2, activation=nn.ReLU6),
        InvertedResidual(12, 12, 1, activation=nn.ReLU6),
        InvertedResidual(12, 16, 2, activation=nn.ReLU6),
        InvertedResidual(16, 24, 2, activation=nn.ReLU6),
        ConvNormAct(24, 48, 1, activation=nn.ReLU6),
    )
    return Net(trunk, PooledLinear(48))


class HardswishHead(nn.Module):
    """Pool, Linear, Hardswish, Linear."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(features, 32), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(32, CLASSES)
        )

    def forward(self, feature_map: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.avgpool(feature_map), 1))


def mobilenet_v3() -> Net:
    """MobileNet v3: Hardswish, hard sigmoid gates."""

    def gate(channels: int) -> nn.Module:
        return SqueezeExcitation(channels, 8, scale=nn.Hardsigmoid)

    trunk = nn.Sequential(
        ConvNormAct(3, 8, 3, 2, activation=nn.Hardswish),
        InvertedResidual(8, 8, 2, activation=nn.ReLU, gate=gate(16)),
        InvertedResidual(8, 12, 2, activation=nn.ReLU),
        InvertedResidual(12, 16, 2, kernel=5, activation=nn.Hardswish, gate=gate(24)),
        InvertedResidual(16, 16, 1, kernel=5, activation=nn.Hardswish, gate=gate(32)),
        ConvNormAct(16, 40, 1, activation=nn.Hardswish),
    )
    return Net(trunk, HardswishHead(40))


def efficientnet() -> Net:
    """EfficientNet: SiLU and gates everywhere."""

    def block(inputs: int, outputs: int, stride: int, kernel: int) -> InvertedResidual:
        gate = SqueezeExcitation(3 * inputs, inputs // 4, activation=nn.SiLU)
        return InvertedResidual(
            inputs, outputs, stride, kernel=kernel, expand=3, activation=nn.SiLU, gate=gate
        )

    trunk = nn.Sequential(
        ConvNormAct(3, 8, 3, 2, activation=nn.SiLU),
        block(8, 8, 1, 3),
        block(8, 12, 2, 3),
        block(12, 16, 2, 5),
        block(16, 16, 1, 5),
        ConvNormAct(16, 48, 1, activation=nn.SiLU),
    )
    return Net(trunk, PooledLinear(48))


def channel_shuffle(data: Tensor, groups: int) -> Tensor:
    """Interleave the channels of the groups, as torchvision does."""
    batch, channels, height, width = data.size()
    data = data.view(batch, groups, channels // groups, height, width)
    return torch.transpose(data, 1, 2).contiguous().view(batch, channels, height, width)


class ShuffleUnit(nn.Module):
    """A unit of ShuffleNet v2: half of the channels pass by, or all are halved in size."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        half = outputs // 2
        self.stride = stride
        self.branch1 = nn.Sequential(
            ConvNormAct(inputs, inputs, 3, stride, groups=inputs, activation=None),
            ConvNormAct(inputs, half, 1),
        )
        self.branch2 = nn.Sequential(
            ConvNormAct(inputs if stride > 1 else half, half, 1),
            ConvNormAct(half, half, 3, stride, groups=half, activation=None),
            ConvNormAct(half, half, 1),
        )

    def forward(self, data: Tensor) -> Tensor:
        if self.stride == 1:
            passing, worked = data.chunk(2, dim=1)
            joined = torch.cat((passing, self.branch2(worked)), dim=1)
        else:
            joined = torch.cat((self.branch1(data), self.branch2(data)), dim=1)
        return channel_shuffle(joined, 2)


class MeanHead(nn.Module):
    """Mean over the spatial axes, then Linear."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.fc = nn.Linear(features, CLASSES)

    def forward(self, feature_map: Tensor) -> Tensor:
        return self.fc(feature_map.mean([2, 3]))


def shufflenet() -> Net:
    """ShuffleNet v2."""
    trunk = nn.Sequential(
        ConvNormAct(3, 8, 3, 2),
        nn.MaxPool2d(3, 2, 1),
        ShuffleUnit(8, 24, 2),
        ShuffleUnit(24, 24, 1),
        ShuffleUnit(24, 32, 2),
        ShuffleUnit(32, 32, 1),
        ConvNormAct(32, 48, 1),
    )
    return Net(trunk, MeanHead(48))


RECIPES = {
    "mobilenet_v2": Recipe(build=mobilenet_v2, image=(3, 48, 64), larger=((64, 112),)),
    "mobilenet_v3": Recipe(build=mobilenet_v3, image=(3, 64, 64), larger=((80, 112),), opset=14),
    "efficientnet": Recipe(build=efficientnet, image=(3, 32, 48), larger=((41, 72),)),
    "shufflenet": Recipe(build=shufflenet, image=(3, 64, 48), larger=((96, 112),)),
}
RECIPES["shufflenet_batch1"] = RECIPES["shufflenet"].with_batch_of_one()
