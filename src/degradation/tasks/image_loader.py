"""Examples that stay in image files: read by torchvision and a DataLoader in our order, ahead of the steps.

Nothing is random in the loader, and nothing but bytes comes out of it. Which images a step takes is known before it is
asked; normalisation, crops and flips are the task's own, on the training device.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing import get_all_start_methods
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms.functional import pil_to_tensor

from degradation.checks import require
from degradation.tasks.images import ImageTask, channel_statistics, padding
from degradation.tasks.task import Batch, Split

if TYPE_CHECKING:
    from degradation.tasks.image_folder import ImageFolderTask


class Reader:
    """Reads batches of an ImageFolder in the order asked for.

    Args:
        files: images as uint8 tensors (C, H, W).
        workers: processes that read ahead; 0: none, the asking process reads. They live for one reading, a segment or
            an evaluation: starting and ending two takes 0.06 s, and none is left when a job ends, in whatever way.
    """

    def __init__(self, files: ImageFolder, workers: int) -> None:
        self.files = files
        self.workers = workers

    def read(self, wanted: list[list[int]]) -> Iterator[Tensor]:
        """Images (n, C, H, W), uint8, of each list of n indices."""
        loader = DataLoader(
            self.files,
            batch_sampler=wanted,
            num_workers=self.workers,
            generator=torch.Generator(),  # it draws a seed for its workers, which draw nothing
            multiprocessing_context=get_all_start_methods()[0] if self.workers else None,  # joblib sets another one
        )
        for images, _ in loader:
            yield images


@dataclass(frozen=True)
class FileSplit:
    """The contract `degradation.tasks.task.Examples` for files: images uint8 (C, H, W), labels (N,) on the device."""

    reader: Reader
    targets: Tensor
    input_shape: tuple[int, ...]

    on_device: ClassVar[bool] = False

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, indices: Tensor) -> Split:
        images = torch.stack([self.reader.files[index][0] for index in indices.tolist()])
        return self._with_targets(images, indices)

    def parts(self, size: int) -> Iterator[Split]:
        every = torch.arange(len(self)).split(size)
        for indices, images in zip(every, self.reader.read([part.tolist() for part in every]), strict=True):
            yield self._with_targets(images, indices)

    def steps(self, batches: Batch) -> Iterator[tuple[Batch, Split]]:
        """Each image that networks share in a step is read once."""
        by_step = [step.unique(return_inverse=True) for step in batches.indices.cpu().unbind(1)]
        read = self.reader.read([wanted.tolist() for wanted, _ in by_step])
        for step, ((wanted, places), images) in enumerate(zip(by_step, read, strict=True)):
            examples = self._with_targets(images, wanted)
            yield replace(batches[:, step], indices=places.to(self.targets.device)), examples

    def _with_targets(self, images: Tensor, indices: Tensor) -> Split:
        device = self.targets.device
        return Split(images.to(device), self.targets[indices.to(device)])

    def to(self, device: torch.device, dtype: torch.dtype) -> "FileSplit":
        """The images are bytes and stay where they are."""
        return replace(self, targets=self.targets.to(device))


def load(settings: "ImageFolderTask", data_dir: Path, workers: int) -> ImageTask:
    """See `ImageFolderTask.load`."""
    found = settings.check(data_dir)
    parts = {}
    for part, files in found.items():
        folder = ImageFolder(str(data_dir / settings.root / part), transform=pil_to_tensor, loader=settings.open)
        assert [file for file, _ in folder.samples] == [str(file) for file in files]
        parts[part] = FileSplit(Reader(folder, workers), torch.tensor(folder.targets), settings.input_shape)
    counts = torch.zeros(settings.channels, 256, dtype=torch.int64)
    for file in found["train"]:
        counts += torch.tensor(settings.open(file).histogram()).view(settings.channels, 256)
    mean, scale = channel_statistics(counts)
    require(
        bool((scale > 0).all()),
        f"{data_dir / settings.root / 'train'}: all pixels of a channel are the same, which cannot be standardised.",
    )
    return ImageTask(
        name=settings.name,
        train=parts["train"],
        test=parts["test"],
        mean=mean,
        scale=scale,
        classes=settings.classes,
        augment=settings.augment,
        pad=padding(settings.resolution),
    )
