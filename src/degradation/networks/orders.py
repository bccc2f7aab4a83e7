"""Orders of normalisation, ReLU and addition in a block (He et al. 2016, 1603.05027, table 2 and Fig. 4).

All have the tensors of the original block under the same names. Without shortcuts nothing is added, and all orders are
one network: convolution, normalisation, ReLU, again and again. So `plain` is the plain counterpart of each.

The activation before a block's first layer (pre-activation) is held by what comes before it, as in the paper's Fig. 5:
`norm2` of a fully pre-activated block is the paper's first normalisation of the next one. At the ends this is what the
paper's appendix asks for: the stem is activated before the paths split, and the last sum is activated too. Shortcuts
start from the sum before its activation, so these blocks take and give both.
"""

import torch
from torch import Tensor

from degradation.networks.blocks import Block, TwoLayers


class BNAfter(TwoLayers):
    """b: conv, norm, ReLU, conv, addition, norm, ReLU."""

    norm_after_addition = True

    def forward(self, x: Tensor) -> list[Tensor]:
        """Activations of the two layers."""
        inner, h = self.layers(x)
        return [inner, torch.relu(self.norm2(self.add(h, x)))]


class ReLUBefore(TwoLayers):
    """c: conv, norm, ReLU, conv, norm, ReLU, addition; so what blocks put out never falls along the shortcuts."""

    def forward(self, x: Tensor) -> list[Tensor]:
        """The first layer's activation and the sum."""
        inner, h = self.layers(x)
        return [inner, self.add(torch.relu(self.norm2(h)), x)]


class ReLUOnly(TwoLayers):
    """d: ReLU, conv, norm, ReLU, conv, norm, addition."""

    def forward(self, x: Tensor, carried: Tensor) -> list[Tensor]:
        """Activations of the two layers, and the sum before its activation; from those of the block before."""
        inner, h = self.layers(x)
        summed = self.add(self.norm2(h), carried)
        return [inner, torch.relu(summed), summed]


class Full(TwoLayers):
    """e: norm, ReLU, conv, norm, ReLU, conv, addition."""

    norm_after_addition = True

    def forward(self, x: Tensor, carried: Tensor) -> list[Tensor]:
        """Activations of the two layers, and the sum before its activation; from those of the block before."""
        inner, h = self.layers(x)
        summed = self.add(h, carried)
        return [inner, torch.relu(self.norm2(summed)), summed]


BLOCKS: dict[str, type[TwoLayers]] = {
    "original": Block,
    "bn_after": BNAfter,
    "relu_before": ReLUBefore,
    "relu_only": ReLUOnly,
    "full": Full,
}
