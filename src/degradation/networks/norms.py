"""Batch normalisation of the `cifar` family, and what stands in its place in networks without it.

`norm(kind, channels)` follows every 3x3 layer but the last of a block, which `last_norm` follows.
"""

import torch
from torch import Tensor, nn


class ChannelBias(nn.Module):
    """A bias for every channel, which batch normalisation would have: (B, C, H, W) -> same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias.view(-1, 1, 1)


class SkipInit(ChannelBias):
    """The biased branch times one learned number, 0 at the start (De and Smith 2020, 2002.10444): same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * super().forward(x)


class Shift(nn.Module):
    """One learned number is added, 0 at the start (Zhang et al. 2019, 1901.09321): same shape."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias


class ScaleShift(Shift):
    """Times one learned number, 1 at the start, and plus one, 0 at the start (Zhang et al. 2019): same shape."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.weight * x)


def norm(kind: str, channels: int) -> nn.Module:
    """Of `batch`, `none`, `skipinit` and `fixup`."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return Shift() if kind == "fixup" else ChannelBias(channels)


def last_norm(kind: str, channels: int) -> nn.Module:
    """The same at the end of a block's branch."""
    if kind == "skipinit":
        return SkipInit(channels)
    return ScaleShift() if kind == "fixup" else norm(kind, channels)
