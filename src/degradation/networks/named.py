"""The networks of He et al. 2015, section 4.2, by name, as torchvision has its own: `resnet56()`, `plain56()`.

A plain and a residual network of one depth, width and seed start from the same tensors, bitwise.
"""

from typing import Protocol

from torch import nn

from degradation.checks import at_least
from degradation.networks.build import build
from degradation.networks.cifar_spec import PUBLISHED, CifarNetwork

SIDE = 32  # pixels of CIFAR-10's images; the networks take others too


class Plain(Protocol):
    """A function that makes plain networks of one depth."""

    def __call__(self, num_classes: int = 10, *, width: int = 16, in_channels: int = 3, seed: int = 0) -> nn.Module: ...


class Residual(Protocol):
    """A function that makes residual networks of one depth."""

    def __call__(
        self, num_classes: int = 10, *, width: int = 16, shortcut: str = "A", in_channels: int = 3, seed: int = 0
    ) -> nn.Module: ...


def _build(depth: int, num_classes: int, width: int, shortcut: str, in_channels: int, seed: int) -> nn.Module:
    for name, value, least in (("num_classes", num_classes, 1), ("in_channels", in_channels, 1), ("seed", seed, 0)):
        at_least(name, value, least)
    settings = CifarNetwork(family="cifar", width=width, shortcut=shortcut)
    return build(settings, input_shape=(in_channels, SIDE, SIDE), outputs=num_classes, depth=depth, seed=seed)


def _plain(depth: int) -> Plain:
    def network(num_classes: int = 10, *, width: int = 16, in_channels: int = 3, seed: int = 0) -> nn.Module:
        """The plain network of as many weighted layers as its name says: no shortcuts.

        Shapes: (B, in_channels, H, W) -> (B, num_classes). H and W are 32 in the paper and may be others.

        Args:
            num_classes: outputs.
            width: channels of the first stage; the later ones have twice and four times as many.
            in_channels: of the images.
            seed: of the initial weights (He et al. 2015b); equal seeds give a residual network the same ones.
        """
        return _build(depth, num_classes, width, "none", in_channels, seed)

    network.__name__ = network.__qualname__ = f"plain{depth}"
    return network


def _residual(depth: int) -> Residual:
    def network(
        num_classes: int = 10, *, width: int = 16, shortcut: str = "A", in_channels: int = 3, seed: int = 0
    ) -> nn.Module:
        """The residual network of as many weighted layers as its name says.

        Shapes: (B, in_channels, H, W) -> (B, num_classes). H and W are 32 in the paper and may be others.

        Args:
            num_classes: outputs.
            width: channels of the first stage; the later ones have twice and four times as many.
            shortcut: where shapes change A takes every second pixel and new channels of zeros (no parameters: the
                matched pair), B a projection; C is a projection everywhere.
            in_channels: of the images.
            seed: of the initial weights (He et al. 2015b); equal seeds give a plain network the same ones.
        """
        return _build(depth, num_classes, width, shortcut, in_channels, seed)

    network.__name__ = network.__qualname__ = f"resnet{depth}"
    return network


plain20, plain32, plain44, plain56, plain110 = map(_plain, PUBLISHED)
resnet20, resnet32, resnet44, resnet56, resnet110 = map(_residual, PUBLISHED)
