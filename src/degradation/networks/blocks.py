"""Blocks of the `cifar` family: two 3x3 layers and what is added to them."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from degradation.networks.gates import Gate
from degradation.networks.noise import Dropout, Survival
from degradation.networks.norms import last_norm, norm
from degradation.networks.shortcuts import SHORTCUTS
from degradation.networks.small_convolutions import conv3x3, fits

if TYPE_CHECKING:
    from degradation.networks.cifar_spec import CifarNetwork


class Conv3x3(nn.Conv2d):
    """A 3x3 layer's convolution, without bias: (B, inputs, H, W) -> (B, outputs, H / stride, W / stride).

    On 2x2 images every output pixel sees every input pixel, and the convolution is a fully connected layer whose matrix
    repeats the weights. The CPU computes it so, in a third of the time (32 channels, 128 images, forward and backward:
    0.45 ms in place of 1.38 on one AVX2 core, each the least of 5 timings).
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, 3, stride, padding=1, bias=False)
        self.small = False  # whether our own kernels compute it on CUDA where they can

    def forward(self, x: Tensor) -> Tensor:
        if self.small and fits(x, self.in_channels, self.out_channels, self.stride):
            return conv3x3(x, self.weight)[0]
        if not x.is_cpu or self.stride != (1, 1) or x.shape[2:] != (2, 2):
            return super().forward(x)
        taps = self.weight.permute(0, 2, 3, 1)  # (outputs, 3, 3, inputs)
        of_pixel = [taps[:, 1 - row : 3 - row, 1 - col : 3 - col].flatten(1) for row in (0, 1) for col in (0, 1)]
        pixels = functional.linear(x.permute(0, 2, 3, 1).flatten(1), torch.cat(of_pixel))
        output = pixels.view(-1, 2, 2, self.out_channels).permute(0, 3, 1, 2)  # with channels last
        return output if x.is_contiguous(memory_format=torch.channels_last) else output.contiguous()


def use_small_convolutions(network: nn.Module) -> None:
    """Let all 3x3 layers take our own kernels on CUDA where these can."""
    for module in network.modules():
        if isinstance(module, Conv3x3):
            module.small = True


class TwoLayers(nn.Module):
    """What all blocks have: two 3x3 layers with their normalisations, and the shortcut of a residual one.

    In which order these are applied is a matter of the subclasses (`degradation.networks.orders`).
    """

    norm_after_addition = False  # whether `norm2` normalises the sum in place of the branch

    def __init__(self, settings: "CifarNetwork", inputs: int, outputs: int, stride: int, survival: float = 1.0) -> None:
        super().__init__()
        self.conv1 = Conv3x3(inputs, outputs, stride)
        self.norm1 = norm(settings.norm, outputs)
        self.dropout = Dropout(settings.dropout) if settings.dropout else None
        self.conv2 = Conv3x3(outputs, outputs)
        self.norm2 = last_norm(settings.norm, outputs)
        residual = settings.shortcut != "none"
        self.shortcut = SHORTCUTS[settings.shortcut].build(inputs, outputs, stride) if residual else None
        self.shortcut_dropout = Dropout(settings.shortcut_dropout) if settings.shortcut_dropout else None
        self.survival = Survival(survival) if survival < 1 else None
        exclusive = settings.gate == "exclusive"
        gated = settings.gate != "none"
        self.gate = Gate(inputs, outputs, stride, exclusive=exclusive, bias=settings.gate_bias) if gated else None
        self.ends_in_layer = self.norm_after_addition or settings.norm in ("none", "fixup")
        self.scales = (settings.branch_scale, settings.shortcut_scale)

    def layers(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The first layer's activation and what the second puts out, both (B, outputs, H / stride, W / stride)."""
        inner = torch.relu(self.norm1(self.conv1(x)))
        return inner, self.conv2(inner if self.dropout is None else self.dropout(inner))

    def add(self, branch: Tensor, x: Tensor) -> Tensor:
        """The branch, and the shortcut from `x` if there is one, with noise, gate and factors, of which 1 costs
        nothing.
        """
        if self.shortcut is None:
            return branch
        shortcut = self.shortcut(x)
        if self.survival is not None:
            branch = self.survival(branch)
        if self.shortcut_dropout is not None:
            shortcut = self.shortcut_dropout(shortcut)
        if self.gate is not None:
            branch, shortcut = self.gate(x, branch, shortcut)
        if self.scales == (1, 1):
            return branch + shortcut
        return self.scales[0] * branch + self.scales[1] * shortcut

    def become_identity(self, mean: Tensor, var: Tensor) -> None:
        """Put out what comes in, which must not be negative, in eval mode exactly but for rounding.

        Args:
            mean, var: of each channel (C,), which the normalisations take away and put back. Where they are those of
                the inputs, the block is nearly the identity in training mode, too.
        """
        for conv, normalise in ((self.conv1, self.norm1), (self.conv2, self.norm2)):
            assert isinstance(normalise, nn.BatchNorm2d)
            nn.init.dirac_(conv.weight)
            normalise.running_mean.copy_(mean)  # type: ignore[union-attr]
            normalise.running_var.copy_(var)  # type: ignore[union-attr]
            normalise.weight.copy_((var + normalise.eps).sqrt())
            normalise.bias.copy_(mean)

    def response(self) -> nn.Module:
        """What puts out the second layer's response: it as it is before shortcut and ReLU."""
        return self.conv2 if self.norm_after_addition else self.norm2

    def end(self) -> Tensor:
        """The tensor that, at zero, makes the block its shortcut alone.

        It is the scale of the branch's normalisation (Goyal et al. 2017, 1706.02677, section 5.1), or SkipInit's; where
        the branch ends in its second layer, and in Fixup (Zhang et al. 2019, 1901.09321), that layer's weight.
        """
        last = self.conv2 if self.ends_in_layer else self.norm2
        return last.get_parameter("weight")


class Block(TwoLayers):
    """Conv, norm, ReLU, conv, norm, addition, ReLU (He et al. 2015): a plain block is the same without the addition."""

    def forward(self, x: Tensor) -> list[Tensor]:
        """Activations of the two layers, each (B, outputs, H / stride, W / stride)."""
        inner, h = self.layers(x)
        return [inner, torch.relu(self.add(self.norm2(h), x))]
