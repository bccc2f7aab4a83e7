"""Fixup: residual networks without normalisation (Zhang et al. 2019, 1901.09321, section 3)."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from degradation.networks.blocks import Block
from degradation.networks.norms import Shift

if TYPE_CHECKING:
    from degradation.networks.cifar_spec import CifarNetwork


class FixupBlock(Block):
    """The original block with a learned shift before each layer and each ReLU, and a learned scale of the branch.

    The paper has a shift before the head, too; that is a part of the head's own bias here.
    """

    def __init__(self, settings: "CifarNetwork", inputs: int, outputs: int, stride: int, survival: float = 1.0) -> None:
        super().__init__(settings, inputs, outputs, stride, survival)
        self.shift1 = Shift()
        self.shift2 = Shift()

    def layers(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As `TwoLayers.layers`."""
        inner = torch.relu(self.norm1(self.conv1(self.shift1(x))))
        return inner, self.conv2(self.shift2(inner if self.dropout is None else self.dropout(inner)))
