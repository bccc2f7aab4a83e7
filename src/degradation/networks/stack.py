"""A stack: S networks of one shape as one module, whose tensors have a leading dimension S."""

import copy

import torch
from torch import Tensor, nn


def stack(networks: list[nn.Module]) -> nn.Module:
    """One module that computes all `networks` at once; inputs and outputs gain a leading dimension S.

    The networks must have parameters of the same names and shapes; shortcuts may be there in some and not in others.
    """
    stacked = copy.deepcopy(networks[0])
    for modules in zip(stacked.modules(), *(network.modules() for network in networks), strict=True):
        target, *sources = modules
        for name in target._parameters:
            parameters = [getattr(source, name).detach() for source in sources]
            setattr(target, name, nn.Parameter(torch.stack(parameters)))
        for name in target._buffers:
            setattr(target, name, _stack_buffers([getattr(source, name) for source in sources]))
    return stacked


def _stack_buffers(buffers: list[Tensor | None]) -> Tensor | None:
    present = [buffer for buffer in buffers if buffer is not None]
    if not present:
        return None
    # A missing shortcut in a stack that has others is a shortcut times zero.
    return torch.stack([torch.zeros_like(present[0]) if buffer is None else buffer for buffer in buffers])
