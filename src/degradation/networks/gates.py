"""Gates of a block's sum (He et al. 2016, 1603.05027, section 3.1, Fig. 2c and 2d)."""

import torch
from torch import Tensor, nn


class Gate(nn.Module):
    """g = sigmoid(W x + b) of the block's input, W a 1x1 convolution; the shortcut counts 1 - g.

    The branch counts g if the gate is exclusive, as in highway networks (Srivastava et al. 2015, 1505.00387), and 1 if
    it is of the shortcut alone.

    Where shapes change the gate looks at every `stride`-th pixel, as the shortcut does. The convolution has no stride
    of its own: that is the same, and spares the CPU oneDNN's fault (`CifarNetwork.overruns`).
    """

    def __init__(self, inputs: int, outputs: int, stride: int, *, exclusive: bool, bias: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bias = nn.Parameter(
            torch.full((outputs,), bias)
        )  # apart from the convolution, whose bias would start at 0
        self.stride = stride
        self.exclusive = exclusive

    def forward(self, x: Tensor, branch: Tensor, shortcut: Tensor) -> tuple[Tensor, Tensor]:
        """Branch and shortcut times their gates: (B, inputs, H, W), twice (B, outputs, H / stride, W / stride)."""
        logits = self.conv(x[:, :, :: self.stride, :: self.stride]) + self.bias.view(-1, 1, 1)
        gate = torch.sigmoid(logits)
        return gate * branch if self.exclusive else branch, (1 - gate) * shortcut
