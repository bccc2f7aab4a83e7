"""The `conv` family: 3x3 layers with a ReLU each and nothing else, from an image to an image of its shape."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from degradation.networks.cifar import CifarNet, Conv3x3

if TYPE_CHECKING:
    from degradation.networks.conv_spec import ConvNetwork


class Conv(nn.Module):
    """`depth` 3x3 layers without biases; a shortcut adds every second layer's input before its ReLU.

    The last layer's output is the prediction, so of all layers it is the head. Shapes: (B, C, H, W) -> (B, C H W).
    """

    def __init__(self, settings: "ConvNetwork", *, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Conv3x3(settings.width, settings.width) for _ in range(depth))
        self.responses = nn.ModuleList(nn.Identity() for _ in range(depth - 1))
        self.span = min(settings.span, depth)
        self.residual = settings.shortcut != "none"

    def trace(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Predictions (B, C H W), and all layers' outputs after shortcut and ReLU, the predictions last."""
        outputs: list[Tensor] = []
        shortcut = x
        for place, layer in enumerate(self.layers, start=1):
            h = layer(outputs[-1] if outputs else x)
            if place < len(self.layers):
                h = self.responses[place - 1](h)
            ends = place % self.span == 0
            outputs.append(torch.relu(h + shortcut if ends and self.residual else h))
            if ends:
                shortcut = outputs[-1]
        outputs[-1] = outputs[-1].flatten(1)
        return outputs[-1], outputs

    def forward(self, x: Tensor) -> Tensor:
        return self.trace(x)[0]

    spread = staticmethod(CifarNet.spread)

    def weights(self) -> list[Tensor]:
        """Of the layers in forward order."""
        return [layer.get_parameter("weight") for layer in self.layers]

    def norms(self) -> list[nn.Module]:
        """What follows each layer but the last before shortcut and ReLU; its output is the layer's response."""
        return list(self.responses)

    def branch_ends(self) -> list[Tensor]:
        """Each block's last weight."""
        return self.weights()[self.span - 1 :: self.span]
