"""Gates: a statistic of the whole map that comes back to every position of it."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from .torch_blocks import CHANNELS, around, named
from .torch_net import SqueezeExcitation

Pool = Callable[[Tensor], Tensor]


def mean_pool(data: Tensor) -> Tensor:
    """``[N, C, H, W]`` to ``[N, C]``."""
    return data.mean((2, 3))


def merged_mean_pool(data: Tensor) -> Tensor:
    """Mean over merged positions."""
    return data.view(data.size(0), data.size(1), -1).mean(dim=2)


def full_kernel_pool(data: Tensor) -> Tensor:
    """An average pool whose kernel is the map, as older code has it."""
    return functional.avg_pool2d(data, data.shape[2:]).flatten(1)


def full_width_pool(data: Tensor) -> Tensor:
    """The same with the kernel from ``size``, and ``view``."""
    pooled = functional.avg_pool2d(data, kernel_size=(data.size(2), data.size(3)))
    return pooled.view(pooled.size(0), -1)


def sum_over_area(data: Tensor) -> Tensor:
    """The sum divided by the number of positions."""
    return data.sum((2, 3)) / float(data.shape[2] * data.shape[3])


def sum_times_inverse_area(data: Tensor) -> Tensor:
    """The sum multiplied by the inverse of the number of positions."""
    return data.sum((2, 3)) * (1.0 / (data.shape[2] * data.shape[3]))


def deviation_pool(data: Tensor) -> Tensor:
    """Mean and unbiased standard deviation added (Lee et al. 2019, simplified)."""
    merged = data.flatten(2)
    return merged.mean(2) + merged.std(2)


class LinearGate(nn.Module):
    """Pool, two Linear layers, sigmoid, and the product with the map."""

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self.pool = pool
        self.fc1 = nn.Linear(CHANNELS, CHANNELS)
        self.fc2 = nn.Linear(CHANNELS, CHANNELS)

    def gate(self, data: Tensor) -> Tensor:
        """``[N, C]``, one number a channel."""
        return torch.sigmoid(self.fc2(torch.relu(self.fc1(self.pool(data)))))

    def forward(self, data: Tensor) -> Tensor:
        batch, channels = data.shape[:2]
        return data * self.gate(data).view(batch, channels, 1, 1)


class ExpandedGate(LinearGate):
    """The gate is expanded to the map."""

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, _, _ = data.size()
        return data * self.gate(data).view(batch, channels, 1, 1).expand_as(data)


class IndexedGate(LinearGate):
    """The gate gets its axes by indexing with ``None``."""

    def forward(self, data: Tensor) -> Tensor:
        return data * self.gate(data)[:, :, None, None]


class RepeatedGate(LinearGate):
    """The gate is repeated over the map and stands beside it."""

    def forward(self, data: Tensor) -> Tensor:
        height, width = data.shape[2:]
        gate = self.gate(data)[:, :, None, None].repeat(1, 1, height, width)
        return torch.cat((data, gate), 1)


class ExpandedBeside(LinearGate):
    """The gate is expanded over the map and stands beside it."""

    def forward(self, data: Tensor) -> Tensor:
        height, width = data.shape[2:]
        gate = self.gate(data)[:, :, None, None].expand(-1, -1, height, width)
        return torch.cat((data, gate), 1)


class MergedGate(LinearGate):
    """The gate meets the map with merged positions, and the map takes its size back."""

    def forward(self, data: Tensor) -> Tensor:
        batch, channels, height, width = data.shape
        gated = data.view(batch, channels, -1) * self.gate(data).unsqueeze(2)
        return gated.view(batch, channels, height, width)


def conv_gate() -> nn.Module:
    """A gate of 1x1 convolutions."""
    return SqueezeExcitation(CHANNELS, CHANNELS, activation=nn.SiLU)


class EfficientGate(nn.Module):
    """Efficient channel attention: a 1-D convolution over the channels (Wang et al. 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, data: Tensor) -> Tensor:
        gate = self.avg_pool(data).squeeze(-1).transpose(-1, -2)
        gate = self.conv(gate).transpose(-1, -2).unsqueeze(-1)
        return data * torch.sigmoid(gate).expand_as(data)


class EfficientGateByView(nn.Module):
    """The same by views, as in timm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 5, padding=2, bias=False)

    def forward(self, data: Tensor) -> Tensor:
        gate = self.conv(data.mean((2, 3)).view(data.shape[0], 1, -1))
        return data * gate.view(data.shape[0], -1, 1, 1).sigmoid().expand_as(data)


class EnergyGate(nn.Module):
    """SimAM: every position against the map's mean and variance (Yang et al. 2021)."""

    def forward(self, data: Tensor) -> Tensor:
        others = data.shape[2] * data.shape[3] - 1
        squares = (data - data.mean(dim=(2, 3), keepdim=True)).pow(2)
        variance = squares.sum(dim=(2, 3), keepdim=True) / others
        return data * torch.sigmoid(squares / (4 * (variance + 1e-4)) + 0.5)


class ChannelAndSpatialGate(nn.Module):
    """CBAM: mean and maximum over positions, then over channels (Woo et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Flatten(), nn.Linear(CHANNELS, 4), nn.ReLU(), nn.Linear(4, CHANNELS)
        )
        self.spatial = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, data: Tensor) -> Tensor:
        extents = (data.size(2), data.size(3))
        mean = self.mlp(functional.avg_pool2d(data, extents, stride=extents))
        most = self.mlp(functional.max_pool2d(data, extents, stride=extents))
        data = data * torch.sigmoid(mean + most).unsqueeze(2).unsqueeze(3).expand_as(data)
        pair = torch.cat((torch.max(data, 1)[0].unsqueeze(1), data.mean(1).unsqueeze(1)), dim=1)
        return data * torch.sigmoid(self.spatial(pair))


class CoordinateGate(nn.Module):
    """Coordinate attention: rows and columns pooled, joined, cut again (Hou et al. 2021)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(CHANNELS, 4, 1)
        self.rows = nn.Conv2d(4, CHANNELS, 1)
        self.columns = nn.Conv2d(4, CHANNELS, 1)

    def forward(self, data: Tensor) -> Tensor:
        height, width = data.shape[2:]
        rows = data.mean(3, keepdim=True)
        columns = data.mean(2, keepdim=True).permute(0, 1, 3, 2)
        joined = functional.hardswish(self.conv(torch.cat((rows, columns), dim=2)))
        rows, columns = torch.split(joined, [height, width], dim=2)
        columns = columns.permute(0, 1, 3, 2)
        return data * torch.sigmoid(self.rows(rows)) * torch.sigmoid(self.columns(columns))


SMALL = (3, 6, 8)
"""So few positions that their number and one less are far apart."""
LARGER_SMALL = ((12, 20), (11, 22), (20, 13))
FREE = ("gate_linear_mean", "gate_linear_merged_mean", "gate_expand_as", "gate_sum_over_area",
        "gate_repeat", "gate_expand", "eca", "simam")  # fmt: skip
RECIPES = named(
    {
        "gate_linear_mean": around(lambda: IndexedGate(mean_pool), head="flat"),
        "gate_linear_view": around(lambda: LinearGate(full_width_pool), head="average", opset=11),
        "gate_linear_merged_mean": around(lambda: LinearGate(merged_mean_pool), head="average"),
        "gate_conv": around(conv_gate, head="flat"),
        "gate_expand_as": around(lambda: ExpandedGate(mean_pool), head="average", stem_padding=0),
        "gate_full_kernel": around(lambda: LinearGate(full_kernel_pool), head="flat"),
        "gate_sum_over_area": around(lambda: LinearGate(sum_over_area), head="average"),
        "gate_sum_times_inverse": around(
            lambda: LinearGate(sum_times_inverse_area), head="flat", opset=11
        ),
        "gate_deviation": around(
            lambda: LinearGate(deviation_pool), head="flat", image=SMALL, larger=LARGER_SMALL
        ),
        "gate_repeat": around(lambda: RepeatedGate(mean_pool), head="flat"),
        "gate_expand": around(lambda: ExpandedBeside(mean_pool), head="average"),
        "gate_merged": around(lambda: MergedGate(mean_pool), head="flat", opset=12),
        "eca": around(EfficientGate, head="average"),
        "eca_view": around(EfficientGateByView, head="flat", opset=12),
        "simam": around(EnergyGate, head="flat"),
        "cbam": around(ChannelAndSpatialGate, head="average"),
        "coordinate_gate": around(CoordinateGate, head="flat"),
    },
    FREE,
)
