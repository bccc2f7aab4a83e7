"""Tasks of classifying images: normalised, cropped and flipped on the training device, wherever they are stored."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from degradation.tasks.order import per_position
from degradation.tasks.task import Batch, Examples, Task, permutation

PAD = 4  # pixels on each side before the random crop of 32 x 32 (He et al. 2015, section 4.2)
PAD_OF = 32


def padding(resolution: int) -> int:
    """Pixels on each side before the random crop: 4 of 32, as many of other sizes in proportion."""
    return PAD * resolution // PAD_OF


@dataclass(frozen=True)
class ImageTask(Task):
    """Images (N, C, H, W), uint8 or float, on the device or in files; labels (N,), int64; cross-entropy.

    Attributes:
        mean, scale: subtracted from the images and divided by, broadcast over (C, H, W), in the images' units.
        classes: number of labels.
        augment: pad with the mean, crop at random, flip at random.
        pad: pixels added on each side before the random crop.
    """

    mean: Tensor
    scale: Tensor
    classes: int
    augment: bool
    pad: int = PAD

    has_errors: ClassVar[bool] = True

    @property
    def evaluation_batch(self) -> int:
        """400 on the CPU: CIFAR-10 falls out of the caches beyond, and digits lose time in smaller parts."""
        return 2000 if self.train.targets.is_cuda else 400

    @property
    def outputs(self) -> int:
        return self.classes

    @property
    def chance_error(self) -> float:
        """Percent wrong of always answering the most frequent training label."""
        return 100 * (1 - self._frequencies().max().item())

    def batches(self, seed: int, *, batch_size: int, start: int, stop: int) -> Batch:
        where = {"train_size": len(self.train), "batch_size": batch_size, "start": start, "stop": stop}
        indices = per_position(seed, "order", permutation, **where)
        if not self.augment:
            return Batch(indices, None)
        return Batch(indices, per_position(seed, "augmentation", partial(crops_and_flips, pad=self.pad), **where))

    def training_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        taken = self.train.take(batch.indices)
        images = self.prepare(taken.inputs)
        if batch.augmentation is not None:
            each = images.flatten(0, -4), batch.augmentation.flatten(0, -2)
            images = crop_and_flip(*each, self.pad).view_as(images)
        return images, taken.targets

    def prepare(self, inputs: Tensor) -> Tensor:
        return (inputs.to(self.mean.dtype) - self.mean) / self.scale

    def loss(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of each network: (..., B, classes) and (..., B) or (B,) -> (...)."""
        if predictions.ndim == 2:
            return functional.cross_entropy(predictions, targets)
        each = targets.expand(predictions.shape[:-1])
        losses = functional.cross_entropy(predictions.flatten(0, -2), each.flatten(), reduction="none")
        return losses.view_as(each).mean(-1)

    def error(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Percent of (..., B, classes) whose largest entry is not the target, (..., B) or (B,): (...)."""
        return 100 * (predictions.argmax(-1) != targets).double().mean(-1)

    def mean_loss(self, examples: Examples) -> float:
        """The cross-entropy on `examples` of predicting the training set's label frequencies."""
        return -self._frequencies().log()[examples.targets].mean().item()

    def _frequencies(self) -> Tensor:
        return torch.bincount(self.train.targets, minlength=self.classes).double() / len(self.train)


def crops_and_flips(size: int, generator: torch.Generator, pad: int = PAD) -> Tensor:
    """Rows and columns to shift by (0 to 2 pad, pad is none) and whether to flip (0 or 1), by example: (size, 3)."""
    shifts = torch.randint(0, 2 * pad + 1, (size, 2), generator=generator)
    return torch.cat([shifts, torch.randint(0, 2, (size, 1), generator=generator)], dim=1)


def crop_and_flip(images: Tensor, augmentation: Tensor, pad: int = PAD) -> Tensor:
    """Pad (B, C, H, W) with zeros by `pad` pixels, cut out H x W at the offsets of (B, 3), flip where told."""
    count, _, height, width = images.shape
    padded = functional.pad(images, (pad, pad, pad, pad))
    top, left, flip = augmentation.unbind(1)
    across = torch.arange(width, device=images.device).expand(count, width)
    across = torch.where(flip[:, None] == 1, width - 1 - across, across) + left[:, None]
    down = torch.arange(height, device=images.device) + top[:, None]
    example = torch.arange(count, device=images.device)[:, None, None]
    # Advanced indices first, then channels: (B, H, W, C).
    return padded.permute(0, 2, 3, 1)[example, down[:, :, None], across[:, None, :]].permute(0, 3, 1, 2).contiguous()


def channel_statistics(counts: Tensor) -> tuple[Tensor, Tensor]:
    """Each channel's mean and standard deviation, (C, 1, 1) float64 in units of the stored bytes.

    Args:
        counts: how many of a channel's pixels have each of the 256 values, (C, 256).
    """
    counts = counts.double()
    values, pixels = torch.arange(256, dtype=torch.float64), counts.sum(1)
    mean = (counts * values).sum(1) / pixels
    deviation = ((counts * values.square()).sum(1) / pixels - mean.square()).sqrt()
    return mean.view(-1, 1, 1), deviation.view(-1, 1, 1)


def check_images(name: str, images: Tensor, labels: Tensor, shape: tuple[int, ...], classes: int) -> None:
    """Refuse images of another size and labels out of range.

    Raises:
        ValueError: what is wrong.
    """
    if tuple(images.shape[1:]) != shape:
        raise ValueError(f"{name}: images of shape {tuple(images.shape[1:])}; {shape} is expected.")
    if len(images) != len(labels):
        raise ValueError(f"{name}: {len(images)} images and {len(labels)} labels.")
    if int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise ValueError(
            f"{name}: labels from {int(labels.min())} to {int(labels.max())}; 0 to {classes - 1} are expected."
        )
