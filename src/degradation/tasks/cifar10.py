"""The `cifar10` task, through torchvision's own loader."""

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degradation.checks import ConfigError, one_of, require
from degradation.tasks.cifar10_files import ensure

if TYPE_CHECKING:
    from torch import Tensor

    from degradation.tasks.images import ImageTask
    from degradation.tasks.task import Split

SIDE = 32  # pixels
HELD_OUT = 5_000
SPLIT_SEED = 0


@dataclass
class Cifar10Task:
    """Settings; keys and their meaning: conf/task/cifar10.yaml."""

    name: str
    split: str
    normalise: str
    augment: bool
    resolution: int

    classification = True
    outputs = 10
    on_device = True

    def __post_init__(self) -> None:
        one_of("task.split", self.split, ("50k", "45k_5k"))
        require(
            self.resolution in (8, 16, 32), f"task.resolution is {self.resolution}; allowed: 32 (as published), 16, 8."
        )
        one_of("task.normalise", self.normalise, ("per_pixel", "per_channel"))

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (3, self.resolution, self.resolution)

    @property
    def train_size(self) -> int:
        return 50_000 if self.split == "50k" else 50_000 - HELD_OUT

    @property
    def test_size(self) -> int:
        return 10_000 if self.split == "50k" else HELD_OUT

    def prepare(self, data_dir: Path, download: bool) -> None:
        ensure(data_dir, download)

    def load(self, data_dir: Path, download: bool, workers: int = 0) -> "ImageTask":
        """CIFAR-10 as uint8 (N, 3, H, W): 50,000 training and 10,000 test images, or 45,000 and 5,000 of the former.

        Nothing is unpickled before every file's MD5 was found to be the published one.

        Raises:
            ConfigError: the files are missing or damaged.
        """
        import torch
        from torchvision.datasets import CIFAR10

        from degradation.streams import generator
        from degradation.tasks.images import ImageTask, padding
        from degradation.tasks.task import Split

        ensure(data_dir, download)
        try:
            train, test = (_tensors(CIFAR10(str(data_dir), train=train)) for train in (True, False))
        except (RuntimeError, pickle.UnpicklingError) as error:
            raise ConfigError(f"CIFAR-10 in {data_dir} cannot be read ({error}).") from error
        if self.split == "45k_5k":
            order = torch.randperm(len(train), generator=generator(SPLIT_SEED, "split", "cifar10"))
            parts = (order[HELD_OUT:], order[:HELD_OUT])
            train, test = (Split(train.inputs[part], train.targets[part]) for part in parts)
        train, test = (Split(_shrunk(split.inputs, self.resolution), split.targets) for split in (train, test))
        mean, scale = _statistics(train.inputs, self.normalise)
        return ImageTask(
            name=self.name,
            train=train,
            test=test,
            mean=mean,
            scale=scale,
            classes=10,
            augment=self.augment,
            pad=padding(self.resolution),
        )


def _shrunk(images: "Tensor", resolution: int) -> "Tensor":
    """Images of `resolution` x `resolution` bytes: means over squares of pixels, rounded (half to even)."""
    if resolution == SIDE:
        return images
    import torch
    from torch.nn.functional import avg_pool2d

    parts = images.split(5_000)  # without a float copy of the whole set
    return torch.cat([avg_pool2d(part.float(), SIDE // resolution).round().to(torch.uint8) for part in parts])


def _tensors(dataset: Any) -> "Split":
    import numpy as np
    import torch

    from degradation.tasks.images import check_images
    from degradation.tasks.task import Split

    images = torch.from_numpy(np.ascontiguousarray(dataset.data.transpose(0, 3, 1, 2)))
    labels = torch.tensor(dataset.targets)
    check_images("CIFAR-10", images, labels, (3, SIDE, SIDE), classes=10)
    return Split(images, labels)


def _statistics(images: "Tensor", normalise: str) -> "tuple[Tensor, Tensor]":
    """Mean and scale in units of the stored bytes: the mean image and 255, or each channel's mean and deviation."""
    import torch

    from degradation.tasks.images import channel_statistics

    if normalise == "per_pixel":
        total = torch.zeros(images.shape[1:], dtype=torch.int64)
        for part in images.split(5_000):  # without a float copy of the whole set
            total += part.sum(0, dtype=torch.int64)
        return total.double() / len(images), torch.tensor(255.0, dtype=torch.float64)
    channels = [torch.bincount(images[:, channel].flatten(), minlength=256) for channel in range(3)]
    return channel_statistics(torch.stack(channels))
