"""Noise within networks in training: each draw is a function of (seed, module's name, step), so no state is saved."""

import torch
from torch import Tensor, nn

from degradation.streams import generator


class Noise(nn.Module):
    """Something random in training, of one probability.

    It draws on the CPU and from a stream of its own, so that what a network draws depends neither on its cohort nor on
    whether its training was interrupted. `seed` and `name` are set when the network is built
    (`degradation.networks.build`), `step` before each training step (`set_step`).
    """

    purpose: str  # of the draws

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.seed, self.name, self.step = 0, "", 0

    def uniform(self, *shape: int) -> Tensor:
        """This step's numbers in [0, 1), on the CPU."""
        return torch.rand(shape, generator=generator(self.seed, self.purpose, f"{self.name}/{self.step}"))


class Dropout(Noise):
    """Each number is zero with probability p in training, the others are over 1 - p (Srivastava et al. 2014)."""

    purpose = "dropout"

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = self.uniform(*x.shape) >= self.p
        return x * kept.to(x.device, x.dtype) / (1 - self.p)


class Survival(Noise):
    """A residual branch survives a training step with probability p, else it counts nothing (Huang et al. 2016,
    1603.09382, section 3); in evaluations it counts p.

    One draw a step is for the whole batch. A branch that does not survive is computed all the same, so that its batch
    normalisation sees every batch, and gets no gradient.
    """

    purpose = "survival"

    def forward(self, branch: Tensor) -> Tensor:
        """Same shape."""
        if not self.training:
            return self.p * branch
        return branch * float(self.uniform().item() < self.p)


def seed_noise(network: nn.Module, seed: int) -> None:
    """Tell every source of noise whose it is."""
    for name, module in network.named_modules():
        if isinstance(module, Noise):
            module.seed, module.name = seed, name


def set_step(network: nn.Module, step: int) -> None:
    """Tell every source of noise which step is to be taken."""
    for module in network.modules():
        if isinstance(module, Noise):
            module.step = step


def noises(network: nn.Module) -> list[tuple[str, float]]:
    """Name and probability of every source of noise."""
    return [(name, module.p) for name, module in network.named_modules() if isinstance(module, Noise)]
