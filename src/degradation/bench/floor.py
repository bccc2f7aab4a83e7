"""The floor of a training step: its multiply-adds and bytes at the rates of this machine, both measured here.

The bytes are those of operations that are not fused, each reading its inputs and writing its output once.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from degradation.config import Config
from degradation.networks.build import count_multiply_adds
from degradation.tasks.task import Task
from degradation.training.members import build, members
from degradation.training.memory import ACTIVATION_BYTES

REPEATS, DROPPED = 10, 3  # of a product or copy, and how many of them come before the timed ones


def timed(work: Callable[[], Any], config: Config) -> float:
    """Seconds of `work`, the device's queue being empty before and after."""
    cuda = config.runtime.device == "cuda"
    if cuda:
        torch.cuda.synchronize()
    began = time.perf_counter()
    work()
    if cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - began


def matrix_rate(config: Config, side: int) -> float:
    """Multiply-adds a second of a product of square matrices at the recipe's precision."""
    dtype = {"bf16": torch.bfloat16, "fp64": torch.float64}.get(config.recipe.precision, torch.float32)
    a, b = (torch.randn(side, side, device=config.runtime.device).to(dtype) for _ in range(2))
    return side**3 / median([timed(lambda: a @ b, config) for _ in range(REPEATS)][DROPPED:])


def bandwidth(config: Config, size: int) -> float:
    """Bytes a second, read and written, of a copy of `size` bytes."""
    source = torch.zeros(size, dtype=torch.uint8, device=config.runtime.device)
    target = torch.empty_like(source)
    return 2 * size / median([timed(lambda: target.copy_(source), config) for _ in range(REPEATS)][DROPPED:])


def step_multiply_adds(config: Config, task: Task) -> int:
    """Multiply-adds of one step of all networks of a cohort; the backward pass costs twice the forward pass."""
    forward = {
        (member.depth, member.variant): count_multiply_adds(build(member, config), task.input_shape)
        for member in members(config)
    }
    return 3 * config.recipe.batch_size * sum(forward[member.depth, member.variant] for member in members(config))


def passes(shortcut: str) -> float:
    """How often a training step reads or writes a number of a layer's size when nothing is fused.

    Forward: convolution, normalisation and ReLU each read and write, 6. Backward: ReLU and normalisation each read two
    and write one, the convolution reads and writes for its input and reads two for its weight, 10. A shortcut adds two
    reads and a write forward, and as much backward where gradients meet, once in two layers: 3.
    """
    return 16 + (0 if shortcut == "none" else 3)


def step_bytes(config: Config) -> float:
    """Bytes of activations that one step of all networks of a cohort moves when nothing is fused."""
    per_number = config.recipe.batch_size * ACTIVATION_BYTES[config.recipe.precision]
    sizes = config.network.layer_sizes
    return per_number * sum(
        passes(config.of(member.variant).network.shortcut) * sum(sizes(member.depth, config.task.input_shape))
        for member in members(config)
    )
