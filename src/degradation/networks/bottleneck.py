"""The `bottleneck` family, plain and residual: blocks of 1x1, 3x3 and 1x1 layers, 9n + 2 layers in all.

ResNet-164 and -1001 (He et al. 2016, 1603.05027, section 4 and appendix) in both orders of their layers, and ResNeXt-29
(Xie et al. 2016, 1611.05431, section 5.3 and table 7), whose 3x3 layers are grouped.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from degradation.networks.cifar import CifarNet, Conv3x3
from degradation.networks.shortcuts import padded

if TYPE_CHECKING:
    from degradation.networks.bottleneck_spec import BottleneckNetwork, Shape


class Conv1x1(nn.Conv2d):
    """A 1x1 layer's convolution, without bias: (B, inputs, H, W) -> (B, outputs, H / stride, W / stride).

    It takes every `stride`-th pixel before it convolves, since oneDNN's backward pass of narrow 1x1 convolutions with a
    stride writes beyond its memory (oneDNN issue 6035).
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, 1, bias=False)
        self.every = stride

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if self.every == 1 else x[:, :, :: self.every, :: self.every])


class Block(nn.Module):
    """1x1, 3x3 and 1x1 layers. A residual block adds its shortcut to their output, a plain one has none.

    In the original order normalisation and ReLU follow each layer, the last ReLU the sum. In the full pre-activation
    both precede each layer, so that nothing is done to the sum; where a block changes shapes, its shortcut begins after
    the first ReLU (He et al. 2016, appendix, and the authors' code).
    """

    def __init__(self, settings: "BottleneckNetwork", shape: "Shape") -> None:
        super().__init__()
        inputs, inner, outputs, stride = shape
        self.preactivation, self.reshapes = settings.order == "full", inputs != outputs or stride != 1
        # He et al. take every second pixel in the first layer, Xie et al. in the grouped one.
        strides = (stride, 1) if settings.groups == 1 else (1, stride)
        self.conv1 = Conv1x1(inputs, inner, strides[0])
        self.conv2 = (
            Conv3x3(inner, inner)
            if settings.groups == 1
            else nn.Conv2d(inner, inner, 3, strides[1], padding=1, groups=settings.groups, bias=False)
        )
        self.conv3 = Conv1x1(inner, outputs)
        self.norm1 = nn.BatchNorm2d(inputs if self.preactivation else inner)
        self.norm2 = nn.BatchNorm2d(inner)
        self.norm3 = nn.BatchNorm2d(inner if self.preactivation else outputs)
        self.shortcut = self._shortcut(settings.shortcut, shape) if settings.shortcut != "none" else None

    def _shortcut(self, kind: str, shape: "Shape") -> nn.Module:
        inputs, _, outputs, stride = shape
        if kind == "A" or not self.reshapes:
            return padded(inputs, outputs, stride)
        projection = Conv1x1(inputs, outputs, stride)
        return projection if self.preactivation else nn.Sequential(projection, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Outputs of the three layers: of the first two after normalisation and ReLU, the last is what goes on."""
        return self._preactivated(x) if self.preactivation else self._original(x)

    def _original(self, x: Tensor) -> list[Tensor]:
        first = torch.relu(self.norm1(self.conv1(x)))
        second = torch.relu(self.norm2(self.conv2(first)))
        h = self.norm3(self.conv3(second))
        return [first, second, torch.relu(h if self.shortcut is None else h + self.shortcut(x))]

    def _preactivated(self, x: Tensor) -> list[Tensor]:
        active = torch.relu(self.norm1(x))
        first = torch.relu(self.norm2(self.conv1(active)))
        second = torch.relu(self.norm3(self.conv2(first)))
        h = self.conv3(second)
        if self.shortcut is not None:
            h = h + self.shortcut(active if self.reshapes else x)
        return [first, second, h]


class BottleneckNet(nn.Module):
    """A 3x3 stem, three stages of n blocks that put out 4, 8 and 16 times `width`, average pooling, a linear head.

    Shapes: (B, channels, H, W) -> (B, classes).
    """

    def __init__(self, settings: "BottleneckNetwork", *, channels: int, classes: int, depth: int) -> None:
        super().__init__()
        shapes = list(settings.blocks(depth))
        self.stem = Conv3x3(channels, settings.width)
        self.blocks = nn.ModuleList(Block(settings, shape) for shape in shapes)
        self.preactivation, outputs = settings.order == "full", shapes[-1].outputs
        # After the stem, or, where blocks begin with their own, after the last block.
        self.outer_norm = nn.BatchNorm2d(outputs if self.preactivation else settings.width)
        self.head = nn.Linear(outputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self._begin(x)
        for block in self.blocks:
            x = block(x)[-1]
        return self._end(x)

    def trace(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Predictions (B, classes), and all weighted layers' outputs, the predictions last."""
        outputs = [self._begin(x)]
        for block in self.blocks:
            outputs.extend(block(outputs[-1]))
        predictions = self._end(outputs[-1])
        return predictions, [*outputs, predictions]

    def _begin(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return x if self.preactivation else torch.relu(self.outer_norm(x))

    def _end(self, x: Tensor) -> Tensor:
        if self.preactivation:
            x = torch.relu(self.outer_norm(x))
        return self.head(x.mean((2, 3)))

    spread = staticmethod(CifarNet.spread)

    def weights(self) -> list[Tensor]:
        """Weight tensors of the weighted layers in forward order, shortcuts left out."""
        within = [block.get_parameter(f"conv{place}.weight") for block in self.blocks for place in (1, 2, 3)]
        return [self.stem.weight, *within, self.head.weight]

    def norms(self) -> list[nn.Module]:
        """Whose outputs are the layers' responses: normalisations, and in the full pre-activation, where none follows
        the stem and the blocks' last layers before the sum, these layers themselves.
        """
        names = ("norm2", "norm3", "conv3") if self.preactivation else ("norm1", "norm2", "norm3")
        within = [block.get_submodule(name) for block in self.blocks for name in names]
        return [self.stem if self.preactivation else self.outer_norm, *within]

    def branch_ends(self) -> list[Tensor]:
        """The scale of each block's last normalisation, or its last layer's weight where none follows."""
        name = "conv3.weight" if self.preactivation else "norm3.weight"
        return [block.get_parameter(name) for block in self.blocks]
