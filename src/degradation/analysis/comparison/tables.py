"""Reading the networks of a folder, refusing what cannot be compared."""

from pathlib import Path

import numpy as np
import pandas as pd

from degradation.checks import ConfigError, require
from degradation.records.columns import BASELINES, ERRORS, KEY, LOSSES
from degradation.records.tables import DamagedTableError, read

COLUMNS = [*KEY, *LOSSES, *ERRORS, *BASELINES, "status"]
FILE = "networks.csv"


def read_folder(folder: Path) -> pd.DataFrame:
    """All networks below a folder of results, or in the folder of one experiment.

    Raises:
        ConfigError: there are none, or a table is damaged, lacks columns or values, or holds a network twice.
    """
    require(folder.is_dir(), f"{folder} is no folder; name one with tables, such as results or results/reference.")
    paths = [folder / FILE] if (folder / FILE).exists() else sorted(folder.glob(f"*/{FILE}"))
    require(bool(paths), f"{folder} holds no tables ({FILE}, or EXPERIMENT/{FILE}); `make sweep-depth` writes them.")
    networks = pd.concat([_read(path) for path in paths], ignore_index=True)
    twice = networks[networks.duplicated(KEY)]
    if len(twice):
        raise ConfigError(f"{folder} holds a network twice: {_name(twice.iloc[0])}.")
    return networks


def _read(path: Path) -> pd.DataFrame:
    try:
        table = read(path, COLUMNS)
    except (DamagedTableError, OSError) as error:
        raise ConfigError(f"{error} It cannot be compared.") from error
    require(len(table) > 0, f"{path} has no rows.")
    for name in ["depth", "seed", *LOSSES, *ERRORS, *BASELINES]:
        table[name] = pd.to_numeric(table[name], errors="coerce").astype(float)
    for name in KEY:
        _refuse(path, table[table[name].isna()], f"has no {name}")
    table["depth"], table["seed"] = table["depth"].astype(int), table["seed"].astype(int)
    _refuse(path, table[~table["status"].isin(["done", "diverged"])], "has a status other than done and diverged")
    classified = table["chance_error"].notna()
    for name in [*LOSSES, *ERRORS]:
        lacking = (table["status"] == "done") & ~np.isfinite(table[name]) & (classified | (name in LOSSES))
        _refuse(path, table[lacking], f"is done and has no {name}")
    for name in LOSSES:
        _refuse(path, table[(table["status"] == "done") & (table[name] < 0)], f"has a negative {name}")
        baseline = f"mean_{name}"
        _refuse(path, table[(table["status"] == "diverged") & table[baseline].isna()], f"has no {baseline}")
    return table


def _refuse(path: Path, rows: pd.DataFrame, fault: str) -> None:
    if len(rows):
        raise ConfigError(f"{path}: the network {_name(rows.iloc[0])} {fault}; it cannot be compared.")


def _name(row: pd.Series) -> str:
    return f"{row['variant']}, depth {row['depth']:g}, seed {row['seed']:g}"
