"""A stack: S networks of one shape as one module, whose tensors have a leading dimension S.

`torch.func.vmap` over `stack_module_state` computes the same, in 1.4 to 1.6 times the CPU time of a step (32 MLPs of 10
and 25 layers, without and with batch normalisation, medians of 9 turns), and cannot stack plain networks with residual
ones, whose buffers differ.
"""

import copy

import torch
from torch import Tensor, nn

MISSING = {"shortcut": 0.0, "branch": 1.0}  # what a factor that some networks lack stands for in a stack


def layout(network: nn.Module) -> tuple:
    """What must be equal for two networks to be stacked: modules, and names and shapes of their parameters."""
    modules = tuple((name, type(module)) for name, module in network.named_modules())
    return modules, tuple((name, parameter.shape) for name, parameter in network.named_parameters())


def stack(networks: list[nn.Module]) -> nn.Module:
    """One module that computes all `networks` at once; inputs and outputs gain a leading dimension S.

    The networks must have one `layout`; factors of a sum may be there in some and not in others.
    """
    stacked = copy.deepcopy(networks[0])
    for modules in zip(stacked.modules(), *(network.modules() for network in networks), strict=True):
        target, *sources = modules
        for name in target._parameters:
            parameters = [getattr(source, name).detach() for source in sources]
            setattr(target, name, nn.Parameter(torch.stack(parameters)))
        for name in target._buffers:
            setattr(target, name, _stack_buffers(name, [getattr(source, name) for source in sources]))
    return stacked


def _stack_buffers(name: str, buffers: list[Tensor | None]) -> Tensor | None:
    present = [buffer for buffer in buffers if buffer is not None]
    if not present:
        return None
    missing = torch.full_like(present[0], MISSING.get(name, torch.nan))
    return torch.stack([missing if buffer is None else buffer for buffer in buffers])
