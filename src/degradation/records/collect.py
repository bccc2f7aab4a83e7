"""From run folders to the tables of an experiment."""

from pathlib import Path

from degradation.records.columns import CURVES, KEY, NETWORKS
from degradation.records.run import DIAGNOSTICS, STATUS, DamagedRunError, read_status, verify
from degradation.records.tables import read_texts, upsert

# results table: file in a run's folder, key, columns. Diagnostics' tables come beside these, as the runs declare them.
TABLES = {
    "networks.csv": ("records.csv", KEY, NETWORKS),
    "curves.csv": ("curves.csv", [*KEY, "step"], CURVES),
}


def collect(runs: Path, results: Path) -> list[str]:
    """Put the rows of all finished runs of an experiment into its tables, replacing rows of the same network.

    Args:
        runs: `runs/<experiment>`.
        results: `results/<experiment>`, made if missing.

    Returns:
        A sentence for every run that was left out because a file of it is damaged or of an earlier version.
    """
    whole, damaged = [], []
    for status in sorted(runs.glob(f"**/{STATUS}")):
        try:
            if not verify(status.parent):
                continue
            if is_of_today(status.parent):
                whole.append(status.parent)
            else:
                damaged.append(f"{status.parent} was made by an earlier version of this suite.")
        except DamagedRunError as error:
            damaged.append(str(error))
    results.mkdir(parents=True, exist_ok=True)
    for name, (source, key, columns) in (TABLES | declared(whole)).items():
        files = [folder / source for folder in whole if (folder / source).exists()]
        if files:
            upsert(results / name, read_texts(files, columns), key, columns)
    return damaged


def is_of_today(folder: Path) -> bool:
    """Whether a finished run's records have the columns of this version."""
    with open(folder / TABLES["networks.csv"][0]) as file:
        return set(NETWORKS) <= set(file.readline().rstrip("\n").split(","))


def declared(folders: list[Path]) -> dict[str, tuple[str, list[str], list[str]]]:
    """The tables of diagnostics that finished runs hold."""
    found = {}
    for folder in folders:
        for name, (key, columns) in (read_status(folder) or {}).get(DIAGNOSTICS, {}).items():
            found[name] = (name, [*KEY, *key], [*KEY, *key, *columns])
    return found
