"""Random numbers for every training example of every pass, by step.

Pass p of a seed is drawn from (seed, purpose, p) alone. Batches are always full and run across the ends of passes, so
the position in the data follows from the step.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from degradation.streams import generator


def per_position(
    seed: int,
    purpose: str,
    draw: Callable[[int, torch.Generator], Tensor],
    *,
    train_size: int,
    batch_size: int,
    start: int,
    stop: int,
) -> Tensor:
    """What `draw` gives for the examples of steps `start` to `stop` (excluded): (stop - start, batch_size, ...), CPU.

    Args:
        seed, purpose: which stream.
        draw: a pass's numbers, (train_size, ...), from the number of training examples and a generator.
    """
    first, last = start * batch_size, stop * batch_size
    first_pass, end_pass = first // train_size, -(-last // train_size)
    passes = [draw(train_size, generator(seed, purpose, number)) for number in range(first_pass, end_pass)]
    offset = first_pass * train_size
    drawn = torch.cat(passes)[first - offset : last - offset]
    return drawn.view(stop - start, batch_size, *drawn.shape[1:])
