"""The data of any task for Lightning: the batches that a network of a cohort takes, in its order, its crops and flips.

The order is ours: batches are always full and run across the ends of passes. To Lightning an epoch is therefore a fixed
number of steps, the fewest that hold as many examples as there are.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from degradation.checks import require
from degradation.config import Config, parsing
from degradation.tasks.spec import TASKS
from degradation.tasks.task import Batch, Examples, Task
from degradation.training.engines import DTYPES

Taken = tuple[Tensor, Tensor]  # inputs (B, ...) as networks take them, targets (B, ...)


class Steps(Dataset[Taken]):
    """What every step of a seed takes, by the step's number."""

    def __init__(self, task: Task, seed: int, batch_size: int) -> None:
        self.task, self.seed, self.batch_size = task, seed, batch_size
        self.per_epoch = -(-len(task.train) // batch_size)
        self.epoch = -1
        self.drawn: Batch | None = None  # of the epoch, (steps, B)

    def __getitem__(self, step: int) -> Taken:
        epoch, place = divmod(step, self.per_epoch)
        if self.drawn is None or epoch != self.epoch:
            start = epoch * self.per_epoch
            where = {"batch_size": self.batch_size, "start": start, "stop": start + self.per_epoch}
            self.epoch, self.drawn = epoch, self.task.batches(self.seed, **where)
        return self.task.training_batch(self.drawn[place])


class Epochs(Sampler[int]):
    """The numbers of an epoch's steps; Lightning says which epoch it is."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.epoch * self.steps, (self.epoch + 1) * self.steps))


class Parts(Dataset[Taken]):
    """All examples in order, part by part."""

    def __init__(self, task: Task, examples: Examples) -> None:
        self.task, self.examples = task, examples
        self.indices = torch.arange(len(examples)).split(task.evaluation_batch)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> Taken:
        part = self.examples.take(self.indices[place])
        return self.task.prepare(part.inputs), part.targets


class LitData(pl.LightningDataModule):
    """A task of the registry. Validation and test are both the task's test set: the suite selects nothing by it.

    Args:
        task: keys of conf/task/NAME.yaml.
        batch_size: training examples a step.
        seed: of the order, the crops and the flips.
        precision: the recipe's; `fp64` gives float64, others float32.
        data_dir: where data sets are.
        download: fetch what is missing.
        loader_workers: processes that prepare batches ahead.

    Raises:
        ConfigError: a key is unknown or wrong; while preparing, data are missing or damaged.
    """

    def __init__(
        self,
        task: dict[str, Any],
        batch_size: int,
        seed: int = 0,
        precision: str = "fp32",
        data_dir: str = "data",
        download: bool = True,
        loader_workers: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.spec = parsing.choice(TASKS, task, "task", "name")
        self.batch_size, self.seed, self.precision = batch_size, seed, precision
        self.data_dir, self.download, self.loader_workers = Path(data_dir), download, loader_workers

    @classmethod
    def of(cls, config: Config) -> "LitData":
        """The data of the one network that a configuration describes.

        Raises:
            ConfigError: it has several seeds, which take batches of their own.
        """
        require(
            len(config.seeds) == 1,
            f"LitData is of one seed and the configuration has {len(config.seeds)}; set seeds=[0], say.",
        )
        runtime = config.runtime
        return cls(
            task=asdict(config.task),  # type: ignore[call-overload]
            batch_size=config.recipe.batch_size,
            seed=config.seeds[0],
            precision=config.recipe.precision,
            data_dir=runtime.data_dir,
            download=runtime.download,
            loader_workers=runtime.loader_workers,
        )

    def prepare_data(self) -> None:
        self.spec.prepare(self.data_dir, self.download)

    def setup(self, stage: str) -> None:
        loaded = self.spec.load(self.data_dir, self.download)
        self.task = loaded.to(torch.device("cpu"), DTYPES[self.precision])

    def train_dataloader(self) -> DataLoader[Taken]:
        steps = Steps(self.task, self.seed, self.batch_size)
        return self._loader(steps, sampler=Epochs(steps.per_epoch))

    def val_dataloader(self) -> DataLoader[Taken]:
        return self._loader(Parts(self.task, self.task.test))

    def test_dataloader(self) -> DataLoader[Taken]:
        return self.val_dataloader()

    def _loader(self, batches: Dataset[Taken], **order: Any) -> DataLoader[Taken]:
        return DataLoader(batches, batch_size=None, num_workers=self.loader_workers, **order)
