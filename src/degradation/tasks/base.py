"""What every task is to a cohort: a training set, a test set, a loss, and what a constant predictor would lose."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Examples: inputs (N, features), targets (N, outputs)."""

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.inputs)

    def to(self, device: torch.device, dtype: torch.dtype) -> "Split":
        return Split(self.inputs.to(device, dtype), self.targets.to(device, dtype))


@dataclass(frozen=True)
class Task:
    """A regression task; the loss is the mean squared error."""

    name: str
    train: Split
    test: Split

    @property
    def inputs(self) -> int:
        return self.train.inputs.shape[-1]

    @property
    def outputs(self) -> int:
        return self.train.targets.shape[-1]

    def loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error of each network: (..., B, outputs) twice -> (...)."""
        return (predictions - targets).square().flatten(-2).mean(-1)

    def mean_loss(self, split: Split) -> float:
        """The loss on `split` of predicting the mean of the training targets everywhere."""
        return self.loss(self.train.targets.double().mean(0).expand_as(split.targets), split.targets.double()).item()

    def to(self, device: torch.device, dtype: torch.dtype) -> "Task":
        return replace(self, train=self.train.to(device, dtype), test=self.test.to(device, dtype))
