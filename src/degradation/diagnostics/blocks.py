"""The blocks of a trained network, to be deleted one by one or put into another order, and what it then gets wrong."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from degradation.checks import ConfigError
from degradation.networks.gates import Gate
from degradation.networks.shortcuts import padded
from degradation.tasks.task import Examples, Task

Shapes = list[tuple[tuple[int, ...], tuple[int, ...]]]  # of one example, into a block and out of it


class Passed(nn.Module):
    """What stands for a deleted plain block: its input, by option A where it changes shapes."""

    def __init__(self, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        super().__init__()
        self.shortcut = padded(before[0], after[0], before[1] // after[1])

    def forward(self, *state: Tensor) -> list[Tensor]:
        """What a block gives: its first layer's activation, then what the next block takes."""
        passed = [self.shortcut(x) for x in state]
        return [passed[0], *passed]


def check_blocks(name: str, network: Any) -> None:
    """Refuse a network that does not say what its blocks add, or whose sums are gated: a gate sees the block's input
    beside branch and shortcut.

    Raises:
        ConfigError: naming the diagnostic.
    """
    if not hasattr(network, "summands"):
        raise ConfigError(f"diagnostic {name} is for networks of blocks that say what they add, such as cifar's.")
    if any(isinstance(module, Gate) for module in network.modules()):
        raise ConfigError(f"diagnostic {name} takes apart sums of branch and shortcut, and gates mix them otherwise.")


@torch.no_grad()
def block_shapes(network: Any, example: Tensor) -> Shapes:
    """Of one example before and after each block.

    Args:
        example: (1, *shape), as networks take it.
    """
    found: Shapes = []
    hooks = [
        block.register_forward_hook(
            lambda _block, inputs, outputs: found.append((tuple(inputs[0].shape[1:]), tuple(outputs[-1].shape[1:])))
        )
        for block in network.blocks
    ]
    network(example)
    for hook in hooks:
        hook.remove()
    return found


@contextmanager
def deleted(network: Any, places: Collection[int], shapes: Shapes) -> Iterator[None]:
    """Run the body with the blocks at `places`, counted from 0, replaced by their shortcuts (Veit et al. 2016,
    1605.06431, section 4.1).

    The branch of a residual block gives zero, and what follows the sum stays. A plain block gives its input; where
    shapes change every second pixel, new channels zero, which is not the paper's: it deletes no such block of VGG.
    """
    kept, summands = list(network.blocks), network.summands()
    hooks = []
    for place in places:
        branch, shortcut = summands[place]
        if shortcut is None:
            network.blocks[place] = Passed(*shapes[place])
        else:
            hooks.append(branch.register_forward_hook(lambda _module, _inputs, output: torch.zeros_like(output)))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        _put(network, kept)


@contextmanager
def reordered(network: Any, order: Sequence[int]) -> Iterator[None]:
    """Run the body with block `order[i]` at place i."""
    kept = list(network.blocks)
    _put(network, [kept[place] for place in order])
    try:
        yield
    finally:
        _put(network, kept)


def _put(network: Any, blocks: Sequence[nn.Module]) -> None:
    for place, block in enumerate(blocks):
        network.blocks[place] = block


@torch.no_grad()
def loss_and_error(network: nn.Module, examples: Examples, task: Task) -> tuple[float, float]:
    """Mean loss and percent wrong on all examples, in the mode that the network is in."""
    total = torch.zeros(2, dtype=torch.float64)
    for part in examples.parts(task.evaluation_batch):
        predictions = network(task.prepare(part.inputs))
        means = task.loss(predictions, part.targets), task.error(predictions, part.targets)
        total += len(part) * torch.stack(means).double().cpu()
    loss, error = (total / len(examples)).tolist()
    return loss, error
