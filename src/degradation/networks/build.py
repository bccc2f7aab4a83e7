"""Building and measuring one network."""

import copy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from degradation.networks.family import Family
from degradation.networks.initial import initialise
from degradation.networks.noise import noises, seed_noise

PROBED = 4  # examples that tell two networks apart


def build(settings: Family, *, input_shape: tuple[int, ...], outputs: int, depth: int, seed: int) -> nn.Module:
    """One network, initialised from `seed`; variants of one (depth, seed) share every tensor of equal name and shape.

    Args:
        settings: the family's, with the variant's keys.
        input_shape: of one example, (features,) or (channels, height, width).
        outputs: features of a prediction, or classes.
        depth: weighted layers, as `settings.check_depth` allows.
    """
    built = settings.module(shape=input_shape, outputs=outputs, depth=depth)
    initialise(built, settings.init, seed, getattr(settings, "gain", 1.0))  # not every family has that key
    seed_noise(built, seed)
    return built


def count_parameters(network: nn.Module) -> int:
    """Trained numbers of one network."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_multiply_adds(network: nn.Module, input_shape: tuple[int, ...]) -> int:
    """Multiply-adds of one example's forward pass by torch's own counter (two FLOPs each), padding included.

    Counted on tensors without data, so that no device's shortcuts change the number.
    """
    shapes = copy.deepcopy(network).to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        shapes(torch.zeros(1, *input_shape, device="meta"))
    return int(counter.get_total_flops()) // 2


def same_tensors(one: nn.Module, other: nn.Module) -> bool:
    """Whether two networks have tensors of the same names and, bitwise, the same values, and equal noise."""
    if noises(one) != noises(other):
        return False
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@torch.no_grad()
def same_function(one: nn.Module, other: nn.Module, input_shape: tuple[int, ...]) -> bool:
    """Whether two networks compute the same on a few fixed examples of noise, bitwise and in eval mode."""
    draw = torch.Generator().manual_seed(0)
    examples = torch.randn(PROBED, *input_shape, generator=draw)
    ours, theirs = (copy.deepcopy(network).eval()(examples) for network in (one, other))
    return torch.equal(ours, theirs)
