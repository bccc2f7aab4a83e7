"""Noise within networks in training: each draw is a function of (seed, module's name, step), so no state is saved."""

import torch
from torch import Tensor, nn

from degradation.streams import generator


class Dropout(nn.Module):
    """Each number is zero with probability p in training, the others are over 1 - p (Srivastava et al. 2014).

    Unlike nn.Dropout it draws on the CPU and from a stream of its own, so that a network's masks depend neither on its
    cohort nor on whether its training was interrupted. `seed` and `name` are set when the network is built
    (`degradation.networks.build`), `step` before each training step (`set_step`).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.seed, self.name, self.step = 0, "", 0

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        draw = generator(self.seed, "dropout", f"{self.name}/{self.step}")
        kept = torch.rand(x.shape, generator=draw) >= self.p
        return x * kept.to(x.device, x.dtype) / (1 - self.p)


def seed_noise(network: nn.Module, seed: int) -> None:
    """Tell every source of noise whose it is."""
    for name, module in network.named_modules():
        if isinstance(module, Dropout):
            module.seed, module.name = seed, name


def set_step(network: nn.Module, step: int) -> None:
    """Tell every source of noise which step is to be taken."""
    for module in network.modules():
        if isinstance(module, Dropout):
            module.step = step


def noises(network: nn.Module) -> list[tuple[str, float]]:
    """Name and probability of every source of noise."""
    return [(name, module.p) for name, module in network.named_modules() if isinstance(module, Dropout)]
