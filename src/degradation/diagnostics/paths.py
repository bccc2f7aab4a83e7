"""Paths through a trained residual network by length, and the gradient that they carry (Veit et al. 2016, 1605.06431,
section 5).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import comb
from typing import Any

import torch
from torch import Tensor

from degradation.diagnostics.blocks import check_blocks
from degradation.diagnostics.diagnostic import FINAL, Copied, rounded
from degradation.records.columns import Row
from degradation.streams import generator
from degradation.tasks.task import Task
from degradation.training.members import Member

EXAMPLES = 256  # training examples, and as many paths of each length


class Paths:
    """paths.csv: a row a length, from none of the blocks to all; none for a plain network, which is one path.

    A path goes through the branch of some blocks, its length, and by the shortcut past the others. As in the paper the
    forward pass is that of the whole network, and the backward pass follows the path alone. Each example has a random
    path of its own; in eval mode examples do not touch one another.
    """

    table = "paths.csv"
    moments: tuple[str, ...] = (FINAL,)
    key = ["length"]  # noqa: RUF012 - a constant
    columns = ["path_share", "gradient_norm", "gradient_share"]  # noqa: RUF012

    def fits(self, task: Task) -> bool:
        return len(task.input_shape) == 3

    def measure(self, copied: Copied, task: Task, moment: str) -> Iterator[tuple[Member, Row]]:
        check_blocks("paths", copied.network)
        network: Any = copied.network.eval()
        (member,) = copied.members
        blocks = len(network.blocks)
        if any(shortcut is None for _, shortcut in network.summands()):
            return
        shares = [comb(blocks, length) / 2**blocks for length in range(blocks + 1)]
        norms = [_norm(network, task, length, member.seed) for length in range(blocks + 1)]
        carried = [share * norm for share, norm in zip(shares, norms, strict=True)]
        for length, (share, norm, part) in enumerate(zip(shares, norms, carried, strict=True)):
            measured = {"path_share": share, "gradient_norm": norm, "gradient_share": part / (sum(carried) or 1.0)}
            yield member, {"length": length} | {name: rounded(value) for name, value in measured.items()}


DIAGNOSTIC = Paths()


def _norm(network: Any, task: Task, length: int, seed: int) -> float:
    """Mean over examples of the norm of the loss's gradient by the input along a random path."""
    examples = task.train.take(torch.arange(min(EXAMPLES, len(task.train))))
    inputs = task.prepare(examples.inputs)
    drawn = torch.rand(len(inputs), len(network.blocks), generator=generator(seed, "paths", length))
    taken = drawn.argsort(1).argsort(1) < length
    gradients = path_gradients(network, inputs, examples.targets, taken.to(inputs.device), task)
    return gradients.flatten(1).norm(dim=1).mean().item()


def path_gradients(network: Any, inputs: Tensor, targets: Tensor, taken: Tensor, task: Task) -> Tensor:
    """Of each example's loss by its input along its path: (B, *shape).

    Args:
        network: in eval mode, every block with a shortcut.
        inputs: (B, *shape), as networks take them.
        taken: (B, blocks), whether the path goes through the block's branch.
    """
    x = inputs.detach().requires_grad_()
    with _along(network, taken):
        loss = task.loss(network(x), targets)
    return len(x) * torch.autograd.grad(loss, x)[0]  # the loss is a mean over examples


@contextmanager
def _along(network: Any, taken: Tensor) -> Iterator[None]:
    """Run the body's forward pass as it is, and its backward pass along the paths."""
    hooks = []
    for (branch, shortcut), of_block in zip(network.summands(), taken.unbind(1), strict=True):
        hooks += [branch.register_forward_hook(_kept(of_block)), shortcut.register_forward_hook(_kept(~of_block))]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _kept(passes: Tensor) -> Any:
    """A hook that lets the gradient of some examples pass: (B,)."""

    def hook(_module: Any, _inputs: Any, output: Tensor) -> Tensor:
        return torch.where(passes.view(-1, *[1] * (output.ndim - 1)), output, output.detach())

    return hook
