"""Diagnostics on finished runs, without training again."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from degradation.checks import ConfigError
from degradation.config.places import command
from degradation.diagnostics.begun import Begun
from degradation.diagnostics.diagnostic import FINAL, INIT, Diagnostic, diagnostic, rows
from degradation.records.columns import Row
from degradation.records.files import checksum
from degradation.records.run import CHECKPOINT, CONFIG, STATUS, DamagedRunError, RunFolder, verify
from degradation.training.finished import cohort_at_start, load_cohort

MOST_NAMED = 3  # runs in a refusal
DIGITS = 12  # of a checksum


def diagnose(
    experiment: str, name: str, runtime: Mapping[str, Any], depths: Collection[int] | None = None
) -> tuple[list[Path], list[str]]:
    """Make a diagnostic on the finished runs of an experiment and put its table into each run's folder.

    Args:
        runtime: the `runtime` keys to load and compute with.
        depths: of the runs to make it on, those with one of them; None: every run.

    Returns:
        The folders of the runs, and a sentence for every finished run that it could not be made on.

    Raises:
        ConfigError: there is no such diagnostic, or no finished run that it can be made on.
    """
    which = diagnostic(name)
    runs = Path(runtime["runs_dir"]) / experiment
    made, left_out = [], []
    for status in sorted(runs.glob(f"**/{STATUS}")):
        folder = RunFolder(status.parent)
        try:
            if verify(folder.path) and (depths is None or _depths(folder.path) & set(depths)):
                with folder.lock():
                    _diagnose(folder, name, which, runtime)
                made.append(folder.path)
        except TimeoutError:
            left_out.append(f"{folder.path} is being written by another process.")
        except (ConfigError, DamagedRunError) as error:
            left_out.append(str(error))
    if not made:
        train = f"{command('train')} -m experiment={experiment}"
        of = f" of {', '.join(map(str, depths))} layers" if depths else ""
        reasons = left_out[:MOST_NAMED] or [f"{runs} holds no finished run{of}; train with: {train}"]
        raise ConfigError(" ".join(reasons))
    return made, left_out


def _depths(folder: Path) -> set[int]:
    """Of a finished run's networks."""
    depth = yaml.safe_load((folder / CONFIG).read_text())["config"]["depth"]
    return set(depth) if isinstance(depth, list) else {depth}


def _diagnose(folder: RunFolder, name: str, which: Diagnostic, runtime: Mapping[str, Any]) -> None:
    cohort = load_cohort(folder.path, runtime)
    if not which.fits(cohort.engine.task):
        raise ConfigError(f"diagnostic {name} does not fit task {cohort.config.task.name}.")
    weights = checksum(folder.path / CHECKPOINT)[:DIGITS]  # what was begun on other weights is not gone on with
    begun = Begun(which.key, folder.path / f".{which.table}.{weights}.begun")
    found: list[Row] = []
    if INIT in which.moments:
        found = rows(which, cohort_at_start(folder.path, runtime), INIT, begun)
    if FINAL in which.moments:
        found = rows(which, cohort, FINAL, begun)
    folder.add_diagnostic(which.table, found, which.key, which.columns)
    begun.forget()
