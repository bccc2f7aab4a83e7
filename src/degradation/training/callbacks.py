"""What happens beside training: files, progress, signals. None of it changes the run."""

import math
import time
from typing import Any

import pytorch_lightning as pl
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from degradation.records.columns import CURVES
from degradation.records.run import CHECKPOINT, Run
from degradation.training import checkpoints, deadline
from degradation.training.cohort import Cohort, Segment, median_over_seeds

STATUS_SECONDS = 0.5  # between two writes of status.json


class Interrupted(SystemExit):
    """The job was asked to stop; its checkpoint lets the same command go on."""


def losses_by_variant(cohort: Cohort) -> dict[str, float]:
    """Median training loss of each variant at the last evaluation."""
    last = cohort.curve[-len(cohort.members) :]
    variants = dict.fromkeys(row["variant"] for row in last)
    medians = {
        name: median_over_seeds([row for row in last if row["variant"] == name], "train_loss") for name in variants
    }
    return {name: math.inf if value is None else value for name, value in medians.items()}


class RunFiles(pl.Callback):
    """Keeps status.json, curves.csv and last.ckpt up to date; stops with a checkpoint on SIGTERM or when time is up."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.last_status = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, cohort: pl.LightningModule, outputs: Any, segment: Segment, index: int
    ) -> None:
        assert isinstance(cohort, Cohort)
        out_of_time = deadline.passed()
        if segment.checkpoint or trainer.received_sigterm or out_of_time:
            checkpoints.save(self.run.path / CHECKPOINT, cohort.checkpoint())
        if segment.evaluate:
            self.run.write_rows("curves.csv", cohort.curve, CURVES)
        if time.monotonic() - self.last_status > STATUS_SECONDS:
            self.last_status = time.monotonic()
            self.run.write_status("running", **progress(cohort))
        if trainer.received_sigterm:
            raise Interrupted(143)
        if out_of_time and cohort.step < cohort.config.recipe.max_steps:
            raise Interrupted(deadline.EXIT_CODE)


def progress(cohort: Cohort) -> dict[str, Any]:
    """How far a cohort is, for status.json."""
    return {
        "step": cohort.step,
        "max_steps": cohort.config.recipe.max_steps,
        "seconds": round(cohort.seconds, 3),
        "losses": losses_by_variant(cohort),
    }


class ProgressBar(pl.Callback):
    """A bar over the steps of one cohort, with the last losses."""

    def __init__(self) -> None:
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps  {task.fields[speed]}  left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
        )

    def on_train_start(self, trainer: pl.Trainer, cohort: pl.LightningModule) -> None:
        assert isinstance(cohort, Cohort)
        self.first_step, self.began = cohort.step, time.monotonic()
        depths = "+".join(map(str, cohort.config.depths))
        self.task = self.bar.add_task(
            f"depth {depths}", total=cohort.config.recipe.max_steps, completed=cohort.step, speed="", losses=""
        )
        self.bar.start()

    def on_train_batch_end(self, trainer: pl.Trainer, cohort: pl.LightningModule, *args: Any) -> None:
        assert isinstance(cohort, Cohort)
        speed = (cohort.step - self.first_step) / max(time.monotonic() - self.began, 1e-9)
        losses = "  ".join(f"{variant} {loss:.2e}" for variant, loss in losses_by_variant(cohort).items())
        self.bar.update(self.task, completed=cohort.step, speed=f"{speed:.0f}/s", losses=losses)

    def on_fit_end(self, trainer: pl.Trainer, cohort: pl.LightningModule) -> None:
        self.bar.stop()

    def on_exception(self, trainer: pl.Trainer, cohort: pl.LightningModule, exception: BaseException) -> None:
        self.bar.stop()


class VariantBars(pl.Callback):
    """A bar over the steps for each variant of one depth, with its last median training error."""

    def __init__(self) -> None:
        parts = (TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn())
        self.bars = Progress(*parts, TextColumn("steps  training error {task.fields[error]}"))

    def on_train_start(self, trainer: pl.Trainer, cohort: pl.LightningModule) -> None:
        assert isinstance(cohort, Cohort)
        steps, depth = cohort.config.recipe.max_steps, cohort.config.depths[0]
        self.tasks = {
            variant: self.bars.add_task(f"{variant}-{depth}", total=steps, completed=cohort.step, error="")
            for variant in cohort.config.variants
        }
        self.bars.start()

    def on_train_batch_end(self, trainer: pl.Trainer, cohort: pl.LightningModule, *args: Any) -> None:
        assert isinstance(cohort, Cohort)
        last = cohort.curve[-len(cohort.members) :]
        for variant, task in self.tasks.items():
            error = median_over_seeds([row for row in last if row["variant"] == variant], "train_error")
            shown = "diverged" if error is None or math.isinf(error) else f"{error:.1f} % at step {last[0]['step']}"
            self.bars.update(task, completed=cohort.step, error=shown)

    def on_fit_end(self, trainer: pl.Trainer, cohort: pl.LightningModule) -> None:
        self.bars.stop()

    def on_exception(self, trainer: pl.Trainer, cohort: pl.LightningModule, exception: BaseException) -> None:
        self.bars.stop()
