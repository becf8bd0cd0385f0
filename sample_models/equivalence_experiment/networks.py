"""The paper's two networks: a convolution, and a dense layer on stretched windows."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return"

from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE, KERNEL, STRIDE, FILTERS = 28, 4, 2, 128
WINDOWS = ((SIDE - KERNEL) // STRIDE + 1) ** 2
"""Windows of an image: 13x13."""


class ConvolutionalNetwork(nn.Module):
    """Conv 4x4 with stride 2 and 128 filters, then a dense layer back to the image's pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, FILTERS, KERNEL, STRIDE, bias=False)
        self.second = nn.Linear(FILTERS * WINDOWS, SIDE**2, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """From ``[N, 1, 28, 28]`` to ``[N, 784]``."""
        return self.second(self.first(image).flatten(1))

    def stretched_weight(self) -> Tensor:
        """The filters as columns, ``[16, 128]``, a filter's pixels row by row."""
        return self.first.weight.detach().reshape(FILTERS, KERNEL**2).T


class FullyConnectedNetwork(nn.Module):
    """A dense layer 16 to 128 on the image's 169 stretched windows, then the same dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(KERNEL**2, FILTERS, bias=False)
        self.second = nn.Linear(FILTERS * WINDOWS, SIDE**2, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """From ``[N, 1, 28, 28]`` to ``[N, 784]``."""
        windows = functional.unfold(image, KERNEL, stride=STRIDE).transpose(1, 2)
        # The convolution's answers have the features before the positions: [N, 128, 169].
        return self.second(self.first(windows).transpose(1, 2).flatten(1))

    def stretched_weight(self) -> Tensor:
        """The dense layer's weight, ``[16, 128]``."""
        return self.first.weight.detach().T


def make_pair(seed: int) -> tuple[ConvolutionalNetwork, FullyConnectedNetwork]:
    """Both networks with the same weights: normal, with deviation ``sqrt(2 / inputs)``.

    That is He's initialisation (He et al., "Delving Deep into Rectifiers", 2015, equation 10).
    """
    generator = torch.Generator().manual_seed(seed)
    convolutional, dense = ConvolutionalNetwork(), FullyConnectedNetwork()
    with torch.no_grad():
        for weight in convolutional.parameters():
            inputs = prod(weight.shape[1:])
            weight.normal_(0, (2 / inputs) ** 0.5, generator=generator)
        dense.first.weight.copy_(convolutional.stretched_weight().T)
        dense.second.weight.copy_(convolutional.second.weight)
    return convolutional, dense
