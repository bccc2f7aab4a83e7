"""Tasks of predicting numbers, with the mean squared error as their loss."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from degradation.tasks.task import Batch, Examples, Task


@dataclass(frozen=True)
class Regression(Task):
    """Inputs (N, features), targets (N, outputs)."""

    has_errors: ClassVar[bool] = False

    @property
    def outputs(self) -> int:
        return self.train.targets.shape[-1]

    @property
    def chance_error(self) -> None:
        return None

    @property
    def evaluation_batch(self) -> int:
        return 65536

    def training_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        taken = self.train.take(batch.indices)
        return taken.inputs, taken.targets

    def prepare(self, inputs: Tensor) -> Tensor:
        """As they are."""
        return inputs

    def loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error of each network: (..., B, outputs) and (..., B, outputs) or (B, outputs) -> (...)."""
        return (predictions - targets).square().flatten(-2).mean(-1)

    def error(self, predictions: Tensor, targets: Tensor) -> Tensor:
        return torch.full_like(predictions[..., 0, 0], torch.nan)

    def mean_loss(self, examples: Examples) -> float:
        """The mean squared error of predicting the training targets' mean."""
        targets = examples.targets.double()
        return self.loss(self.train.targets.double().mean(0).expand_as(targets), targets).item()
