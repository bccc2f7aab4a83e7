"""The contract of a task as it is trained, and of the examples that it holds.

A task says what a step takes, what a prediction costs and how wrong it is. Leading dimensions `...` are empty for one
network and (S,) for a stack of S networks; no method looks at which of them it was given. `tasks.spec` holds the
contract of a task's settings, and the registry. Implementations: `tasks.regression`, `tasks.images`.

Examples lie on the training device as tensors (`Split`), or in files that are read while networks are trained
(`tasks.image_loader`). Both keep the contract `Examples`, so a task does not know which it has.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor

from degradation.tasks.order import per_position


@dataclass(frozen=True)
class Batch:
    """Which training examples one step takes, and how: indices (..., B); crop offsets and flip (..., B, 3) if any."""

    indices: Tensor
    augmentation: Tensor | None

    def __getitem__(self, place: int | slice | tuple | None) -> "Batch":
        return Batch(self.indices[place], None if self.augmentation is None else self.augmentation[place])

    def to(self, device: torch.device) -> "Batch":
        augmentation = None if self.augmentation is None else self.augmentation.to(device)
        return Batch(self.indices.to(device), augmentation)


def joined(batches: Sequence[Batch]) -> Batch:
    """The batches of several networks as one, along the first leading dimension."""
    augmentations = [batch.augmentation for batch in batches if batch.augmentation is not None]
    indices = torch.cat([batch.indices for batch in batches])
    return Batch(indices, torch.cat(augmentations) if augmentations else None)


class Examples(Protocol):
    """A training or test set of N examples in a fixed order, wherever it lies.

    Attributes:
        on_device: whether all inputs are tensors on the device, so that taking some costs next to nothing.
    """

    on_device: ClassVar[bool]

    @property
    def targets(self) -> Tensor:
        """What is to be predicted, on the training device: (N, outputs), or labels (N,)."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one example."""

    def __len__(self) -> int: ...

    def take(self, indices: Tensor) -> "Split":
        """The examples of `indices` (n,), inputs as stored."""

    def parts(self, size: int) -> "Iterator[Split]":
        """All examples in order, `size` at a time."""

    def steps(self, batches: Batch) -> "Iterator[tuple[Batch, Split]]":
        """What each step takes, and of which examples: one pair a step.

        Args:
            batches: indices (S, steps, B) into this set.

        Returns:
            For each step its batch (S, B), and the examples that the batch's indices point into.
        """

    def to(self, device: torch.device, dtype: torch.dtype) -> Self:
        """The same examples for networks on a device, with floating-point numbers of `dtype`."""


@dataclass(frozen=True)
class Split:
    """Examples as tensors: inputs (N, ...), targets (N, ...)."""

    inputs: Tensor
    targets: Tensor

    on_device: ClassVar[bool] = True

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(self.inputs.shape[1:])

    def take(self, indices: Tensor) -> "Split":
        return Split(self.inputs[indices], self.targets[indices])

    def parts(self, size: int) -> "Iterator[Split]":
        for inputs, targets in zip(self.inputs.split(size), self.targets.split(size), strict=True):
            yield Split(inputs, targets)

    def steps(self, batches: Batch) -> "Iterator[tuple[Batch, Split]]":
        for step in range(batches.indices.shape[1]):
            yield batches[:, step], self

    def to(self, device: torch.device, dtype: torch.dtype) -> "Split":
        return Split(moved(self.inputs, device, dtype), moved(self.targets, device, dtype))


@dataclass(frozen=True)
class Task(ABC):
    """Training and test set, and what it is to predict them.

    Attributes:
        name: as in the registry.
        train, test: the examples.
        has_errors: whether there is an error in percent beside the loss; the settings' `classification`.
    """

    name: str
    train: Examples
    test: Examples

    has_errors: ClassVar[bool]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one example: (features,) or (channels, height, width)."""
        return self.train.input_shape

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Numbers of a prediction: features, or classes."""

    @property
    @abstractmethod
    def chance_error(self) -> float | None:
        """Percent wrong of the best constant answer; None without errors."""

    @property
    @abstractmethod
    def evaluation_batch(self) -> int:
        """Examples in one forward pass of an evaluation."""

    def batches(self, seed: int, *, batch_size: int, start: int, stop: int) -> Batch:
        """What steps `start` to `stop` (excluded) of a seed take: a batch with leading dimension stop - start, on the
        CPU. It is a function of the arguments and of the number of training examples alone.
        """
        indices = per_position(
            seed, "order", permutation, train_size=len(self.train), batch_size=batch_size, start=start, stop=stop
        )
        return Batch(indices, None)

    def steps(self, batches: Batch) -> Iterator[tuple[Batch, Self]]:
        """Each step's batch (S, B), and the task to ask for it: this one, holding the examples that the step takes.

        Args:
            batches: of consecutive steps, (S, steps, B).
        """
        for batch, examples in self.train.steps(batches):
            yield batch, self if examples is self.train else replace(self, train=examples)

    @abstractmethod
    def training_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Inputs (..., B, *input_shape) as networks take them, and targets (..., B, outputs) or (..., B), of a step."""

    @abstractmethod
    def prepare(self, inputs: Tensor) -> Tensor:
        """Stored inputs (B, *input_shape) as networks take them in an evaluation."""

    @abstractmethod
    def loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of each network over its batch: (..., B, outputs), targets -> (...).

        The targets are each network's own, with the leading dimensions, or the same for all, without them.
        """

    @abstractmethod
    def error(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Percent wrong of each network, shapes as of `loss`; NaN without errors."""

    @abstractmethod
    def mean_loss(self, examples: Examples) -> float:
        """The loss on `examples` of the best constant prediction for the training set."""

    def to(self, device: torch.device, dtype: torch.dtype) -> Self:
        """The same task for networks on a device, with floating-point numbers of `dtype`."""
        own = {name: moved(value, device, dtype) for name, value in vars(self).items() if isinstance(value, Tensor)}
        changed: dict[str, Any] = {"train": self.train.to(device, dtype), "test": self.test.to(device, dtype)} | own
        return replace(self, **changed)


def moved(tensor: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """On the device; whole numbers keep their type."""
    return tensor.to(device, dtype) if tensor.is_floating_point() else tensor.to(device)


def permutation(size: int, generator: torch.Generator) -> Tensor:
    return torch.randperm(size, generator=generator)
