"""The `unet` family: down to small images and up again, with and without the concatenating skips from one arm to the
other (Ronneberger et al. 2015, 1505.04597).

Without skips zeros are concatenated in their place, so that both networks have the same parameters: a matched pair.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from degradation.networks.cifar import CifarNet, Conv3x3

if TYPE_CHECKING:
    from degradation.networks.unet_spec import UNetwork


class Stage(nn.Module):
    """n 3x3 layers, each with normalisation and ReLU: (B, inputs, H, W) -> (B, channels, H, W)."""

    def __init__(self, inputs: int, channels: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Conv3x3(channels if place else inputs, channels) for place in range(layers))
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(layers))

    def forward(self, x: Tensor) -> list[Tensor]:
        """The outputs of its layers."""
        outputs = [x]
        for layer, norm in zip(self.layers, self.norms, strict=True):
            outputs.append(torch.relu(norm(layer(outputs[-1]))))
        return outputs[1:]


class Rise(nn.Module):
    """A step up: a 1x1 layer that halves the channels, every pixel four times, the skip in front of them, a stage.

    The paper's 2x2 transposed convolution has weights of its own for the four.
    """

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.up = nn.Conv2d(2 * channels, channels, 1, bias=False)
        self.stage = Stage(2 * channels, channels, layers)

    def forward(self, x: Tensor, skip: Tensor) -> list[Tensor]:
        """The outputs of the 1x1 layer, as large as the skip, and of the stage's layers."""
        raised = functional.interpolate(self.up(x), scale_factor=2, mode="nearest")
        return [raised, *self.stage(torch.cat([skip, raised], 1))]


class UNet(nn.Module):
    """Stages of `width`, 2 and 4 `width` channels on images of whole, half and quarter sides, and back; a 1x1 head.

    Shapes: (B, channels, H, W) -> (B, channels H W).
    """

    def __init__(self, settings: "UNetwork", *, channels: int, depth: int) -> None:
        super().__init__()
        layers, widths = (depth - 3) // 5, settings.widths
        self.falls = nn.ModuleList(
            Stage(inputs, outputs, layers) for inputs, outputs in zip([channels, *widths], widths, strict=False)
        )
        self.rises = nn.ModuleList(Rise(outputs, layers) for outputs in reversed(widths[:-1]))
        self.head = nn.Conv2d(settings.width, channels, 1)
        self.concatenates = settings.shortcut == "concatenate"

    def forward(self, x: Tensor) -> Tensor:
        for output in self._hidden(x):
            x = output
        return self.head(x).flatten(1)

    def trace(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Predictions (B, channels H W), and all weighted layers' outputs before concatenation, predictions last."""
        outputs = list(self._hidden(x))
        predictions = self.head(outputs[-1]).flatten(1)
        return predictions, [*outputs, predictions]

    def _hidden(self, x: Tensor) -> Iterator[Tensor]:
        skips: list[Tensor] = []
        for fall in self.falls:
            outputs = fall(functional.max_pool2d(x, 2) if skips else x)
            yield from outputs
            x = outputs[-1]
            skips.append(x)
        for rise, skip in zip(self.rises, reversed(skips[:-1]), strict=True):
            outputs = rise(x, skip if self.concatenates else torch.zeros_like(skip))
            yield from outputs
            x = outputs[-1]

    spread = staticmethod(CifarNet.spread)

    def weights(self) -> list[Tensor]:
        """Weight tensors of the weighted layers in forward order."""
        return [module.weight for module in self.modules() if isinstance(module, nn.Conv2d)]

    def norms(self) -> list[nn.Module]:
        """The normalisations of the 3x3 layers and, where images grow, the 1x1 layers themselves, in forward order."""
        found: list[nn.Module] = [norm for fall in self.falls for norm in fall.get_submodule("norms").children()]
        for rise in self.rises:
            found += [rise.get_submodule("up"), *rise.get_submodule("stage.norms").children()]
        return found

    def branch_ends(self) -> list[Tensor]:
        """None: nothing is added."""
        return []
