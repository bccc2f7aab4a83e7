"""Layers. Those of MLPs work on one network or on a stack of S networks of one shape.

Inside such a network samples are columns: activations have shape (..., width, B), where `...` is empty for one network
and (S,) for a stack. A layer is the same code for both, so a stack computes what its networks compute.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Affine(nn.Module):
    """Weighted layer W x + b: (..., inputs, B) -> (..., outputs, B).

    The parameters are NaN until `degradation.networks.initial.initialise` has drawn them.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((outputs, inputs), torch.nan))
        self.bias = nn.Parameter(torch.full((outputs,), torch.nan))

    def forward(self, x: Tensor) -> Tensor:
        product = torch.addmm if x.ndim == 2 else torch.baddbmm  # several times faster than matmul and a sum
        return product(self.bias.unsqueeze(-1), self.weight, x)


class TransformGate(Affine):
    """sigmoid(W x + b): (..., width, B) -> same (Srivastava et al. 2015, 1507.06228, section 2).

    `degradation.networks.initial.initialise` puts b at `opening`: the more negative, the more a block begins as the
    identity.
    """

    def __init__(self, width: int, opening: float) -> None:
        super().__init__(width, width)
        self.opening = opening

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(super().forward(x))


class BatchNorm(nn.Module):
    """Batch normalisation without scale and shift: (..., width, B) -> same (Ioffe and Szegedy 2015, 1502.03167)."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        channels = x.reshape(1, -1, x.shape[-1])
        mean, var = self.running_mean.view(-1), self.running_var.view(-1)
        return functional.batch_norm(channels, mean, var, training=self.training).view_as(x)


class LayerNorm(nn.Module):
    """Layer normalisation without scale and shift: (..., width, B) -> same (Ba et al. 2016, 1607.06450)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x.transpose(-1, -2), (self.width,)).transpose(-1, -2)


def norm(kind: str, width: int) -> nn.Module:
    """The normalisation named `none`, `batch` or `layer`."""
    if kind == "none":
        return nn.Identity()
    return BatchNorm(width) if kind == "batch" else LayerNorm(width)


class ZeroPad(nn.Module):
    """Every `stride`-th pixel, and new channels of zeros: (B, C, H, W) -> (B, C + new, H / stride, W / stride)."""

    def __init__(self, new_channels: int, stride: int) -> None:
        super().__init__()
        self.new_channels = new_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(x, (0, 0, 0, 0, 0, self.new_channels))
