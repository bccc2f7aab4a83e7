"""From run folders to the tables of an experiment."""

from pathlib import Path

from degradation.records.rows import CURVES, KEY, LAYERS, NETWORKS, PREDICTIONS
from degradation.records.run import STATUS, DamagedRunError, verify
from degradation.records.tables import read_texts, upsert

# results table: file in a run's folder, key, columns
TABLES = {
    "networks.csv": ("records.csv", KEY, NETWORKS),
    "curves.csv": ("curves.csv", [*KEY, "step"], CURVES),
    "layers.csv": ("layers.csv", [*KEY, "moment", "layer"], LAYERS),
    "predictions.csv": ("predictions.csv", [*KEY, "x"], PREDICTIONS),
}


def collect(runs: Path, results: Path) -> list[str]:
    """Put the rows of all finished runs of an experiment into its tables, replacing rows of the same network.

    Args:
        runs: `runs/<experiment>`.
        results: `results/<experiment>`, made if missing.

    Returns:
        A sentence for every run that was left out because a file of it is damaged.
    """
    whole, damaged = [], []
    for status in sorted(runs.glob(f"**/{STATUS}")):
        try:
            if verify(status.parent):
                whole.append(status.parent)
        except DamagedRunError as error:
            damaged.append(str(error))
    results.mkdir(parents=True, exist_ok=True)
    for name, (source, key, columns) in TABLES.items():
        files = [folder / source for folder in whole if (folder / source).exists()]
        if files:
            upsert(results / name, read_texts(files, columns), key, columns)
    return damaged
