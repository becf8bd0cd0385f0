"""Nets with shortcuts: ResNet, SE-ResNet, RegNet, DenseNet."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

import torch
from torch import Tensor, nn

from .torch_net import ConvNormAct, Net, PooledLinear, Recipe, SqueezeExcitation


class LinearGate(nn.Module):
    """Squeeze-and-excite with Linear layers between two views (Hu et al. 2018)."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channels, channels // reduction, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(channels // reduction, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, _, _ = data.size()
        gate = self.fc(self.avg_pool(data).view(batch, channels)).view(batch, channels, 1, 1)
        return data * gate.expand_as(data)


class Residual(nn.Module):
    """``relu(body(x) + shortcut(x))``."""

    def __init__(self, inputs: int, outputs: int, stride: int, body: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = ConvNormAct(inputs, outputs, 1, stride, activation=None)

    def forward(self, data: Tensor) -> Tensor:
        return torch.relu(self.body(data) + self.shortcut(data))


def _basic_block(inputs: int, outputs: int, stride: int, *gate: nn.Module) -> Residual:
    body = nn.Sequential(
        ConvNormAct(inputs, outputs, 3, stride),
        ConvNormAct(outputs, outputs, 3, activation=None),
        *gate,
    )
    return Residual(inputs, outputs, stride, body)


def _stem(channels: int) -> list[nn.Module]:
    return [ConvNormAct(3, channels, 7, 2), nn.MaxPool2d(3, 2, 1)]


def resnet() -> Net:
    """ResNet of basic blocks."""
    blocks = [
        _basic_block(8, 8, 1),
        _basic_block(8, 12, 2),
        _basic_block(12, 16, 2),
        _basic_block(16, 32, 2),
    ]
    return Net(nn.Sequential(*_stem(8), *blocks), PooledLinear(32))


def se_resnet() -> Net:
    """ResNet with Linear gates."""
    blocks = [
        _basic_block(8, 8, 1, LinearGate(8, 4)),
        _basic_block(8, 16, 2, LinearGate(16, 4)),
        _basic_block(16, 24, 2, LinearGate(24, 4)),
    ]
    return Net(nn.Sequential(*_stem(8), *blocks), PooledLinear(24))


def _regnet_block(inputs: int, outputs: int, stride: int) -> Residual:
    body = nn.Sequential(
        ConvNormAct(inputs, outputs, 1),
        ConvNormAct(outputs, outputs, 3, stride, groups=outputs // 8),
        SqueezeExcitation(outputs, inputs // 4),
        ConvNormAct(outputs, outputs, 1, activation=None),
    )
    return Residual(inputs, outputs, stride, body)


def regnet() -> Net:
    """RegNetY: grouped convolutions of width 8, gates."""
    trunk = nn.Sequential(
        ConvNormAct(3, 16, 3, 2),
        _regnet_block(16, 16, 2),
        _regnet_block(16, 24, 2),
        _regnet_block(24, 32, 2),
        _regnet_block(32, 32, 1),
    )
    return Net(trunk, PooledLinear(32))


class DenseLayer(nn.Module):
    """Adds ``growth`` channels beside its input."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, 16, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(16), nn.Conv2d(16, growth, 3, 1, 1, bias=False)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, data: Tensor) -> Tensor:
        squeezed = self.conv1(self.relu(self.norm1(data)))
        return torch.cat([data, self.conv2(self.relu(self.norm2(squeezed)))], 1)


def _transition(inputs: int, outputs: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 1, bias=False)
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), convolution, nn.AvgPool2d(2, 2))


def densenet() -> Net:
    """DenseNet: normalisation before the convolution, one more behind the last block."""
    trunk = nn.Sequential(
        *_stem(16),
        DenseLayer(16, 8),
        DenseLayer(24, 8),
        _transition(32, 16),
        DenseLayer(16, 8),
        DenseLayer(24, 8),
        _transition(32, 16),
        DenseLayer(16, 8),
        DenseLayer(24, 8),
        nn.BatchNorm2d(32),
        nn.ReLU(),
    )
    return Net(trunk, PooledLinear(32))


RECIPES = {
    "resnet": Recipe(build=resnet, image=(3, 64, 64), larger=((96, 130),), opset=13),
    "se_resnet": Recipe(build=se_resnet, image=(3, 48, 64), larger=((64, 112),)),
    "regnet": Recipe(build=regnet, image=(3, 48, 64), larger=((64, 100),), free_batch=False),
    "densenet": Recipe(build=densenet, image=(3, 64, 48), larger=((80, 96),)),
}
RECIPES["se_resnet_batch1"] = RECIPES["se_resnet"].with_batch_of_one()
