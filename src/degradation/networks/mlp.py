"""The `mlp` family: a stem layer, blocks of `span` layers, a linear head. Depth counts the hidden layers."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from degradation.networks.layers import Affine, TransformGate, norm

if TYPE_CHECKING:
    from degradation.networks.mlp_spec import MLPNetwork


class Block(nn.Module):
    """`span` hidden layers, plain or with a shortcut.

    The identity adds the block's input before its last ReLU (He et al. 2015, section 3.2). A gate T mixes the input x
    with the layers' output H, T H + (1 - T) x (Srivastava et al. 2015, 1507.06228, equation 3).
    """

    shortcut: Tensor | None
    branch: Tensor | None

    def __init__(self, settings: "MLPNetwork") -> None:
        super().__init__()
        width, residual = settings.width, settings.shortcut == "identity"
        self.layers = nn.ModuleList(Affine(width, width) for _ in range(settings.span))
        self.norms = nn.ModuleList(norm(settings.norm, width) for _ in range(settings.span))
        self.gate = TransformGate(width, settings.gate_bias) if settings.shortcut == "gate" else None
        # Factors of the sum: of the shortcut, 1 or none at all; of the branch, none if it is 1. In a stack of several
        # variants (S, 1, 1), where a missing shortcut is 0 and a missing factor of the branch 1.
        self.register_buffer("shortcut", _factor(settings.shortcut_scale) if residual else None, persistent=False)
        unscaled = settings.branch_scale == 1
        self.register_buffer("branch", None if unscaled else _factor(settings.branch_scale), persistent=False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Activations of the block's layers, each (..., width, B)."""
        activations = [x]
        for layer, normalise in zip(self.layers, self.norms, strict=True):
            h = normalise(layer(activations[-1]))
            if len(activations) == len(self.layers) and self.shortcut is not None:
                h = torch.addcmul(h if self.branch is None else self.branch * h, self.shortcut, x)
            activations.append(torch.relu(h))
        if self.gate is not None:
            activations[-1] = torch.addcmul(x, self.gate(x), activations[-1] - x)
        return activations[1:]


def _factor(value: float) -> Tensor:
    return torch.full((1, 1), value)


class MLP(nn.Module):
    """A multi-layer perceptron, or a stack of S of them.

    Shapes: (..., B, *shape) -> (..., B, outputs), `...` being empty for one network and (S,) for a stack. The numbers
    of an example are taken one after another, whatever its shape.
    """

    def __init__(self, settings: "MLPNetwork", *, inputs: int, outputs: int, depth: int) -> None:
        super().__init__()
        self.stem = Affine(inputs, settings.width)
        self.stem_norm = norm(settings.norm, settings.width)
        self.blocks = nn.ModuleList(Block(settings) for _ in range((depth - 1) // settings.span))
        self.head = Affine(settings.width, outputs)

    def trace(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Predictions (..., B, outputs), and all weighted layers' outputs after ReLU, each (..., units, B)."""
        x = x.flatten(self.stem.weight.ndim - 1)
        outputs = [torch.relu(self.stem_norm(self.stem(x.transpose(-1, -2))))]
        for block in self.blocks:
            outputs.extend(block(outputs[-1]))
        outputs.append(self.head(outputs[-1]))
        return outputs[-1].transpose(-1, -2), outputs

    def forward(self, x: Tensor) -> Tensor:
        return self.trace(x)[0]

    @staticmethod
    def spread(activation: Tensor) -> Tensor:
        """Standard deviation over inputs, root mean square over units: (..., units, B) -> (...)."""
        return activation.var(-1, correction=0).mean(-1).sqrt()

    def weights(self) -> list[Tensor]:
        """Weight tensors of the weighted layers in forward order, gates left out, each (..., outputs, inputs)."""
        return [layer.weight for layer in self.modules() if type(layer) is Affine]

    def norms(self) -> list[nn.Module]:
        """What follows each hidden layer before shortcut and ReLU; its output is the layer's response."""
        within = [norm for block in self.blocks for norm in block.get_submodule("norms").children()]
        return [self.stem_norm, *within]

    def branch_ends(self) -> list[Tensor]:
        """Each block's last weight."""
        lasts = [list(block.get_submodule("layers").children())[-1] for block in self.blocks]
        return [last.get_parameter("weight") for last in lasts]
