"""From results/ to results/reference/: an experiment's own records, without the variations tried beside it."""

import gzip
from pathlib import Path

import pandas as pd

from degradation.checks import ConfigError
from degradation.config import Config, Runtime
from degradation.records.columns import CONDITION, KEY, NETWORKS
from degradation.records.files import write_bytes, write_text
from degradation.records.identity import own_conditions
from degradation.records.tables import COMPRESSED, DamagedTableError, read
from degradation.reports.condition import is_own

REFERENCE = "reference"  # below the results folder
SUMMARY = "summary.csv"  # drawn from the other tables
LARGEST = 2_000_000  # bytes of a table that is published as it is


def publish(defaults: Config, runtime: Runtime) -> Path:
    """Write the tables of the reference anew; figures and README are drawn from them by a report on that folder.

    Returns:
        The reference's folder of this experiment.

    Raises:
        ConfigError: there are no records of the experiment as its file has it, or a table is damaged.
    """
    name = defaults.experiment.name
    source = Path(runtime.results_dir) / name
    target = Path(runtime.results_dir) / REFERENCE / name
    nothing = f"{source} holds no records of {name} as its file has it; nothing was published."
    if not (source / "networks.csv").exists():
        raise ConfigError(nothing)
    tables: dict[str, pd.DataFrame] = {}
    for file in sorted({path.name.removesuffix(COMPRESSED) for path in source.glob("*.csv*")} - {SUMMARY}):
        try:
            tables[file] = read(source / file, NETWORKS if file == "networks.csv" else KEY)
        except DamagedTableError as error:
            raise ConfigError(str(error)) from error
    networks = tables["networks.csv"]
    conditions = own_conditions(defaults)
    chosen = networks[is_own(networks, conditions) & networks["variant"].isin(defaults.variants)]
    if chosen.empty:
        raise ConfigError(nothing)
    lacking = [now.name for label, now in conditions.items() if label not in set(chosen[CONDITION])]
    if lacking:
        raise ConfigError(f"{source} lacks {', '.join(lacking)} of the sweep of {name}; nothing was published.")
    own = chosen[KEY]  # of the sweep's conditions and variants, and none that was tried beside
    tables = {file: rows.merge(own, on=KEY) for file, rows in tables.items()}
    target.mkdir(parents=True, exist_ok=True)
    written = {_write(target / file, rows) for file, rows in tables.items()}
    for old in target.glob("*.*"):
        if old not in written:
            old.unlink()
    return target


def _write(path: Path, rows: pd.DataFrame) -> Path:
    """Write a table, compressed if it is large for a repository; the same rows give the same bytes.

    networks.csv, by which an experiment's folder is known, stays as it is.
    """
    text = rows.to_csv(index=False, float_format="%.9g")
    if len(text) <= LARGEST or path.name == "networks.csv":
        write_text(path, text)
        return path
    compressed = path.with_name(path.name + COMPRESSED)
    write_bytes(compressed, gzip.compress(text.encode(), mtime=0))
    return compressed
