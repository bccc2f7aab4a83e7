"""`experiments/train.py`: one cohort, by itself or as a job of a sweep."""

import multiprocessing
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from degradation.commands.errors import sentences
from degradation.config import Config, parse
from degradation.config.composition import check_name, defaults_of
from degradation.config.places import command
from degradation.records.run import JobInterruptedError, Run
from degradation.sweeps.exits import STOPPED
from degradation.sweeps.preflight import check_launcher, preflight
from degradation.sweeps.workers import exit_with_parent
from degradation.training import deadline

if TYPE_CHECKING:
    import pytorch_lightning as pl

    from degradation.training.cohort import Cohort


def train_job(composed: DictConfig) -> None:
    """Hydra's task function: one cohort. In a sweep whatever goes wrong is raised, for the sweep to report."""
    chosen = HydraConfig.get()
    experiment = chosen.runtime.choices.get("experiment")
    launcher = chosen.runtime.choices.get("hydra/launcher")
    if not OmegaConf.is_missing(chosen.job, "num"):
        _train_in_sweep(parse(composed), experiment, launcher)
        return
    with sentences():
        defaults, config = defaults_of(experiment), parse(composed)
        check_name(config, experiment)
        check_launcher(launcher)
        preflight([config])
        deadline.start(config.runtime)
        run = _train_alone(config, defaults)
    print(f"done: {run.path}")
    print(f"tables and figures: {command('report')} experiment={experiment}")


def train_watched(config: Config, defaults: Config, *, show_progress: bool) -> Run:
    """Train a cohort with diagnostics and W&B looking on; see `degradation.training.fit.train`."""
    from degradation.training.fit import train  # ten seconds of imports, after all checks

    return train(config, defaults, show_progress=show_progress, watching=watching)


@contextmanager
def watching(run: Run, cohort: "Cohort") -> "Iterator[list[pl.Callback]]":
    """The callbacks of a cohort that is trained: its diagnostics, and its view in W&B."""
    from degradation.diagnostics.live import LiveDiagnostics
    from degradation.tracking.curve import wandb_curve

    with wandb_curve(run) as view:
        yield [LiveDiagnostics(run, cohort), *view]


def _train_alone(config: Config, defaults: Config) -> Run:
    try:
        return train_watched(config, defaults, show_progress=sys.stdout.isatty())
    except (SystemExit, KeyboardInterrupt) as stopped:
        if isinstance(stopped, SystemExit) and stopped.code == deadline.EXIT_CODE:
            print(deadline.sentence(config.runtime, ""), file=sys.stderr)
            raise
        print("Stopped; the same command goes on from the last checkpoint.", file=sys.stderr)
        raise SystemExit(STOPPED) from None


def _train_in_sweep(config: Config, experiment: str | None, launcher: str | None) -> None:
    if deadline.passed():
        return  # the next call of the sweep starts it
    in_worker = multiprocessing.current_process().name != "MainProcess"
    if in_worker:
        exit_with_parent()
    try:
        train_watched(config, defaults_of(experiment), show_progress=False)
    except SystemExit as error:
        if error.code == deadline.EXIT_CODE:
            return
        if not in_worker and launcher != "slurm":  # the sweep's own process was asked to stop
            raise KeyboardInterrupt from error
        # this worker or SLURM job alone was; the others go on
        raise JobInterruptedError("interrupted; its checkpoint is kept") from error
