"""An experiment's tables, for notebooks and scripts: yours where there are some, else the committed reference's."""

from pathlib import Path

import pandas as pd

from degradation.checks import ConfigError
from degradation.records.columns import CONDITION, KEY, NETWORKS
from degradation.records.tables import read
from degradation.reports.publish import REFERENCE


def load_table(
    experiment: str, table: str = "networks", results: str | Path = "results", condition: str | None = ""
) -> pd.DataFrame:
    """A table as a data frame.

    Args:
        experiment: its name.
        table: networks, curves, or what a diagnostic left, such as layers or predictions.
        results: the folder of all results.
        condition: of the networks, as networks.csv has it; empty: the experiment as its file has it; None: all.

    Raises:
        ConfigError: there is no such table, or it is damaged.
    """
    own, reference = Path(results) / experiment, Path(results) / REFERENCE / experiment
    folder = own if (own / "networks.csv").exists() else reference
    tables = sorted(path.name.split(".")[0] for path in folder.glob("*.csv*"))
    if table not in tables:
        raise ConfigError(
            f"there is no table {table!r} of {experiment} in {own} or {reference}; "
            + (f"there are {', '.join(tables)}." if tables else "nothing was run.")
        )
    networks = read(folder / "networks.csv", NETWORKS)
    if condition is not None:
        networks = networks[networks[CONDITION] == condition]
    if table == "networks":
        return networks.reset_index(drop=True)
    return read(folder / f"{table}.csv", KEY).merge(networks[KEY], on=KEY).reset_index(drop=True)
