"""`experiments/train.py`: one cohort, by itself or as a job of a sweep."""

import csv
import math
import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from degradation.commands.entry import COMMAND
from degradation.commands.errors import sentences
from degradation.config import Config, parse
from degradation.config.composition import check_name, defaults_of
from degradation.config.places import command
from degradation.config.secrets import refuse_secrets
from degradation.records.environment import Called
from degradation.records.run import JobInterruptedError, Run, RunFolder
from degradation.sweeps.exits import STOPPED
from degradation.sweeps.preflight import check_launcher, preflight
from degradation.sweeps.workers import exit_with_parent, give_way
from degradation.training import deadline

if TYPE_CHECKING:
    import pytorch_lightning as pl

    from degradation.training.cohort import Cohort
    from degradation.training.fit import Watching


def train_job(composed: DictConfig) -> float | None:
    """Hydra's task function: one cohort. In a sweep whatever goes wrong is raised, for the sweep to report.

    Returns:
        In a sweep, what an optimizer of settings minimises; see `objective`.
    """
    chosen = HydraConfig.get()
    experiment = chosen.runtime.choices.get("experiment")
    launcher = chosen.runtime.choices.get("hydra/launcher")
    if not OmegaConf.is_missing(chosen.job, "num"):
        return _train_in_sweep(parse(composed), experiment, launcher)
    with sentences():
        defaults, config = defaults_of(experiment), parse(composed)
        check_name(config, experiment)
        check_launcher(launcher)
        refuse_secrets({"command": os.environ.get(COMMAND, "")})
        preflight([config])
        deadline.start(config.runtime)
        run = train_alone(config, defaults, show_progress=sys.stdout.isatty())
    print(f"done: {run.path}")
    print(f"tables and figures: {command('report')} experiment={experiment}")
    return None


def called() -> Called:
    """The command and this job's overrides."""
    typed = os.environ.get(COMMAND, "")
    if not HydraConfig.initialized():  # called from Python
        return Called(typed)
    overrides = HydraConfig.get().overrides
    return Called(typed, [*overrides.hydra, *overrides.task])


def objective(run: RunFolder) -> float:
    """What an optimizer of settings minimises: the mean training error of a finished cohort's networks in percent, or
    the mean of log10 of their training losses where there are no errors; infinite if a network diverged.
    """
    with open(run.path / "records.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    if any(row["status"] != "done" for row in rows):
        return math.inf
    errors = [float(row["train_error"]) for row in rows if row["train_error"]]
    values = errors or [math.log10(max(float(row["train_loss"]), sys.float_info.min)) for row in rows]
    return sum(values) / len(values)


@contextmanager
def watching(run: Run, cohort: "Cohort") -> "Iterator[list[pl.Callback]]":
    """The callbacks of a cohort that is trained: its diagnostics, and its view in W&B."""
    from degradation.diagnostics.live import LiveDiagnostics
    from degradation.tracking.curve import wandb_curve

    with wandb_curve(run) as view:
        yield [LiveDiagnostics(run, cohort), *view]


def train_watched(config: Config, defaults: Config, *, show_progress: bool, watching: "Watching" = watching) -> Run:
    """Train a cohort with diagnostics and W&B looking on; see `degradation.training.fit.train`."""
    from degradation.training.fit import train  # ten seconds of imports, after all checks

    return train(config, defaults, show_progress=show_progress, watching=watching, called=called())


def train_alone(config: Config, defaults: Config, *, show_progress: bool, watching: "Watching" = watching) -> Run:
    """`train_watched`, ended with a sentence by Ctrl-C and when time is up."""
    try:
        return train_watched(config, defaults, show_progress=show_progress, watching=watching)
    except (SystemExit, KeyboardInterrupt) as stopped:
        if isinstance(stopped, SystemExit) and stopped.code == deadline.EXIT_CODE:
            print(deadline.sentence(config.runtime, ""), file=sys.stderr)
            raise
        print("Stopped; the same command goes on from the last checkpoint.", file=sys.stderr)
        raise SystemExit(STOPPED) from None


def _train_in_sweep(config: Config, experiment: str | None, launcher: str | None) -> float | None:
    if deadline.passed():
        return None  # the next call of the sweep starts it
    in_worker = multiprocessing.current_process().name != "MainProcess"
    if in_worker:
        exit_with_parent()
        give_way()
    try:
        return objective(train_watched(config, defaults_of(experiment), show_progress=False))
    except SystemExit as error:
        if error.code == deadline.EXIT_CODE:
            return None
        if not in_worker and launcher != "slurm":  # the sweep's own process was asked to stop
            raise KeyboardInterrupt from error
        # this worker or SLURM job alone was; the others go on
        raise JobInterruptedError("interrupted; its checkpoint is kept") from error
