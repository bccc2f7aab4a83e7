"""The cohort: the networks that one job trains in lockstep, as a LightningModule.

To Lightning a batch is a segment, the steps up to the next evaluation or checkpoint (at most `runtime.segment_steps`).
The cohort counts the steps itself; Lightning's own counters count segments and decide nothing.
"""

import math
import time
from statistics import median
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset

from degradation.config import Config
from degradation.networks.build import count_multiply_adds, count_parameters
from degradation.records.columns import BASE, Row
from degradation.records.identity import base_digest, digest, identity
from degradation.tasks.task import Task
from degradation.training.engines import Engine
from degradation.training.graph import GraphEngine
from degradation.training.members import Member, build, matched, members
from degradation.training.start import starts

ENGINES: dict[str, type[Engine]] = {"sequential": Engine, "stacked": Engine, "graph": GraphEngine}
STUCK = 0.95  # of the loss of predicting the mean, or of the error of always guessing the same


class Segment(NamedTuple):
    """Steps `start` to `stop` (excluded), and what follows them."""

    start: int
    stop: int
    evaluate: bool
    checkpoint: bool


def segments(config: Config, start: int) -> list[Segment]:
    """The segments from step `start` to the last step."""
    recipe, runtime = config.recipe, config.runtime
    evaluations = set(recipe.evaluation_steps)
    checkpoints = {*range(0, recipe.max_steps, runtime.checkpoint_every_steps), recipe.max_steps}
    ends = sorted(evaluations | checkpoints | set(range(0, recipe.max_steps, runtime.segment_steps)))
    stops = [step for step in ends if step > start]
    return [
        Segment(begin, stop, stop in evaluations, stop in checkpoints)
        for begin, stop in zip([start, *stops], stops, strict=False)
    ]


class Segments(Dataset[Segment]):
    """`segments` as Lightning takes them."""

    def __init__(self, chosen: list[Segment]) -> None:
        self.chosen = chosen

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, index: int) -> Segment:
        return self.chosen[index]


def loader(config: Config, start: int) -> DataLoader[Segment]:
    """The segments from step `start` to the last step, one a batch of Lightning's."""
    return DataLoader(Segments(segments(config, start)), batch_size=None)


def median_over_seeds(rows: list[Row], name: str) -> float | None:
    """The median of a column; a diverged network counts as infinite, and a column without any number is None."""
    values = [row[name] for row in rows]
    if all(math.isnan(value) for value in values):
        return None
    return median(math.inf if math.isnan(value) else value for value in values)


class Cohort(pl.LightningModule):
    """All networks of one job.

    Args:
        checkpoint: what to go on from once the fit begins.
        started: whether networks that start as trained ones do so; not needed where a finished checkpoint follows.

    Attributes:
        step: steps taken so far by every network.
        curve: one row a network and evaluation so far.
        seconds: time spent in training and evaluation so far, interruptions not counted.
        digests: by variant, of what the networks are trained with.
    """

    def __init__(
        self, config: Config, task: Task, checkpoint: dict[str, Any] | None = None, started: bool = True
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.config = config
        self.members = members(config)
        self.engine = ENGINES[config.runtime.engine](config, task, starts(config, task) if started else None)
        self.step = 0
        self.curve: list[Row] = []
        self.seconds = 0.0
        self._checkpoint = checkpoint
        self._mean_losses = {"train": task.mean_loss(task.train), "test": task.mean_loss(task.test)}
        self._chance_error = task.chance_error
        self.digests = {variant: digest(config, variant) for variant in config.variants}

    def configure_optimizers(self) -> Any:
        self.engine.to_device(self.device)
        return self.engine.configure_optimizers()

    def on_fit_start(self) -> None:
        if self._checkpoint is not None:
            self.load_checkpoint(self._checkpoint)
        elif self.step == 0:
            self._evaluate()

    def training_step(self, segment: Segment, index: int) -> None:
        began = time.perf_counter()
        self.engine.run(segment.start, segment.stop)
        self.step = segment.stop
        if segment.evaluate:
            self._evaluate()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)  # replays are queued: without this the clock would stop too early
        self.seconds += time.perf_counter() - began

    def _evaluate(self) -> None:
        rates, measured = self.engine.learning_rates(self.step), self.engine.evaluate()
        for member in self.members:
            row = self.key(member) | {"step": self.step, "lr": rates[member]} | measured[member]
            self.curve.append(row)

    def key(self, member: Member) -> Row:
        """The columns that identify a network in every table."""
        return {
            "experiment": self.config.experiment.name,
            "digest": self.digests[member.variant],
            "variant": member.variant,
            "depth": member.depth,
            "seed": member.seed,
        }

    def records(self) -> list[Row]:
        """The final row of every network, without the columns that describe machine and folder."""
        diverged = self.engine.diverged_steps()
        last = {(row["depth"], row["variant"], row["seed"]): row for row in self.curve[-len(self.members) :]}
        built = self._as_built()
        rows = []
        for member in self.members:
            measured, step = last[member], diverged[member]
            settings = self.config.of(member.variant)
            network, recipe = settings.network, settings.recipe
            if step is None and not math.isfinite(measured["train_loss"]):
                step = self.step  # the last step itself overflowed
            rows.append(
                self.key(member)
                | built[member.depth, member.variant]
                | {
                    BASE: base_digest(self.config),
                    "task": self.config.task.name,
                    "family": network.family,
                    "width": network.width,
                    "init": network.init,
                    "norm": network.norm,
                    "shortcut": network.shortcut,
                    "batch_size": recipe.batch_size,
                    "lr": recipe.lr,
                    "precision": recipe.precision,
                    "steps": self.step if step is None else step,
                    "train_loss": measured["train_loss"],
                    "test_loss": measured["test_loss"],
                    "train_error": measured["train_error"],
                    "test_error": measured["test_error"],
                    "mean_train_loss": self._mean_losses["train"],
                    "mean_test_loss": self._mean_losses["test"],
                    "status": "done" if step is None else "diverged",
                    "diverged_step": step,
                    "chance_error": self._chance_error,
                    "stuck": step is None and self._is_stuck(measured),
                    "seconds": self.seconds / len(self.members),
                }
            )
        return rows

    def _is_stuck(self, measured: Row) -> bool:
        at_chance = self._chance_error is not None and measured["train_error"] >= STUCK * self._chance_error
        return at_chance or measured["train_loss"] >= STUCK * self._mean_losses["train"]

    def _as_built(self) -> dict[tuple[int, str], Row]:
        """Parameters, multiply-adds, and whether it is matched with plain, for each depth and variant."""
        found: dict[tuple[int, str], Row] = {}
        for member in self.members:
            if (member.depth, member.variant) not in found:
                network = build(member, self.config)
                found[member.depth, member.variant] = {
                    "parameters": count_parameters(network),
                    "multiply_adds": count_multiply_adds(network, self.engine.task.input_shape),
                    "matched": matched(member, self.config),
                }
        return found

    def checkpoint(self) -> dict[str, Any]:
        """Everything that a resumed cohort needs, as plain types and tensors."""
        return {
            "identity": identity(self.config),
            "members": [list(member) for member in self.members],
            "step": self.step,
            "seconds": self.seconds,
            "curve": self.curve,
            "networks": self.engine.member_states(),
        }

    @torch.no_grad()
    def load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from what `checkpoint` gave. Device and engine may be others than those that wrote it."""
        self.step = checkpoint["step"]
        self.seconds = checkpoint["seconds"]
        self.curve = checkpoint["curve"]
        self.engine.load_member_states(checkpoint["networks"])
