"""The loop that reproductions use: one network, eager, torchvision's transforms in DataLoader workers on the CPU."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from degradation.config import Config
from degradation.tasks.images import padding
from degradation.tasks.task import Task
from degradation.training.members import build, members

Runner = Callable[[int], None]  # takes this many steps


class PilImages(Dataset):
    """Training images as torchvision's CIFAR10 gives them: PIL images through the transforms of reproductions."""

    def __init__(self, task: Task) -> None:
        from torchvision import transforms

        train, side = task.train.take(torch.arange(len(task.train))), task.input_shape[-1]
        self.images = np.ascontiguousarray(train.inputs.permute(0, 2, 3, 1).numpy())
        self.labels = train.targets.tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(side, padding=padding(side)),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        from PIL import Image

        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def loop(config: Config, task: Task, cores: int) -> Runner:
    """The plain PyTorch loop over the cohort's one network."""
    (member,) = members(config)
    device, recipe = torch.device(config.runtime.device), config.recipe
    network = build(member, config).to(device)
    optimizer = torch.optim.SGD(
        network.parameters(), lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    loader = DataLoader(
        PilImages(task),
        batch_size=recipe.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=max(1, cores - 1),
        pin_memory=device.type == "cuda",
        persistent_workers=True,
    )

    def endless() -> Iterator[list[Tensor]]:
        while True:
            yield from loader

    batches = endless()

    def run(steps: int) -> None:
        for _ in range(steps):
            inputs, targets = (tensor.to(device, non_blocking=True) for tensor in next(batches))
            optimizer.zero_grad()
            with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
                loss = nn.functional.cross_entropy(network(inputs), targets)
            loss.backward()
            optimizer.step()

    return run
