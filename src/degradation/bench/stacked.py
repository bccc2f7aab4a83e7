"""What stacking gains: all seeds in one cohort against one Lightning fit a network, as such code is usually written.

The module of these fits is `LitNetwork`, which a test holds equal to a cohort; their batches are a DataLoader's.
"""

import time
import warnings
from dataclasses import replace
from statistics import median
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from degradation.config import Config
from degradation.tasks.task import Task
from degradation.training.cohort import Cohort, loader
from degradation.training.fit import quieten
from degradation.training.lit import LitNetwork
from degradation.training.members import load_task


def trainer(**length: Any) -> pl.Trainer:
    """Nothing but the loop, for both sides."""
    return pl.Trainer(
        **length,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def one_by_one(config: Config, task: Task) -> None:
    """One Lightning fit a seed."""
    train = task.train.take(torch.arange(len(task.train)))
    data = TensorDataset(train.inputs.float(), train.targets.float())
    for seed in config.seeds:
        batches = DataLoader(data, batch_size=config.recipe.batch_size, shuffle=True)
        trainer(max_steps=config.recipe.max_steps).fit(LitNetwork.of(replace(config, seeds=[seed])), batches)


def stacked(config: Config, task: Task) -> None:
    """All seeds in one cohort; it also evaluates them, which the other side does not."""
    trainer(max_epochs=1).fit(Cohort(config, task), loader(config, 0))


def bench_stacked(config: Config, repeats: int = 3) -> str:
    """Median CPU seconds of both, taken in turn in one process, and their ratio."""
    quieten()
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    torch.set_num_threads(1)
    task = load_task(config)
    seconds: dict[str, list[float]] = {"one by one": [], "stacked": []}
    for _ in range(repeats):
        for name, run in (("one by one", one_by_one), ("stacked", stacked)):
            began = time.process_time()
            run(config, task)
            seconds[name].append(time.process_time() - began)
    ratios = [one / other for one, other in zip(seconds["one by one"], seconds["stacked"], strict=True)]
    n, steps = len(config.seeds), config.recipe.max_steps
    what = f"{n} {config.variants[0]} networks of depth {config.depths[0]}, {steps} steps"
    return (
        f"{what}: CPU seconds, median of {repeats}, torch {torch.__version__}, 1 thread\n"
        f"  {n} Lightning fits of one network  {median(seconds['one by one']):6.1f}\n"
        f"  one stacked cohort               {median(seconds['stacked']):6.1f}\n"
        f"  ratio                            {median(ratios):6.1f}  (from {min(ratios):.1f} to {max(ratios):.1f})"
    )
