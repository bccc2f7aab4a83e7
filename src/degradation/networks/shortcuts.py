"""Kinds of shortcut of convolutional blocks (He et al. 2015, section 4.1). Each is a module from (B, C, H, W)."""

from torch import Tensor, nn
from torch.nn import functional


class ZeroPad(nn.Module):
    """Shortcut A where shapes change: every second pixel, new channels zero. No parameters. (B, C, H, W)."""

    def __init__(self, new_channels: int, stride: int) -> None:
        super().__init__()
        self.new_channels = new_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(x, (0, 0, 0, 0, 0, self.new_channels))


def padded(inputs: int, outputs: int, stride: int) -> nn.Module:
    """A: the identity, zero-padded where shapes change."""
    return nn.Identity() if _same_shape(inputs, outputs, stride) else ZeroPad(outputs - inputs, stride)


def projected_where_needed(inputs: int, outputs: int, stride: int) -> nn.Module:
    """B: the identity, a projection where shapes change."""
    return nn.Identity() if _same_shape(inputs, outputs, stride) else projected(inputs, outputs, stride)


def projected(inputs: int, outputs: int, stride: int) -> nn.Module:
    """C: a 1x1 convolution with batch normalisation."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def _same_shape(inputs: int, outputs: int, stride: int) -> bool:
    return inputs == outputs and stride == 1


SHORTCUTS = {"A": padded, "B": projected_where_needed, "C": projected}
