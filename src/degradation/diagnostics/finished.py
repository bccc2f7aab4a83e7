"""Diagnostics on finished runs, without training again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from degradation.checks import ConfigError
from degradation.diagnostics.diagnostic import FINAL, INIT, Diagnostic, diagnostic, rows
from degradation.records.run import STATUS, RunFolder, verify
from degradation.training.finished import cohort_at_start, load_cohort


def diagnose(experiment: str, name: str, runtime: Mapping[str, Any]) -> list[Path]:
    """Make a diagnostic on every finished run of an experiment and put its table into each run's folder.

    Args:
        runtime: the `runtime` keys to load and compute with.

    Returns:
        The folders of the runs.

    Raises:
        ConfigError: there is no such diagnostic, no finished run, or a run whose task it does not fit.
        DamagedRunError: a file of a finished run is damaged.
    """
    which = diagnostic(name)
    runs = Path(runtime["runs_dir"]) / experiment
    folders = [status.parent for status in sorted(runs.glob(f"**/{STATUS}")) if verify(status.parent)]
    if not folders:
        raise ConfigError(
            f"{runs} holds no finished run; train with: python experiments/train.py -m experiment={experiment}"
        )
    for folder in folders:
        _diagnose(folder, name, which, runtime)
    return folders


def _diagnose(folder: Path, name: str, which: Diagnostic, runtime: Mapping[str, Any]) -> None:
    found = []
    cohort = load_cohort(folder, runtime)
    if not which.fits(cohort.engine.task):
        raise ConfigError(f"diagnostic {name} does not fit task {cohort.config.task.name}.")
    if INIT in which.moments:
        found += rows(which, cohort_at_start(folder, runtime), INIT)
    if FINAL in which.moments:
        found += rows(which, cohort, FINAL)
    RunFolder(folder).add_diagnostic(which.table, found, which.key, which.columns)
