"""The `sine` task: sin(x) on an interval."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from degradation.checks import at_least, require

if TYPE_CHECKING:
    from degradation.tasks.regression import Regression


@dataclass
class SineTask:
    """Settings; keys and their meaning: conf/task/sine.yaml."""

    name: str
    low: float
    high: float
    train_points: int
    test_points: int
    noise: float
    data_seed: int

    classification = False
    outputs = 1
    on_device = True
    input_shape = (1,)

    def __post_init__(self) -> None:
        for key in ("low", "high", "noise"):
            value = getattr(self, key)
            require(math.isfinite(value), f"task.{key} is {value}; a finite number is expected.")
        require(self.low < self.high, f"task.low is {self.low} and task.high is {self.high}; low must be below high.")
        at_least("task.train_points", self.train_points, 1)
        at_least("task.test_points", self.test_points, 2)
        at_least("task.noise", self.noise, 0)

    @property
    def train_size(self) -> int:
        return self.train_points

    @property
    def test_size(self) -> int:
        return self.test_points

    def prepare(self, data_dir: Path, download: bool) -> None:
        """Nothing is needed."""

    def load(self, data_dir: Path, download: bool, workers: int = 0) -> "Regression":
        """Training points drawn uniformly once from `data_seed`, test points on an even grid; shapes (N, 1), float64.

        Noise is added to the training targets only: the test error is the distance from the sine itself.
        """
        import torch

        from degradation.streams import generator
        from degradation.tasks.regression import Regression
        from degradation.tasks.task import Split

        draw = generator(self.data_seed, "data", "inputs")
        draws = torch.rand(self.train_points, 1, dtype=torch.float64, generator=draw)
        train = self.low + (self.high - self.low) * draws
        draw = generator(self.data_seed, "data", "noise")
        noise = torch.randn(train.shape, dtype=torch.float64, generator=draw)
        test = torch.linspace(self.low, self.high, self.test_points, dtype=torch.float64).unsqueeze(-1)
        noisy = Split(train, train.sin() + self.noise * noise)
        return Regression(name=self.name, train=noisy, test=Split(test, test.sin()))
