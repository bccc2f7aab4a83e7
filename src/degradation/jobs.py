"""From Hydra's configuration to checked jobs. Used by every entry point; imports no torch."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from degradation.config import Config, ConfigError, parse
from degradation.wandb_view import check_key


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


def sentences_for_errors(main: Callable[[DictConfig], Any]) -> Callable[[DictConfig], Any]:
    """Wrap an entry point: wrong configuration ends it with a sentence and exit code 2, without a traceback."""

    @wraps(main)
    def wrapped(composed: DictConfig) -> Any:
        try:
            return main(composed)
        except ConfigError as error:
            print(f"error: {error}", file=sys.stderr)
            raise SystemExit(2) from None

    return wrapped


def train_job(composed: DictConfig) -> None:
    """Hydra's task function: one cohort. In a sweep a failure is raised for the sweep to report."""
    config = parse(composed)
    chosen = HydraConfig.get()
    in_sweep = not OmegaConf.is_missing(chosen.job, "num")
    if not in_sweep:
        preflight(config)
    from degradation.training.fit import JobFailedError, train  # ten seconds of imports, after all checks

    experiment = chosen.runtime.choices["experiment"]
    defaults = defaults_of(experiment)
    if in_sweep:
        train(config, defaults, show_progress=False)
        return
    try:
        run = train(config, defaults, show_progress=sys.stdout.isatty())
    except JobFailedError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except SystemExit:
        print("stopped; the same command goes on from the last checkpoint.", file=sys.stderr)
        raise
    print(f"done: {run.path}")
    print(f"tables and figures: python experiments/report.py experiment={experiment}")


def report_job(composed: DictConfig) -> None:
    """Write one experiment's tables and figures and print what they show."""
    from degradation.report import report

    runtime = parse(composed).runtime
    print(report(defaults_of(HydraConfig.get().runtime.choices["experiment"]), runtime).text)


def bench_job(composed: DictConfig) -> None:
    """Time the configured cohort stacked and one by one."""
    config = parse(composed)
    from degradation.training.bench import bench

    print(bench(config))
