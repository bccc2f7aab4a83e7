"""The `mlp` family: a stem layer, blocks of `span` layers, a linear head. Depth counts the hidden layers."""

import torch
from torch import Tensor, nn

from degradation.networks.layers import Affine, norm


class Block(nn.Module):
    """`span` hidden layers; a residual block adds its input before its last ReLU (He et al. 2015, section 3.2)."""

    shortcut: Tensor | None

    def __init__(self, width: int, span: int, norm_kind: str, residual: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Affine(width, width) for _ in range(span))
        self.norms = nn.ModuleList(norm(norm_kind, width) for _ in range(span))
        # The factor on the shortcut: 1, or none at all; in a stack of both variants (S, 1, 1) of ones and zeros.
        self.register_buffer("shortcut", torch.ones(1, 1) if residual else None, persistent=False)

    @property
    def last(self) -> Affine:
        """The layer after which the shortcut is added."""
        layer = self.layers[-1]
        assert isinstance(layer, Affine)
        return layer

    def forward(self, x: Tensor) -> list[Tensor]:
        """Activations of the block's layers, each (..., width, B)."""
        activations = [x]
        for layer, normalise in zip(self.layers, self.norms, strict=True):
            h = normalise(layer(activations[-1]))
            if len(activations) == len(self.layers) and self.shortcut is not None:
                h = torch.addcmul(h, self.shortcut, x)
            activations.append(torch.relu(h))
        return activations[1:]


class MLP(nn.Module):
    """A plain or residual multi-layer perceptron, or a stack of S of them.

    Shapes: (..., B, inputs) -> (..., B, outputs), `...` being empty for one network and (S,) for a stack.
    """

    def __init__(
        self, *, inputs: int, outputs: int, depth: int, width: int, span: int, norm_kind: str, residual: bool
    ) -> None:
        super().__init__()
        self.stem = Affine(inputs, width)
        self.stem_norm = norm(norm_kind, width)
        self.blocks = nn.ModuleList(Block(width, span, norm_kind, residual) for _ in range((depth - 1) // span))
        self.head = Affine(width, outputs)

    def trace(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Predictions (..., B, outputs), and all weighted layers' outputs after ReLU, each (..., units, B)."""
        outputs = [torch.relu(self.stem_norm(self.stem(x.mT)))]
        for block in self.blocks:
            outputs.extend(block(outputs[-1]))
        outputs.append(self.head(outputs[-1]))
        return outputs[-1].mT, outputs

    def forward(self, x: Tensor) -> Tensor:
        return self.trace(x)[0]

    @staticmethod
    def spread(activation: Tensor) -> Tensor:
        """Standard deviation over inputs, root mean square over units: (..., units, B) -> (...)."""
        return activation.var(-1, correction=0).mean(-1).sqrt()

    def weights(self) -> list[Tensor]:
        """Weight tensors of the weighted layers in forward order, each (..., outputs, inputs)."""
        return [layer.weight for layer in self.modules() if isinstance(layer, Affine)]

    def norms(self) -> list[nn.Module]:
        """What follows each hidden layer before shortcut and ReLU; its output is the layer's response."""
        return [self.stem_norm, *(norm for block in self.blocks for norm in block.norms)]  # type: ignore[union-attr]
