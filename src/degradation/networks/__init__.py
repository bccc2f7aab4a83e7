"""Networks: one block class builds both variants of a family. Knows nothing of Lightning, Hydra or W&B."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from degradation.config import MLPNetwork
from degradation.networks.initial import initialise
from degradation.networks.mlp import MLP
from degradation.networks.stack import stack

__all__ = ["build", "count_multiply_adds", "count_parameters", "stack"]


def build(network: MLPNetwork, *, inputs: int, outputs: int, depth: int, variant: str, seed: int) -> MLP:
    """One network, initialised from `seed`; the variants of one (depth, seed) are a matched pair.

    Args:
        network: family, width, span, init, norm.
        inputs, outputs: features of an example and of a prediction.
        depth: hidden layers, as `network.check_depth` allows.
        variant: `plain` or `residual`.
    """
    built = MLP(
        inputs=inputs,
        outputs=outputs,
        depth=depth,
        width=network.width,
        span=network.span,
        norm_kind=network.norm,
        residual=variant == "residual",
    )
    initialise(built, network.init, seed)
    return built


def count_parameters(network: nn.Module) -> int:
    """Trained numbers of one network."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_multiply_adds(network: nn.Module, example: torch.Tensor) -> int:
    """Multiply-adds of the forward pass for `example`, a batch of one, by torch's own counter (two FLOPs each)."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(example)
    network.train()
    return int(counter.get_total_flops()) // 2
