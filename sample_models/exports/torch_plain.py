"""Nets without shortcuts, as torchvision has them: VGG, AlexNet, SqueezeNet, GoogLeNet."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

import torch
from torch import Tensor, nn

from .torch_net import CLASSES, ConvNormAct, Net, PooledLinear, Recipe


def vgg() -> Net:
    """VGG-11 with an adaptive pool to the window's own size."""
    layers: list[nn.Module] = []
    channels = 3
    steps: tuple[int | str, ...] = (8, "M", 16, "M", 24, 24, "M", 24, 24, "M", 24, 24, "M")
    for step in steps:
        if isinstance(step, str):
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(channels, step, 3, padding=1), nn.ReLU(inplace=True)]
            channels = step
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d((2, 3)),
        nn.Flatten(),
        nn.Linear(channels * 2 * 3, 32),
        nn.ReLU(True),
        nn.Dropout(),
        nn.Linear(32, 32),
        nn.ReLU(True),
        nn.Dropout(),
        nn.Linear(32, CLASSES),
    )
    return Net(nn.Sequential(*layers), head)


class AlexNetHead(nn.Module):
    """Flattens with ``view``, as older code does."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.classifier = nn.Sequential(
            nn.Dropout(),
            nn.Linear(channels * 2 * 3, 32),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(32, 32),
            nn.ReLU(inplace=True),
            nn.Linear(32, CLASSES),
        )

    def forward(self, feature_map: Tensor) -> Tensor:
        return self.classifier(feature_map.view(feature_map.size(0), -1))


def alexnet() -> Net:
    """AlexNet: 11x11 kernels with stride 4, overlapping pools."""
    trunk = nn.Sequential(
        nn.Conv2d(3, 8, 11, stride=4, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(8, 16, 5, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(16, 24, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(24, 16, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2),
    )
    return Net(trunk, AlexNetHead(16))


class Fire(nn.Module):
    """Squeeze by 1x1, expand by 1x1 and 3x3 side by side."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, data: Tensor) -> Tensor:
        data = self.activation(self.squeeze(data))
        pair = [self.activation(self.expand1x1(data)), self.activation(self.expand3x3(data))]
        return torch.cat(pair, 1)


def squeezenet() -> Net:
    """SqueezeNet 1.1: pools with ceil_mode, a convolution as classifier, then the average."""
    trunk = nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(16, 4, 12),
        Fire(24, 4, 12),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(24, 6, 16),
        Fire(32, 6, 16),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(32, 8, 24),
        Fire(48, 8, 24),
    )
    head = nn.Sequential(
        nn.Dropout(),
        nn.Conv2d(48, CLASSES, 1),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(1),
    )
    return Net(trunk, head)


class Inception(nn.Module):
    """Four branches side by side (GoogLeNet)."""

    def __init__(self, inputs: int, branches: tuple[int, int, int, int]) -> None:
        super().__init__()
        first, second, third, fourth = branches
        self.branch1 = ConvNormAct(inputs, first, 1)
        self.branch2 = nn.Sequential(ConvNormAct(inputs, 8, 1), ConvNormAct(8, second, 3))
        self.branch3 = nn.Sequential(ConvNormAct(inputs, 4, 1), ConvNormAct(4, third, 3))
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True), ConvNormAct(inputs, fourth, 1)
        )

    def forward(self, data: Tensor) -> Tensor:
        branches = self.branch1, self.branch2, self.branch3, self.branch4
        return torch.cat([branch(data) for branch in branches], 1)


def googlenet() -> Net:
    """GoogLeNet as it is at inference, without the auxiliary heads."""
    trunk = nn.Sequential(
        ConvNormAct(3, 8, 7, 2),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        ConvNormAct(8, 8, 1),
        ConvNormAct(8, 16, 3),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Inception(16, (8, 12, 4, 4)),
        Inception(28, (12, 16, 8, 8)),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Inception(44, (12, 16, 8, 8)),
        nn.MaxPool2d(2, 2, ceil_mode=True),
        Inception(44, (16, 24, 8, 8)),
    )
    return Net(trunk, PooledLinear(56))


RECIPES = {
    "vgg": Recipe(build=vgg, image=(3, 64, 96), larger=((112, 160),), opset=11, free_batch=False),
    "alexnet": Recipe(build=alexnet, image=(3, 95, 127), larger=((127, 191),), opset=12),
    "squeezenet": Recipe(build=squeezenet, image=(3, 64, 48), larger=((96, 112),)),
    "googlenet": Recipe(build=googlenet, image=(3, 64, 64), larger=((96, 130),)),
}
RECIPES["alexnet_batch1"] = RECIPES["alexnet"].with_batch_of_one()
