"""Initial tensors, each a function of (seed, tensor name): equal tensors start equal whatever else a network has."""

import math
from typing import cast

import torch
from torch import nn

from degradation.networks.cifar_spec import DEEPENED
from degradation.networks.family import Network
from degradation.networks.layers import Affine, TransformGate
from degradation.streams import generator


@torch.no_grad()
def initialise(network: nn.Module, init: str, seed: int, gain: float = 1.0) -> None:
    """Draw the weights and biases of all weighted layers of one (unstacked) network in place; norms start as they are.

    `default` is nn.Linear's: weights and biases uniform within 1/sqrt(fan_in). `he` is He et al. 2015b (1502.01852):
    weights normal with standard deviation sqrt(2/fan_in), biases zero. `he_default_bias` is `he` with the biases of
    `default`. `he_zero_last` is `he` with the end of every block's branch (`Network.branch_ends`) at zero, so that a
    residual block starts as its shortcut.

    `dirac` and `orthogonal` are `he`, but for layers that put out as many channels or units as they take: those of
    `dirac` start as the identity (Zagoruyko and Komodakis 2017, 1706.00388), those of `orthogonal` as a random
    orthogonal matrix times sqrt(2) (Saxe et al. 2014, 1312.6120, with the factor of `he` for ReLUs).

    The bias of a gate is what its settings say, whatever the initialisation (Srivastava et al. 2015, 1507.06228).
    `gain` multiplies all weights but those of `default` and the identities of `dirac`; it leaves the biases alone.
    `fixup` is `he`, but the first layers of L residual branches are divided by the square root of L; their last layers
    and the head are zero (Zhang et al. 2019, 1901.09321, section 3: L^(-1/(2m - 2)) for branches of m = 2 layers).

    A `deepened` network is filled with NaN: it starts as a trained one, see `degradation.training.start`.
    """
    if init in DEEPENED:
        for parameter in network.parameters():
            nn.init.constant_(parameter, torch.nan)
        return
    for name, layer in network.named_modules():
        if isinstance(layer, Affine | nn.Linear | nn.Conv2d):
            draw = generator(seed, "init", f"{name}.weight")
            fan_in = layer.weight[0].numel()
            bound = 1 / math.sqrt(fan_in)
            if init == "default":
                nn.init.uniform_(layer.weight, -bound, bound, generator=draw)
            elif init == "dirac" and isinstance(layer, nn.Conv2d) and layer.in_channels == layer.out_channels:
                nn.init.dirac_(layer.weight)
            elif init == "orthogonal" and layer.weight.shape[0] == layer.weight.shape[1]:
                nn.init.orthogonal_(layer.weight, gain=gain * math.sqrt(2), generator=draw)
            else:
                nn.init.normal_(layer.weight, std=gain * math.sqrt(2 / fan_in), generator=draw)
            if layer.bias is None:
                continue
            if isinstance(layer, TransformGate):
                nn.init.constant_(layer.bias, layer.opening)
                continue
            if init in ("default", "he_default_bias"):
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator(seed, "init", f"{name}.bias"))
            else:
                nn.init.zeros_(layer.bias)
    if init in ("he_zero_last", "fixup"):
        for end in cast(Network, network).branch_ends():
            nn.init.zeros_(end)
    if init == "fixup":
        *layers, head = cast(Network, network).weights()
        nn.init.zeros_(head)
        branches = len(layers) // 2
        for first in layers[1::2]:  # the stem is no branch's
            first.mul_(branches**-0.5)
