"""The `densenet` family: a layer reads what all layers of its block before it put out (Huang et al. 2016, 1608.06993).

Without the concatenation a layer reads what the last one put out. Such a plain network has fewer parameters, since its
layers read fewer channels, so no densely connected network is matched with a plain one.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from degradation.networks.cifar import CifarNet, Conv3x3

if TYPE_CHECKING:
    from degradation.networks.densenet_spec import DenseNetwork, Step


class DenseLayer(nn.Module):
    """Normalisation, ReLU and a 3x3 layer; with a bottleneck normalisation, ReLU and a 1x1 layer before."""

    def __init__(self, settings: "DenseNetwork", inputs: int) -> None:
        super().__init__()
        self.concatenates = settings.shortcut == "concatenate"
        inner = settings.inner if settings.bottleneck else inputs
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False) if settings.bottleneck else None
        self.norm2 = nn.BatchNorm2d(inner) if settings.bottleneck else None
        self.conv2 = Conv3x3(inner, settings.width)

    def forward(self, x: Tensor) -> list[Tensor]:
        """What its layers leave: of the bottleneck after normalisation and ReLU, of the 3x3 layer what goes on."""
        inner = torch.relu(self.norm1(x))
        left = []
        if self.conv1 is not None and self.norm2 is not None:
            inner = torch.relu(self.norm2(self.conv1(inner)))
            left.append(inner)
        h = self.conv2(inner)
        return [*left, torch.cat([x, h], 1) if self.concatenates else h]

    def responses(self) -> list[nn.Module]:
        """What follows its layers before concatenation and ReLU, or the layer itself."""
        return [self.conv2] if self.norm2 is None else [self.norm2, self.conv2]


class Transition(nn.Module):
    """Between blocks: normalisation, ReLU, a 1x1 layer, and the mean over 2x2 pixels."""

    def __init__(self, step: "Step") -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(step.inputs)
        self.conv = nn.Conv2d(step.inputs, step.outputs, 1, bias=False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Its output alone: (B, outputs, H / 2, W / 2)."""
        return [functional.avg_pool2d(self.conv(torch.relu(self.norm(x))), 2)]

    def responses(self) -> list[nn.Module]:
        return [self.conv]


class DenseNet(nn.Module):
    """A 3x3 stem, three blocks of dense layers with transitions between them, normalisation, ReLU, pooling, a head.

    Shapes: (B, channels, H, W) -> (B, classes).
    """

    def __init__(self, settings: "DenseNetwork", *, channels: int, classes: int, depth: int) -> None:
        super().__init__()
        steps = list(settings.steps(depth))
        self.stem = Conv3x3(channels, settings.stem)
        self.steps = nn.ModuleList(
            Transition(step) if step.transition else DenseLayer(settings, step.inputs) for step in steps
        )
        self.end_norm = nn.BatchNorm2d(steps[-1].outputs)
        self.head = nn.Linear(steps[-1].outputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        for left in self._hidden(x):
            x = left
        return self._end(x)

    def trace(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Predictions (B, classes), and what all weighted layers leave after concatenation, the predictions last."""
        outputs = list(self._hidden(x))
        predictions = self._end(outputs[-1])
        return predictions, [*outputs, predictions]

    def _hidden(self, x: Tensor) -> Iterator[Tensor]:
        x = self.stem(x)
        yield x
        for step in self.steps:
            left = step(x)
            yield from left
            x = left[-1]

    def _end(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.end_norm(x)).mean((2, 3)))

    spread = staticmethod(CifarNet.spread)

    def weights(self) -> list[Tensor]:
        """Weight tensors of the weighted layers in forward order."""
        return [module.weight for module in self.modules() if isinstance(module, nn.Conv2d | nn.Linear)]

    def norms(self) -> list[nn.Module]:
        """Whose outputs are the layers' responses: the normalisation behind a 1x1 bottleneck, else the layer itself."""
        return [self.stem, *(module for step in self.steps for module in step.responses())]  # type: ignore[operator]

    def branch_ends(self) -> list[Tensor]:
        """None: nothing is added."""
        return []
