"""The `cifar` family: the CIFAR-10 networks of He et al. 2015, section 4.2, plain and residual, 6n + 2 layers."""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Conv3x3(nn.Conv2d):
    """A 3x3 layer's convolution, without bias: (B, inputs, H, W) -> (B, outputs, H / stride, W / stride).

    On 2x2 images every output pixel sees every input pixel, and the convolution is a fully connected layer whose matrix
    repeats the weights. The CPU computes it so, in a third of the time (32 channels, 128 images, forward and backward:
    0.45 ms in place of 1.38 on one AVX2 core, each the least of 5 timings).
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, 3, stride, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if not x.is_cpu or self.stride != (1, 1) or x.shape[2:] != (2, 2):
            return super().forward(x)
        taps = self.weight.permute(0, 2, 3, 1)  # (outputs, 3, 3, inputs)
        of_pixel = [taps[:, 1 - row : 3 - row, 1 - col : 3 - col].flatten(1) for row in (0, 1) for col in (0, 1)]
        pixels = functional.linear(x.permute(0, 2, 3, 1).flatten(1), torch.cat(of_pixel))
        output = pixels.view(len(x), 2, 2, self.out_channels).permute(0, 3, 1, 2)  # with channels last
        return output if x.is_contiguous(memory_format=torch.channels_last) else output.contiguous()


class ZeroPad(nn.Module):
    """Shortcut A where shapes change: every second pixel, new channels zero. No parameters. (B, C, H, W)."""

    def __init__(self, new_channels: int, stride: int) -> None:
        super().__init__()
        self.new_channels = new_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(x, (0, 0, 0, 0, 0, self.new_channels))


def shortcut(kind: str, inputs: int, outputs: int, stride: int) -> nn.Module:
    """Shortcut A, B or C of He et al. 2015, section 4.1; projections are 1x1 convolutions with batch normalisation."""
    same_shape = inputs == outputs and stride == 1
    if kind == "C" or (kind == "B" and not same_shape):
        return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
    return nn.Identity() if same_shape else ZeroPad(outputs - inputs, stride)


class Block(nn.Module):
    """Two 3x3 layers; a residual block adds its shortcut before the last ReLU. Plain: `shortcut_kind` is None."""

    def __init__(self, inputs: int, outputs: int, stride: int, shortcut_kind: str | None) -> None:
        super().__init__()
        self.conv1 = Conv3x3(inputs, outputs, stride)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = Conv3x3(outputs, outputs)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = None if shortcut_kind is None else shortcut(shortcut_kind, inputs, outputs, stride)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Activations of the two layers, each (B, outputs, H / stride, W / stride)."""
        inner = torch.relu(self.norm1(self.conv1(x)))
        h = self.norm2(self.conv2(inner))
        if self.shortcut is not None:
            h = h + self.shortcut(x)
        return [inner, torch.relu(h)]


def run_block(block: nn.Module, x: Tensor) -> Tensor:
    """A block's last activation."""
    return block(x)[-1]


@cache
def compiled_run_block() -> Any:
    """`run_block` through torch.compile: one graph for each shape of a block, whatever network it is in."""
    settings = torch._dynamo.config
    settings.recompile_limit = settings.accumulated_recompile_limit = 10_000  # a sweep in one process has many shapes
    return torch.compile(run_block, dynamic=False, fullgraph=True)


class CifarNet(nn.Module):
    """A 3x3 stem, three stages of n blocks with width, 2 width, 4 width channels, average pooling, a linear head.

    Shapes: (B, channels, H, W) -> (B, classes). `shortcut_kind` is None for the plain variant.
    """

    def __init__(self, *, channels: int, classes: int, depth: int, width: int, shortcut_kind: str | None) -> None:
        super().__init__()
        self.stem = Conv3x3(channels, width)
        self.stem_norm = nn.BatchNorm2d(width)
        self.blocks = nn.ModuleList()
        inputs = width
        for stage in range(3):
            for place in range((depth - 2) // 6):
                outputs, stride = width * 2**stage, 2 if stage > 0 and place == 0 else 1
                self.blocks.append(Block(inputs, outputs, stride, shortcut_kind))
                inputs = outputs
        self.head = nn.Linear(inputs, classes)
        self.compiled = False  # whether blocks are compiled in training mode

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem_norm(self.stem(x)))
        run = compiled_run_block() if self.compiled and self.training else run_block
        for block in self.blocks:
            x = run(block, x)
        return self.head(x.mean((2, 3)))

    def trace(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Predictions (B, classes), and all weighted layers' outputs after shortcut and ReLU, the predictions last."""
        outputs = [torch.relu(self.stem_norm(self.stem(x)))]
        for block in self.blocks:
            outputs.extend(block(outputs[-1]))
        predictions = self.head(outputs[-1].mean((2, 3)))
        return predictions, [*outputs, predictions]

    @staticmethod
    def spread(activation: Tensor) -> Tensor:
        """Standard deviation over inputs, root mean square over units and pixels: ()."""
        return activation.var(0, correction=0).mean().sqrt()

    def weights(self) -> list[Tensor]:
        """Weight tensors of the weighted layers in forward order, shortcuts left out."""
        convolutions = [weight for block in self.blocks for weight in (block.conv1.weight, block.conv2.weight)]  # type: ignore[union-attr]
        return [self.stem.weight, *convolutions, self.head.weight]  # type: ignore[list-item]

    def norms(self) -> list[nn.Module]:
        """The batch normalisations of the 3x3 layers in forward order; their outputs are the layers' responses."""
        return [self.stem_norm, *(norm for block in self.blocks for norm in (block.norm1, block.norm2))]  # type: ignore[list-item]
