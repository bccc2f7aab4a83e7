"""The order of training examples: pass p of a seed is a permutation drawn from (seed, p) alone.

Batches are always full and run across the ends of passes, so the position in the data follows from the step.
"""

import torch
from torch import Tensor

from degradation.streams import generator


def batch_indices(seed: int, *, train_size: int, batch_size: int, start: int, stop: int) -> Tensor:
    """Indices of the examples that steps `start` to `stop` (excluded) take: (stop - start, batch_size), int64, CPU."""
    first, last = start * batch_size, stop * batch_size
    first_pass, end_pass = first // train_size, -(-last // train_size)
    passes = [
        torch.randperm(train_size, generator=generator(seed, "order", number)) for number in range(first_pass, end_pass)
    ]
    offset = first_pass * train_size
    return torch.cat(passes)[first - offset : last - offset].view(stop - start, batch_size)
