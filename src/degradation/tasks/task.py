"""What every task is to a cohort: training set, test set, batches, a loss, and what a constant predictor would lose."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from degradation.tasks.order import per_position


@dataclass(frozen=True)
class Split:
    """Examples: inputs (N, ...), targets (N, ...)."""

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Batch:
    """Which training examples one step takes, and how: indices (..., B); crop offsets and flip (..., B, 3) if any."""

    indices: Tensor
    augmentation: Tensor | None

    def __getitem__(self, place: int | tuple) -> "Batch":
        return Batch(self.indices[place], None if self.augmentation is None else self.augmentation[place])

    def to(self, device: torch.device) -> "Batch":
        augmentation = None if self.augmentation is None else self.augmentation.to(device)
        return Batch(self.indices.to(device), augmentation)


@dataclass(frozen=True)
class Task:
    """Training and test set. The base class is a regression task with the mean squared error as its loss."""

    name: str
    train: Split
    test: Split

    has_errors: ClassVar[bool] = False  # whether there is an error in percent beside the loss

    @property
    def evaluation_batch(self) -> int:
        """Examples in one forward pass of an evaluation."""
        return 65536

    @property
    def chance_error(self) -> float | None:
        """Percent wrong of the best constant answer; None for regression."""
        return None

    @property
    def outputs(self) -> int:
        return self.train.targets.shape[-1]

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(self.train.inputs.shape[1:])

    def batches(self, seed: int, *, batch_size: int, start: int, stop: int) -> Batch:
        """What steps `start` to `stop` (excluded) of a seed take: a batch with leading dimension stop - start."""
        indices = per_position(
            seed, "order", permutation, train_size=len(self.train), batch_size=batch_size, start=start, stop=stop
        )
        return Batch(indices, None)

    def training_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Inputs and targets of one step: (..., B, features), (..., B, outputs)."""
        return self.train.inputs[batch.indices], self.train.targets[batch.indices]

    def prepare(self, inputs: Tensor) -> Tensor:
        """Stored inputs as the networks take them."""
        return inputs

    def loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error of each network: (..., B, outputs) twice -> (...)."""
        return (predictions - targets).square().flatten(-2).mean(-1)

    def error(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Percent wrong of each network; NaN for regression."""
        return torch.full_like(predictions[..., 0, 0], torch.nan)

    def mean_loss(self, split: Split) -> float:
        """The loss on `split` of the best constant prediction for the training set."""
        return self.loss(self.train.targets.double().mean(0).expand_as(split.targets), split.targets.double()).item()

    def to(self, device: torch.device, dtype: torch.dtype) -> "Task":
        """The same task on a device, with floating-point numbers of `dtype`."""

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(device, dtype) if tensor.is_floating_point() else tensor.to(device)

        splits = {
            name: Split(moved(split.inputs), moved(split.targets))
            for name, split in (("train", self.train), ("test", self.test))
        }
        tensors = {name: moved(value) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **splits, **tensors)  # type: ignore[arg-type]


def permutation(size: int, generator: torch.Generator) -> Tensor:
    return torch.randperm(size, generator=generator)
