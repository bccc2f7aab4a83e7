"""`experiments/compare.py`: which of two folders' records differ beyond seed noise."""

from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from degradation.analysis.comparison.cells import compare
from degradation.analysis.comparison.tables import read_folder
from degradation.checks import ConfigError, require
from degradation.commands.errors import sentences
from degradation.reports.comparison import Folders, describe
from degradation.sweeps.exits import FAILED

KEYS = ("ours", "reference", "level")


def compare_job(composed: DictConfig) -> None:
    """Print what differs between two folders of tables; exit code 1 if something does beyond seed noise."""
    with sentences():
        text, different = compare_folders(**parse_comparison(composed))
    print(text)
    if different:
        raise SystemExit(FAILED)


def compare_folders(ours: str, reference: str, level: float) -> tuple[str, bool]:
    """Set two folders of tables against each other.

    Returns:
        What to print, and whether something differs beyond seed noise.

    Raises:
        ConfigError: a folder holds nothing that can be compared, or both have nothing in common.
    """
    require(0 < level < 1, f"level is {level}; it is a share between 0 and 1, such as 0.05.")
    require(Path(ours).resolve() != Path(reference).resolve(), f"ours and reference are the same folder, {ours}.")
    folders = Folders(read_folder(Path(ours)), read_folder(Path(reference)), (ours, reference))
    cells = compare(folders.ours, folders.theirs)
    if not cells:
        raise ConfigError(
            f"{ours} and {reference} have no experiment, digest, variant and depth in common; they hold "
            f"{_experiments(folders.ours)} and {_experiments(folders.theirs)}."
        )
    return describe(folders, cells, level), any(cell.different(level) for cell in cells)


def _experiments(networks: pd.DataFrame) -> str:
    experiments: list[str] = networks["experiment"].tolist()
    digests: list[str] = networks["digest"].tolist()
    pairs = sorted(set(zip(experiments, digests, strict=True)))
    return ", ".join(f"{experiment} ({digest})" for experiment, digest in pairs)


def parse_comparison(composed: DictConfig) -> dict[str, Any]:
    """The checked configuration of conf/compare.yaml.

    Raises:
        ConfigError: a key is unknown or a value of the wrong type.
    """
    try:
        found = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(str(error).splitlines()[0]) from error
    assert isinstance(found, dict)
    for key in found:
        require(key in KEYS, f"{key!s} is not a key of the comparison; allowed: {', '.join(KEYS)}.")
    for key in KEYS:
        require(key in found, f"{key} is not set.")
    for key in ("ours", "reference"):
        require(isinstance(found[key], str), f"{key} is {found[key]!r}; a folder is expected.")
    number = isinstance(found["level"], int | float) and not isinstance(found["level"], bool)
    require(number, f"level is {found['level']!r}; a number is expected.")
    return {str(key): value for key, value in found.items()}
