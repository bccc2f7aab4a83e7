"""Kinds of shortcut of convolutional blocks (He et al. 2015, section 4.1). This file imports no torch on its own.

A kind is a function that takes what a block does to shapes. It returns the module from the block's input to what is
added to the branch: (B, inputs, H, W) -> (B, outputs, H / stride, W / stride).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Shortcut:
    """A kind of shortcut.

    Attributes:
        build: from (inputs, outputs, stride) to the module.
        projects: whether there are 1x1 convolutions, with a stride where shapes change, and so parameters that a plain
            network does not have.
    """

    build: "Callable[[int, int, int], nn.Module]"
    projects: bool = False


def padded(inputs: int, outputs: int, stride: int) -> "nn.Module":
    """A: the identity; where shapes change every second pixel, new channels zero. No parameters."""
    from torch import nn

    from degradation.networks.layers import ZeroPad

    return nn.Identity() if _same_shape(inputs, outputs, stride) else ZeroPad(outputs - inputs, stride)


def projected_where_needed(inputs: int, outputs: int, stride: int) -> "nn.Module":
    """B: the identity; where shapes change a projection."""
    from torch import nn

    return nn.Identity() if _same_shape(inputs, outputs, stride) else projected(inputs, outputs, stride)


def projected(inputs: int, outputs: int, stride: int) -> "nn.Module":
    """C: a 1x1 convolution with batch normalisation."""
    from torch import nn

    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def _same_shape(inputs: int, outputs: int, stride: int) -> bool:
    return inputs == outputs and stride == 1


SHORTCUTS = {
    "A": Shortcut(padded),
    "B": Shortcut(projected_where_needed, projects=True),
    "C": Shortcut(projected, projects=True),
}
