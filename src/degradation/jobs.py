"""From Hydra's configuration to checked jobs. Used by every entry point; imports no torch."""

import multiprocessing
import os
import sys
import threading
import time
from functools import cache
from typing import NoReturn

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from degradation.config import Config, ConfigError, parse
from degradation.wandb_view import check_key

WRONG_CONFIGURATION = 2  # exit code


def defaults_of(experiment: str) -> Config:
    """The configuration of an experiment as its file has it, without overrides. Needs an initialised Hydra."""
    return parse(compose("config", [f"experiment={experiment}"]))


def preflight(config: Config) -> None:
    """Refuse what this machine cannot do, before anything is trained.

    Raises:
        ConfigError: CUDA is asked for and there is none, or W&B is asked to go online without a key.
    """
    if config.runtime.device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise ConfigError("runtime.device is cuda and torch finds no CUDA device; use runtime=cpu.")
    check_key(config)


def fail(message: str, code: int) -> NoReturn:
    """End an entry point with a sentence and no traceback."""
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(code) from None


def train_job(composed: DictConfig) -> None:
    """Hydra's task function: one cohort. In a sweep whatever goes wrong is raised, for the sweep to report."""
    chosen = HydraConfig.get()
    experiment = chosen.runtime.choices["experiment"]
    if not OmegaConf.is_missing(chosen.job, "num"):
        _train_in_sweep(parse(composed), experiment)
        return
    try:
        config = parse(composed)
        preflight(config)
        from degradation.training.fit import JobFailedError, train  # ten seconds of imports, after all checks

        run = train(config, defaults_of(experiment), show_progress=sys.stdout.isatty())
    except ConfigError as error:
        fail(str(error), WRONG_CONFIGURATION)
    except JobFailedError as error:
        fail(str(error), 1)
    except SystemExit:
        print("Stopped; the same command goes on from the last checkpoint.", file=sys.stderr)
        raise
    print(f"done: {run.path}")
    print(f"tables and figures: python experiments/report.py experiment={experiment}")


def _train_in_sweep(config: Config, experiment: str) -> None:
    if multiprocessing.current_process().name != "MainProcess":
        exit_with_parent()
    from degradation.training.fit import JobFailedError, train

    try:
        train(config, defaults_of(experiment), show_progress=False)
    except SystemExit as error:  # this worker alone was asked to stop; the other jobs go on
        raise JobFailedError("interrupted; its checkpoint is kept") from error


@cache  # once a process
def exit_with_parent() -> None:
    """End this worker when the sweep that started it is gone; its runs are safe at any moment."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def report_job(composed: DictConfig) -> None:
    """Write one experiment's tables and figures and print what they show."""
    from degradation.report import report

    try:
        runtime = parse(composed).runtime
        print(report(defaults_of(HydraConfig.get().runtime.choices["experiment"]), runtime).text)
    except ConfigError as error:
        fail(str(error), WRONG_CONFIGURATION)


def bench_job(composed: DictConfig) -> None:
    """Time the configured cohort stacked and one by one."""
    try:
        config = parse(composed)
    except ConfigError as error:
        fail(str(error), WRONG_CONFIGURATION)
    from degradation.training.bench import bench

    print(bench(config))
