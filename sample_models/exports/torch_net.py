"""A PyTorch net cut where its feature map ends, its random weights, and blocks that nets share."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

CLASSES = 10


class Net(nn.Module):
    """A trunk that ends in the feature map, and the head that reads one window of it."""

    def __init__(self, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, ...]:
        return self.head(self.trunk(image))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to build and export one net.

    Attributes:
        build: makes the net.
        image: ``(C, *s)`` of the image that the net is made for.
        larger: spatial extents of each larger image.
        opset: opset of the TorchScript export; the dynamo exporter has its own.
        free_batch: whether the batch axis is exported symbolic.
        outputs: names of the graph's outputs.
        cut: whether the net is a ``Net``, whose head is run on windows; otherwise the whole net
            answers a larger image.
        exporters: names of the exporters that can export the net.
        metadata: whether the dynamo export keeps the metadata of its nodes and values.
        folder: the folder of the exports beside this file, if not its own.
    """

    build: Callable[[], nn.Module]
    image: tuple[int, ...]
    larger: tuple[tuple[int, ...], ...]
    opset: int = 17
    free_batch: bool = True
    outputs: tuple[str, ...] = ("logits",)
    cut: bool = True
    exporters: tuple[str, ...] = ("torchscript", "dynamo")
    metadata: bool = True
    folder: str = ""

    def with_batch_of_one(self) -> "Recipe":
        """The same with a fixed batch: exporters write shapes as constants then."""
        return replace(self, free_batch=False)

    def with_free_batch(self) -> "Recipe":
        """The same with a symbolic batch: exporters compute shapes at run time then."""
        return replace(self, free_batch=True)


class ConvNormAct(nn.Sequential):
    """Convolution without bias, batch normalisation, activation (``None`` for the last)."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
        activation: type[nn.Module] | None = nn.ReLU,
    ) -> None:
        padding = (kernel - 1) // 2
        layers = [
            nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        if activation is not None:
            layers.append(activation())
        super().__init__(*layers)


class SqueezeExcitation(nn.Module):
    """Gates from 1x1 convolutions, as in torchvision."""

    def __init__(
        self,
        channels: int,
        squeezed: int,
        activation: type[nn.Module] = nn.ReLU,
        scale: type[nn.Module] = nn.Sigmoid,
    ) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.activation = activation()
        self.scale_activation = scale()

    def forward(self, data: Tensor) -> Tensor:
        gate = self.fc2(self.activation(self.fc1(self.avgpool(data))))
        return self.scale_activation(gate) * data


class PooledLinear(nn.Module):
    """Average pool over the map, flatten, dropout, one Linear."""

    def __init__(self, features: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(features, CLASSES)

    def forward(self, feature_map: Tensor) -> Tensor:
        return self.fc(self.dropout(torch.flatten(self.avgpool(feature_map), 1)))


def randomise(net: nn.Module, image: Tensor) -> None:
    """Draw all weights, and take the running statistics of the normalisations from an image.

    Weights keep the scale of activations (He et al. 2015). Afterwards the net is in eval mode.

    Args:
        net: changed in place.
        image: ``[N, C, *s]``, with more than one sample.
    """
    for module in net.modules():
        weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
        if isinstance(weight, nn.Parameter):
            if weight.dim() > 1:
                nn.init.normal_(weight, std=math.sqrt(2 / weight[0].numel()))
            else:
                nn.init.uniform_(weight, 0.6, 1.4)
        if isinstance(bias, nn.Parameter):
            nn.init.normal_(bias, std=0.1)
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None
    with torch.no_grad():
        net.train()(image)
    net.eval()
