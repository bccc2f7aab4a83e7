"""Initial tensors, each a function of (seed, tensor name): equal tensors start equal whatever else a network has."""

import math

import torch
from torch import nn

from degradation.networks.mlp import MLP, Block
from degradation.streams import generator


@torch.no_grad()
def initialise(network: MLP, init: str, seed: int) -> None:
    """Draw every parameter of one (unstacked) network in place.

    `default` is nn.Linear's: weights and biases uniform within 1/sqrt(fan_in). `he` is He et al. 2015b (1502.01852):
    weights normal with standard deviation sqrt(2/fan_in), biases zero. `he_zero_last` is `he` with every block's last
    weight zero, so that a residual block starts as the identity.
    """
    fan_in = {
        f"{name}.bias": layer.weight.shape[1] for name, layer in network.named_modules() if hasattr(layer, "bias")
    }
    for name, parameter in network.named_parameters():
        draw = generator(seed, "init", name)
        if init == "default":
            bound = 1 / math.sqrt(fan_in.get(name, parameter.shape[-1]))
            parameter.copy_(torch.empty_like(parameter).uniform_(-bound, bound, generator=draw))
        elif name.endswith("bias"):
            parameter.zero_()
        else:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu", generator=draw)
    if init == "he_zero_last":
        for block in network.blocks:
            assert isinstance(block, Block)
            nn.init.zeros_(block.last.weight)
