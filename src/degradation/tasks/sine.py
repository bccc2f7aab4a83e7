"""The `sine` task: sin(x) on an interval."""

import torch

from degradation.config import SineTask
from degradation.streams import generator
from degradation.tasks.base import Split, Task


def sine(task: SineTask) -> Task:
    """Training points drawn uniformly once from `data_seed`, test points on an even grid; shapes (N, 1), float64.

    Noise is added to the training targets only: the test error is the distance from the sine itself.
    """
    draws = torch.rand(task.train_points, 1, dtype=torch.float64, generator=generator(task.data_seed, "data", "inputs"))
    train = task.low + (task.high - task.low) * draws
    noise = torch.randn(train.shape, dtype=torch.float64, generator=generator(task.data_seed, "data", "noise"))
    test = torch.linspace(task.low, task.high, task.test_points, dtype=torch.float64).unsqueeze(-1)
    return Task(name=task.name, train=Split(train, train.sin() + task.noise * noise), test=Split(test, test.sin()))
