"""Networks: one block class builds both variants of a family. Knows nothing of Lightning, Hydra or W&B."""

import copy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from degradation.config import CifarNetwork, NetworkConfig
from degradation.networks.cifar import CifarNet
from degradation.networks.initial import initialise
from degradation.networks.mlp import MLP
from degradation.networks.stack import stack

__all__ = ["build", "count_multiply_adds", "count_parameters", "stack"]


def build(
    network: NetworkConfig, *, input_shape: tuple[int, ...], outputs: int, depth: int, variant: str, seed: int
) -> MLP | CifarNet:
    """One network, initialised from `seed`; the variants of one (depth, seed) are a matched pair.

    Args:
        network: family and its settings.
        input_shape: of one example, (features,) or (channels, height, width).
        outputs: features of a prediction, or classes.
        depth: weighted layers, as `network.check_depth` allows.
        variant: `plain` or `residual`.
    """
    residual = variant == "residual"
    built: MLP | CifarNet
    if isinstance(network, CifarNetwork):
        built = CifarNet(
            channels=input_shape[0],
            classes=outputs,
            depth=depth,
            width=network.width,
            shortcut_kind=network.shortcut if residual else None,
        )
    else:
        built = MLP(
            inputs=input_shape[0],
            outputs=outputs,
            depth=depth,
            width=network.width,
            span=network.span,
            norm_kind=network.norm,
            residual=residual,
        )
    initialise(built, network.init, seed)
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
