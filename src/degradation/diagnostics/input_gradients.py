"""The gradient of the output by the input, of networks from one number to one (Balduzzi et al. 2017, 1702.08591)."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from degradation.diagnostics.diagnostic import FINAL, INIT, Copied, rounded
from degradation.records.columns import Row
from degradation.tasks.task import Task
from degradation.training.members import Member

SEEDS = 8  # networks a variant and depth whose gradients are kept
POINTS = 128


class InputGradients:
    """input_gradients.csv: the output's derivative by the input on an even grid over the test set's interval.

    Batch normalisation has the statistics of all training examples, layer by layer, at both moments: so the network is
    a function of one input, and its derivative there depends on no other.
    """

    table = "input_gradients.csv"
    moments: tuple[str, ...] = (INIT, FINAL)
    key = ["moment", "x"]  # noqa: RUF012 - a constant
    columns = ["gradient"]  # noqa: RUF012

    def fits(self, task: Task) -> bool:
        """One number in, one out."""
        return task.input_shape == (1,) and task.outputs == 1

    def measure(self, copied: Copied, task: Task, moment: str) -> Iterator[tuple[Member, Row]]:
        settle(copied.network, _each(copied, task.train.take(torch.arange(len(task.train))).inputs))
        test = task.test.take(torch.arange(len(task.test))).inputs
        grid = torch.linspace(test.min().item(), test.max().item(), POINTS, dtype=test.dtype, device=test.device)
        gradients = input_gradients(copied.network, _each(copied, grid.unsqueeze(-1)))
        for member, values in zip(copied.members, gradients.reshape(len(copied.members), POINTS), strict=True):
            if member.seed in copied.seeds[:SEEDS]:
                for x, gradient in zip(grid.tolist(), values.tolist(), strict=True):
                    yield member, {"moment": moment, "x": rounded(x), "gradient": rounded(gradient)}


DIAGNOSTIC = InputGradients()


def input_gradients(network: nn.Module, inputs: Tensor) -> Tensor:
    """Derivative of each output by its own input: (..., B, 1) -> same. The network is in eval mode afterwards."""
    inputs = inputs.clone().requires_grad_()
    (gradients,) = torch.autograd.grad(network.eval()(inputs).sum(), inputs)
    return gradients


@torch.no_grad()
def settle(network: Any, inputs: Tensor) -> None:
    """Give every normalisation with running statistics those of its own inputs, the earlier ones being settled.

    Args:
        network: of the family mlp, or a stack of them.
        inputs: (..., B, 1).
    """

    def take(module: nn.Module, given: tuple[Tensor]) -> None:
        (x,) = given  # (..., width, B)
        module.running_mean = x.mean(-1)
        module.running_var = x.var(-1, correction=0)

    with_statistics = [norm for norm in network.norms() if hasattr(norm, "running_mean")]
    hooks = [norm.register_forward_pre_hook(take) for norm in with_statistics]
    network.eval()(inputs)
    for hook in hooks:
        hook.remove()


def _each(copied: Copied, inputs: Tensor) -> Tensor:
    """The same inputs for every network of a stack."""
    return inputs.expand(len(copied.members), *inputs.shape) if copied.stacked else inputs
